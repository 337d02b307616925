//! Second opinions: what the parsers that hosts use make of a text.

use serde::de::{Deserialize, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, VariantAccess, Visitor};
use serde_json::Value;
use std::fmt;

/// A value as serde's own parsers show it, nothing taken away: what JSON could not hold is here as well.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Usual {
    Null,
    Bool(bool),
    Integer(i128),
    Float(f64),
    Text(String),
    List(Vec<Usual>),
    Map(Vec<(Usual, Usual)>),
}

impl Usual {
    /// Returns whether the gate's reading of a document is this one.
    pub(crate) fn is_read_as(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::Null, Value::Null) => true,
            (Self::Bool(usual), Value::Bool(value)) => usual == value,
            (Self::Integer(usual), Value::Number(_)) => integer(value) == Some(*usual),
            (Self::Float(usual), Value::Number(number)) => {
                // What is written without a point is an integer to one and a float to the other, of the same value.
                number.as_f64().is_some_and(|float| float == *usual)
            }
            (Self::Text(usual), Value::String(value)) => usual == value,
            (Self::List(usual), Value::Array(values)) => {
                usual.len() == values.len() && usual.iter().zip(values).all(|(usual, value)| usual.is_read_as(value))
            }
            (Self::Map(usual), Value::Object(members)) => {
                usual.len() == members.len() && Self::are_read_as(usual, members)
            }
            _ => false,
        }
    }

    /// Keys that are no text are known by their text, which only the file has; of those only the values are compared.
    fn are_read_as(usual: &[(Self, Self)], members: &serde_json::Map<String, Value>) -> bool {
        usual.iter().all(|(key, usual)| match key {
            Self::Text(key) => members.get(key).is_some_and(|value| usual.is_read_as(value)),
            _ => members.values().any(|value| usual.is_read_as(value)),
        })
    }
}

fn integer(value: &Value) -> Option<i128> {
    value.as_i64().map(i128::from).or_else(|| value.as_u64().map(i128::from))
}

/// Returns every document of a YAML file as the reader of Rust hosts sees it.
pub(crate) fn usual_yaml(text: &str, depth_max: usize) -> Result<Vec<Usual>, String> {
    let mut options = crate::syntax::yaml_options(depth_max);
    // What is binary stays as it is written: JSON has no bytes.
    options.ignore_binary_tag_for_string = true;
    serde_saphyr::from_str_multiple_with_options(text, options).map_err(|error| error.to_string())
}

/// Returns whether a usual parser reads all of an XML file.
pub(crate) fn usual_xml(text: &str) -> Result<(), String> {
    use quick_xml::{Reader, events::Event};
    let mut reader = Reader::from_str(text);
    reader.config_mut().check_comments = true;
    loop {
        match reader.read_event().map_err(|error| error.to_string())? {
            Event::Eof => return Ok(()),
            Event::Start(tag) | Event::Empty(tag) => {
                for attribute in tag.attributes() {
                    attribute.map_err(|error| error.to_string())?;
                }
            }
            _ => {}
        }
    }
}

/// Returns what a usual parser reads of a CSV file, strict about the number of fields.
pub(crate) fn usual_csv(text: &str) -> Option<Vec<Vec<String>>> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
    let fields = |record: csv::StringRecord| record.iter().map(str::to_owned).collect();
    reader.records().map(|record| record.ok().map(fields)).collect()
}

impl<'de> Deserialize<'de> for Usual {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = Usual;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }

            fn visit_unit<E: Error>(self) -> Result<Usual, E> {
                Ok(Usual::Null)
            }

            fn visit_none<E: Error>(self) -> Result<Usual, E> {
                Ok(Usual::Null)
            }

            fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Usual, D::Error> {
                Usual::deserialize(deserializer)
            }

            fn visit_bool<E: Error>(self, value: bool) -> Result<Usual, E> {
                Ok(Usual::Bool(value))
            }

            fn visit_i64<E: Error>(self, value: i64) -> Result<Usual, E> {
                Ok(Usual::Integer(value.into()))
            }

            fn visit_u64<E: Error>(self, value: u64) -> Result<Usual, E> {
                Ok(Usual::Integer(value.into()))
            }

            fn visit_f64<E: Error>(self, value: f64) -> Result<Usual, E> {
                Ok(Usual::Float(value))
            }

            fn visit_str<E: Error>(self, value: &str) -> Result<Usual, E> {
                Ok(Usual::Text(value.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Usual, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = seq.next_element()? {
                    items.push(item);
                }
                Ok(Usual::List(items))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Usual, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Usual::Map(members))
            }

            fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<Usual, A::Error> {
                let (_, variant) = data.variant::<Usual>()?;
                variant.newtype_variant()
            }
        }

        deserializer.deserialize_any(Reader)
    }
}

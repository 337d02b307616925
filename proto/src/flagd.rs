//! flagd's protocols, as its project publishes them: whole sets of flags, and single answers.
//!
//! Their objects are [`Struct`]s, in which every number is a double. What does not fit one is told, never rounded.

use prost_types::{ListValue, Value as Item, value::Kind};
use serde_json::{Map, Number, Value};

pub use prost_types::Struct;

/// Generated from `published/flagd/sync/v1`: sets of flags for programs that evaluate by themselves.
pub mod sync {
    /// Version 1.
    #[allow(missing_docs, unreachable_pub, deprecated, clippy::all, clippy::pedantic, rust_2018_idioms)]
    pub mod v1 {
        tonic::include_proto!("flagd.sync.v1");
    }
}

/// Generated from `published/flagd/evaluation`: one answer at a time.
pub mod evaluation {
    /// Version 1, in which a value that is not there is an empty one.
    #[allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic, rust_2018_idioms)]
    pub mod v1 {
        tonic::include_proto!("flagd.evaluation.v1");
    }

    /// Version 2.
    #[allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic, rust_2018_idioms)]
    pub mod v2 {
        tonic::include_proto!("flagd.evaluation.v2");
    }
}

/// Encoded `FileDescriptorSet` of these protocols, for gRPC reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/flagd-descriptors.bin"));

/// Largest whole number that a double tells from its neighbours.
const SAFE_INTEGER_MAX: i64 = (1 << 53) - 1;

/// Reads an object. Whole numbers come out as such: an id is an id, however it travelled.
pub fn to_json(object: &Struct) -> Map<String, Value> {
    object.fields.iter().map(|(name, item)| (name.clone(), value(item))).collect()
}

fn value(item: &Item) -> Value {
    match &item.kind {
        None | Some(Kind::NullValue(_)) => Value::Null,
        Some(Kind::BoolValue(value)) => Value::Bool(*value),
        Some(Kind::StringValue(text)) => Value::String(text.clone()),
        Some(Kind::NumberValue(number)) => number_of(*number),
        Some(Kind::ListValue(list)) => list.values.iter().map(value).collect(),
        Some(Kind::StructValue(object)) => Value::Object(to_json(object)),
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "in the range that both hold exactly")]
fn number_of(number: f64) -> Value {
    let is_whole = number.fract() == 0.0 && number.abs() <= SAFE_INTEGER_MAX as f64;
    if is_whole { Value::from(number as i64) } else { Number::from_f64(number).map_or(Value::Null, Value::Number) }
}

/// Writes an object; `None` where a number in it is none that a double holds.
pub fn to_struct(object: &Map<String, Value>) -> Option<Struct> {
    let fields = object.iter().map(|(name, value)| Some((name.clone(), item(value)?)));
    Some(Struct { fields: fields.collect::<Option<_>>()? })
}

fn item(value: &Value) -> Option<Item> {
    let kind = match value {
        Value::Null => Kind::NullValue(0),
        Value::Bool(value) => Kind::BoolValue(*value),
        Value::String(text) => Kind::StringValue(text.clone()),
        Value::Number(number) => {
            let is_safe = match (number.as_i64(), number.as_u64()) {
                (Some(whole), _) => whole.unsigned_abs() <= SAFE_INTEGER_MAX.unsigned_abs(),
                (None, Some(_)) => false,
                (None, None) => true,
            };
            Kind::NumberValue(number.as_f64().filter(|_| is_safe)?)
        }
        Value::Array(items) => Kind::ListValue(ListValue { values: items.iter().map(item).collect::<Option<_>>()? }),
        Value::Object(members) => Kind::StructValue(to_struct(members)?),
    };
    Some(Item { kind: Some(kind) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn objects_survive_the_way_and_whole_numbers_stay_whole() {
        let object = json!({"a": 1, "b": -1.5, "c": [null, true, "x", {"d": 9_007_199_254_740_991_i64}], "e": {}});
        let object = object.as_object().unwrap();
        assert_eq!(to_json(&to_struct(object).unwrap()), *object);
    }

    #[test]
    fn numbers_that_would_be_rounded_are_refused() {
        for number in [json!(9_007_199_254_740_992_i64), json!(-9_007_199_254_740_992_i64), json!(u64::MAX)] {
            let object = json!({"a": [{"b": number}]});
            assert_eq!(to_struct(object.as_object().unwrap()), None, "{object}");
        }
    }

    #[test]
    fn what_is_no_number_in_json_is_nothing() {
        let fields =
            [("a".to_owned(), Item { kind: Some(Kind::NumberValue(f64::NAN)) }), ("b".to_owned(), Item { kind: None })];
        let read = to_json(&Struct { fields: fields.into_iter().collect() });
        assert_eq!(Value::Object(read), json!({"a": null, "b": null}));
    }
}

//! What is known about whom a switch is asked for. Borrowed: asking copies nothing.

use crate::Id;
use serde_json::{Map, Value};

/// The attribute that names the recipient.
pub const TARGETING_KEY: &str = "targetingKey";

/// One value of a context.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Attribute<'a> {
    /// Nothing.
    Null,
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any number.
    Float(f64),
    /// Text.
    Text(&'a str),
    /// Several values, such as roles.
    List(&'a [Attribute<'a>]),
    /// Anything, as it was parsed.
    Json(&'a Value),
}

impl<'a> Attribute<'a> {
    /// Returns the value as plainly as it can be said: numbers and texts in JSON are numbers and texts.
    #[inline]
    pub(crate) fn plain(self) -> Self {
        match self {
            Self::Json(Value::Null) => Self::Null,
            Self::Json(Value::Bool(value)) => Self::Bool(*value),
            Self::Json(Value::String(text)) => Self::Text(text),
            Self::Json(Value::Number(number)) => match number.as_i64() {
                Some(number) => Self::Int(number),
                None => Self::Float(number.as_f64().unwrap_or(f64::NAN)),
            },
            other => other,
        }
    }

    /// Returns the text it is.
    #[inline]
    pub(crate) fn text(self) -> Option<&'a str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Json(Value::String(text)) => Some(text),
            _ => None,
        }
    }

    /// Returns the identity it stands for; `None` for what identifies nobody.
    #[inline]
    pub fn id(self) -> Option<Id<'a>> {
        match self {
            // Whole numbers of the upper half arrive as JSON only.
            Self::Json(Value::Number(number)) if number.is_u64() => number.as_u64().map(Id::Number),
            other => match other.plain() {
                Self::Int(number) => Some(Id::from(number)),
                Self::Text("") => None,
                Self::Text(text) => Some(Id::of_text(text)),
                _ => None,
            },
        }
    }
}

impl From<bool> for Attribute<'_> {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Attribute<'_> {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<f64> for Attribute<'_> {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl<'a> From<&'a str> for Attribute<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(value)
    }
}

impl<'a> From<&'a Value> for Attribute<'a> {
    fn from(value: &'a Value) -> Self {
        Self::Json(value)
    }
}

/// Attributes by name.
///
/// ```
/// use configbus_switches::Context;
/// let attributes = [("targetingKey", "ada".into()), ("country", "DE".into()), ("age", 36_i64.into())];
/// let context = Context::of(&attributes);
/// assert_eq!(context.get("country"), Some("DE".into()));
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Context<'a>(Source<'a>);

#[derive(Debug, Clone, Copy)]
enum Source<'a> {
    Pairs(&'a [(&'a str, Attribute<'a>)]),
    Json(&'a Map<String, Value>),
}

impl<'a> Context<'a> {
    /// Returns a context of pairs. The first of a name counts.
    pub const fn of(pairs: &'a [(&'a str, Attribute<'a>)]) -> Self {
        Self(Source::Pairs(pairs))
    }

    /// Returns a context of a parsed object.
    pub const fn of_json(object: &'a Map<String, Value>) -> Self {
        Self(Source::Json(object))
    }

    /// Returns an attribute.
    #[inline]
    pub fn get(&self, name: &str) -> Option<Attribute<'a>> {
        match self.0 {
            // A context has a handful of attributes: looking at each is faster than any index.
            Source::Pairs(pairs) => pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| *value),
            Source::Json(object) => object.get(name).map(|value| Attribute::Json(value).plain()),
        }
    }

    /// Returns whom it is about, as text.
    pub(crate) fn targeting_key(&self) -> Option<&'a str> {
        match self.get(TARGETING_KEY)?.plain() {
            Attribute::Text(text) if !text.is_empty() => Some(text),
            _ => None,
        }
    }
}

impl Default for Context<'_> {
    fn default() -> Self {
        Self::of(&[])
    }
}

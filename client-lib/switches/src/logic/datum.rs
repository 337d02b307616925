//! Values while a rule is evaluated.

use super::fuel::{Fuel, PER_ITEM};
use crate::{Attribute, Context};
use serde_json::Value;
use std::{borrow::Cow, rc::Rc};

/// Lists within lists that rules can make: what frees and compares them goes down by recursion.
const DEPTH_MAX: usize = 32;

/// A value: borrowed from the rule or the context, but for what an operation made.
#[derive(Debug, Clone)]
pub(crate) enum Datum<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(&'a str),
    Made(Rc<str>),
    /// A list or an object.
    Json(&'a Value),
    Items(&'a [Attribute<'a>]),
    List(Rc<MadeList<'a>>),
    /// The context as a whole.
    Whole(Context<'a>),
}

/// A list that an operation made.
#[derive(Debug)]
pub(crate) struct MadeList<'a> {
    items: Vec<Datum<'a>>,
    /// Made lists within each other, this one included.
    depth: usize,
}

impl<'a> From<Attribute<'a>> for Datum<'a> {
    #[inline]
    fn from(attribute: Attribute<'a>) -> Self {
        match attribute.plain() {
            Attribute::Null => Self::Null,
            Attribute::Bool(value) => Self::Bool(value),
            Attribute::Int(value) => Self::Int(value),
            Attribute::Float(value) => Self::Float(value),
            Attribute::Text(text) => Self::Text(text),
            Attribute::List(items) => Self::Items(items),
            Attribute::Json(value) => Self::Json(value),
        }
    }
}

impl<'a> From<&'a Value> for Datum<'a> {
    #[inline]
    fn from(value: &'a Value) -> Self {
        Self::from(Attribute::Json(value))
    }
}

impl<'a> Datum<'a> {
    /// Makes a list, or null once the evaluation made too much.
    pub(crate) fn list(items: Vec<Self>, fuel: &Fuel) -> Self {
        let depth = |item: &Self| if let Self::List(list) = item { list.depth } else { 0 };
        let depth = 1 + items.iter().map(depth).max().unwrap_or(0);
        if depth > DEPTH_MAX {
            fuel.end();
        }
        if fuel.take(items.len() * PER_ITEM) { Self::List(Rc::new(MadeList { items, depth })) } else { Self::Null }
    }

    #[inline]
    pub(crate) fn is_truthy(&self) -> bool {
        match self {
            Self::Null => false,
            Self::Bool(value) => *value,
            Self::Int(value) => *value != 0,
            Self::Float(value) => *value != 0.0 && !value.is_nan(),
            Self::Text(text) => !text.is_empty(),
            Self::Made(text) => !text.is_empty(),
            Self::Json(Value::Array(items)) => !items.is_empty(),
            Self::Items(items) => !items.is_empty(),
            Self::List(list) => !list.items.is_empty(),
            Self::Json(_) | Self::Whole(_) => true,
        }
    }

    #[inline]
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Made(text) => Some(text),
            _ => None,
        }
    }

    /// Returns how many items a list has.
    pub(crate) fn length(&self) -> Option<usize> {
        match self {
            Self::Json(Value::Array(items)) => Some(items.len()),
            Self::Items(items) => Some(items.len()),
            Self::List(list) => Some(list.items.len()),
            _ => None,
        }
    }

    /// Returns an item of a list.
    pub(crate) fn item(&self, at: usize) -> Option<Datum<'a>> {
        match self {
            Self::Json(Value::Array(items)) => items.get(at).map(Self::from),
            Self::Items(items) => items.get(at).map(|item| Self::from(*item)),
            Self::List(list) => list.items.get(at).cloned(),
            _ => None,
        }
    }

    /// Returns the items of a list.
    pub(crate) fn items(&self) -> Option<impl Iterator<Item = Datum<'a>>> {
        let length = self.length()?;
        Some((0..length).filter_map(|at| self.item(at)))
    }

    /// Returns a member of an object or an item of a list.
    pub(crate) fn member(&self, name: &str) -> Option<Datum<'a>> {
        match self {
            Self::Json(Value::Object(members)) => members.get(name).map(Self::from),
            Self::Whole(context) => context.get(name).map(Self::from),
            _ => self.item(name.parse().ok()?),
        }
    }

    /// Returns the number it stands for, as JavaScript would have it.
    #[inline]
    pub(crate) fn number(&self) -> f64 {
        match self {
            Self::Null | Self::Bool(false) => 0.0,
            Self::Bool(true) => 1.0,
            Self::Int(value) => *value as f64,
            Self::Float(value) => *value,
            Self::Text(text) => number_of(text),
            Self::Made(text) => number_of(text),
            _ => f64::NAN,
        }
    }

    /// Returns how it is written in a concatenation; of a long list no more than there is fuel for.
    pub(crate) fn written(&self, fuel: &Fuel) -> Cow<'_, str> {
        match self {
            Self::Null => "".into(),
            Self::Bool(true) => "true".into(),
            Self::Bool(false) => "false".into(),
            Self::Int(value) => value.to_string().into(),
            Self::Float(value) => written_float(*value).into(),
            Self::Text(text) => (*text).into(),
            Self::Made(text) => (&**text).into(),
            Self::Json(Value::Object(_)) | Self::Whole(_) => "[object Object]".into(),
            list => {
                let mut text = String::new();
                for (at, item) in list.items().into_iter().flatten().enumerate() {
                    let item = item.written(fuel);
                    if !fuel.take(item.len() + 1) {
                        break;
                    }
                    text.push_str(if at > 0 { "," } else { "" });
                    text.push_str(&item);
                }
                text.into()
            }
        }
    }

    pub(crate) fn is_number(&self) -> bool {
        matches!(self, Self::Int(_) | Self::Float(_))
    }

    /// `===`: the same kind and the same value.
    #[inline]
    pub(crate) fn is_same(&self, other: &Self, fuel: &Fuel) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            // Whole numbers beyond 2^53 are told apart.
            (Self::Int(a), Self::Int(b)) => a == b,
            (a, b) if a.is_number() && b.is_number() => a.number() == b.number(),
            (a, b) => match (a.text(), b.text()) {
                (Some(a), Some(b)) => a == b,
                (None, None) => a.is_same_collection(b, fuel),
                _ => false,
            },
        }
    }

    fn is_same_collection(&self, other: &Self, fuel: &Fuel) -> bool {
        let is_same = |a: &Self, b: &Self| fuel.take(1) && a.is_same(b, fuel);
        if let (Self::Json(Value::Object(a)), Self::Json(Value::Object(b))) = (self, other) {
            let found = |(name, a): (&String, &'a Value)| b.get(name).is_some_and(|b| is_same(&a.into(), &b.into()));
            return a.len() == b.len() && a.iter().all(found);
        }
        let (Some(a), Some(b)) = (self.length(), other.length()) else { return false };
        a == b && (0..a).all(|at| self.item(at).zip(other.item(at)).is_some_and(|(a, b)| is_same(&a, &b)))
    }

    /// `==`: numbers, truth values and texts that write numbers are compared as numbers; null equals null alone.
    #[inline]
    pub(crate) fn is_equal(&self, other: &Self, fuel: &Fuel) -> bool {
        let is_simple = |datum: &Self| datum.length().is_none() && !matches!(datum, Self::Json(_) | Self::Whole(_));
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Null, _) | (_, Self::Null) => false,
            (a, b) if a.text().is_some() && b.text().is_some() => a.text() == b.text(),
            (Self::Int(_), Self::Int(_)) => self.is_same(other, fuel),
            (a, b) if is_simple(a) && is_simple(b) => a.number() == b.number(),
            (a, b) if !is_simple(a) && !is_simple(b) => a.is_same_collection(b, fuel),
            _ => false,
        }
    }

    /// Compares for `<` and its kin; `None` where neither is less, equal or greater.
    #[inline]
    pub(crate) fn order(&self, other: &Self) -> Option<std::cmp::Ordering> {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => Some(a.cmp(b)),
            (a, b) => match (a.text(), b.text()) {
                // By UTF-16 units in the reference; code points differ from that only beyond the basic plane.
                (Some(a), Some(b)) => Some(a.cmp(b)),
                _ => a.number().partial_cmp(&b.number()),
            },
        }
    }
}

/// Returns the number that a text writes, or none.
pub(super) fn number_of(text: &str) -> f64 {
    let text = text.trim();
    if text.is_empty() {
        return 0.0;
    }
    // Rust reads words such as "nan" and "inf" as numbers, which nobody means here.
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E'));
    if is_number { text.parse().unwrap_or(f64::NAN) } else { f64::NAN }
}

/// Whole numbers are written without a fraction.
fn written_float(value: f64) -> String {
    if value.is_nan() { "NaN".to_owned() } else { value.to_string() }
}

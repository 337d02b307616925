//! TOML into nodes: dates are strings, as no other format has them.

use super::{
    build::{Build, Member},
    scalar,
};
use serde_json::{Number, Value};
use toml::{
    Spanned,
    de::{DeFloat, DeInteger, DeTable, DeValue},
};

/// Returns the one document of a file.
pub(super) fn read<B: Build>(text: &str, build: &B) -> Option<B::Node> {
    let table = DeTable::parse(text).ok()?;
    Some(mapping(build, 0, table.get_ref()))
}

fn mapping<B: Build>(build: &B, offset: usize, table: &DeTable<'_>) -> B::Node {
    let member = |(key, value): (&Spanned<std::borrow::Cow<'_, str>>, &Spanned<DeValue<'_>>)| {
        let offset = key.span().start;
        Member { key: key.get_ref().clone().into_owned(), offset, node: node(build, offset, value) }
    };
    build.mapping(offset, table.iter().map(member).collect())
}

/// A table that has no braces begins where its key does.
fn node<B: Build>(build: &B, key_offset: usize, value: &Spanned<DeValue<'_>>) -> B::Node {
    let offset = value.span().start;
    match value.get_ref() {
        DeValue::Table(table) => mapping(build, offset.max(key_offset), table),
        DeValue::Array(array) => {
            build.sequence(offset.max(key_offset), array.iter().map(|item| node(build, 0, item)).collect())
        }
        scalar => build.scalar(offset, || value_of(scalar)),
    }
}

fn value_of(scalar: &DeValue<'_>) -> Value {
    match scalar {
        DeValue::String(string) => Value::String(string.clone().into_owned()),
        DeValue::Integer(integer) => integer_of(integer),
        DeValue::Float(float) => float_of(float),
        DeValue::Boolean(boolean) => Value::Bool(*boolean),
        DeValue::Datetime(datetime) => Value::String(datetime.to_string()),
        DeValue::Array(_) | DeValue::Table(_) => Value::Null,
    }
}

fn integer_of(integer: &DeInteger<'_>) -> Value {
    i64::from_str_radix(integer.as_str(), integer.radix()).map_or(Value::Null, |integer| Number::from(integer).into())
}

fn float_of(float: &DeFloat<'_>) -> Value {
    float.as_str().parse().map_or(Value::Null, scalar::float)
}

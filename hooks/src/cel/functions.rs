//! Functions rules have beside those of the language.

use super::calendar;
use cel::{Context, Env, ExecutionError, Value, extensions, extractors::This};
use std::sync::{Arc, LazyLock};

/// What every rule can call: the standard library with the extensions for text, lists and numbers.
pub(super) static ENVIRONMENT: LazyLock<Arc<Env>> = LazyLock::new(|| {
    let mut env = Env::stdlib();
    for extension in [extensions::strings, extensions::lists, extensions::math] {
        env.add_extension(extension).expect("extensions of one library do not collide");
    }
    Arc::new(env)
});

/// Names of the functions this module adds.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    ["num", "timestamp", "duration"].into_iter().chain(calendar::PARTS.iter().map(|(name, _)| *name))
}

/// Adds them.
pub(super) fn add_to(context: &mut Context<'_, '_>) {
    let added = [
        context.add_function("num", num),
        context.add_function("timestamp", timestamp),
        context.add_function("duration", duration),
    ];
    let parts = calendar::PARTS.map(|(name, part)| context.add_function(name, move |This(ms): This<i64>| part(ms)));
    for result in added.into_iter().chain(parts) {
        result.expect("the standard library has none of these names");
    }
}

/// Any number, or text that is one, as double: what arithmetic between int and double needs.
fn num(This(value): This<Value>) -> Result<f64, ExecutionError> {
    let wrong = || ExecutionError::function_error("num", format!("{} is no number", super::failure::kind_of(&value)));
    match &value {
        Value::Int(int) => Ok(*int as f64),
        Value::UInt(uint) => Ok(*uint as f64),
        Value::Float(float) => Ok(*float),
        Value::String(text) => text.trim().parse().ok().filter(|float: &f64| float.is_finite()).ok_or_else(wrong),
        _ => Err(wrong()),
    }
}

fn timestamp(This(text): This<Arc<String>>) -> Result<i64, ExecutionError> {
    let wrong = || ExecutionError::function_error("timestamp", "expected RFC 3339, as in 2026-01-31T09:30:00Z");
    calendar::parse_timestamp(&text).ok_or_else(wrong)
}

fn duration(This(text): This<Arc<String>>) -> Result<i64, ExecutionError> {
    let wrong = || ExecutionError::function_error("duration", "expected numbers with units h, m, s or ms, as in 1h30m");
    calendar::parse_duration(&text).ok_or_else(wrong)
}

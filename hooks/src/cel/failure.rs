//! Why an expression gave no answer, in words of the rule's author. The library prints whole values, which may be megabytes.

use cel::{ExecutionError, Value};

/// Longest text taken over from the library, in characters.
const TEXT_CHARS_MAX: usize = 200;

/// Returns one line without a value in it.
pub(super) fn describe(error: &ExecutionError) -> String {
    match error {
        ExecutionError::NoSuchKey(key) => format!("there is no {:?}", shortened(key)),
        ExecutionError::UnsupportedBinaryOperator(operator, left, right) => {
            let hint = if is_mixed(left, right) { "; num(x) makes a double of any number" } else { "" };
            format!("cannot {operator} {} and {}{hint}", kind_of(left), kind_of(right))
        }
        ExecutionError::ValuesNotComparable(left, right) => {
            format!("cannot compare {} with {}", kind_of(left), kind_of(right))
        }
        ExecutionError::UndeclaredReference(name) => format!("{:?} is not known", shortened(name)),
        ExecutionError::Overflow(operator, ..) => format!("result of {operator} does not fit"),
        ExecutionError::DivisionByZero(_) => "division by zero".to_owned(),
        ExecutionError::RemainderByZero(_) => "remainder by zero".to_owned(),
        ExecutionError::UnsupportedKeyType(key) => format!("{} cannot be a key", kind_of(key)),
        ExecutionError::UnsupportedIndex(index, of) => format!("cannot index {} with {}", kind_of(of), kind_of(index)),
        ExecutionError::UnsupportedTargetType { target } => format!("{} has no such function", kind_of(target)),
        ExecutionError::NotSupportedAsMethod { method, target } => {
            format!("{} has no function {:?}", kind_of(target), shortened(method))
        }
        ExecutionError::DuplicateKey(_) => "a map has the same key twice".to_owned(),
        ExecutionError::FunctionError { function, message } => shortened(&format!("{function}: {message}")),
        other => shortened(&other.to_string()),
    }
}

fn is_mixed(left: &Value, right: &Value) -> bool {
    let is_number = |value: &Value| matches!(value, Value::Int(_) | Value::UInt(_) | Value::Float(_));
    is_number(left) && is_number(right)
}

/// Names the type of a value as rules write it.
pub(super) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Int(_) => "int",
        Value::UInt(_) => "uint",
        Value::Float(_) => "double",
        Value::String(_) => "string",
        Value::Bytes(_) => "bytes",
        Value::List(_) => "list",
        Value::Map(_) => "map",
        _ => "another type",
    }
}

/// Returns the beginning, in one line.
pub(super) fn shortened(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(TEXT_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

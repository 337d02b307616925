//! What a YAML scalar means: the core schema of YAML 1.2.

use serde_json::{Number, Value};

/// Returns the value of a plain scalar without a tag.
pub(super) fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" | ".nan" | ".NaN" | ".NAN" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        _ => number(text).map_or_else(|| Value::String(text.to_owned()), Value::Number),
    }
}

/// What a tag can make of a scalar.
pub(super) const KINDS: [&str; 5] = ["null", "bool", "int", "float", "str"];

/// Returns the value of a scalar with a tag, by one of the [`KINDS`].
pub(super) fn tagged(kind: &str, text: &str) -> Value {
    match kind {
        "null" => Value::Null,
        "bool" => Value::Bool(text.eq_ignore_ascii_case("true")),
        "int" | "float" => number(text).map_or_else(|| Value::String(text.to_owned()), Value::Number),
        _ => Value::String(text.to_owned()),
    }
}

/// Returns a float as JSON can hold it: what is infinite is the largest number of its sign, so that bounds still refuse
/// it, and what is no number is none.
pub(super) fn float(value: f64) -> Value {
    Number::from_f64(value.clamp(f64::MIN, f64::MAX)).map_or(Value::Null, Value::Number)
}

fn number(text: &str) -> Option<Number> {
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) {
        return None;
    }
    integer(text).or_else(|| special(text)).or_else(|| decimal(text))
}

fn integer(text: &str) -> Option<Number> {
    let radix = |digits: &str, radix| u64::from_str_radix(digits, radix).ok().map(Number::from);
    match text.as_bytes() {
        [b'0', b'o', b'0'..=b'7', ..] => radix(&text[2..], 8),
        [b'0', b'x', first, ..] if first.is_ascii_hexdigit() => radix(&text[2..], 16),
        _ => text.parse::<u64>().map(Number::from).or_else(|_| text.parse::<i64>().map(Number::from)).ok(),
    }
}

fn special(text: &str) -> Option<Number> {
    let infinite = match text {
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => f64::MAX,
        "-.inf" | "-.Inf" | "-.INF" => f64::MIN,
        _ => return None,
    };
    Number::from_f64(infinite)
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`, which is less than what Rust takes for a float.
fn decimal(text: &str) -> Option<Number> {
    let is_written_so = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'));
    if !is_written_so {
        return None;
    }
    Number::from_f64(text.parse::<f64>().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn plain_scalars_are_those_of_the_core_schema() {
        for (text, value) in [
            ("", json!(null)),
            ("~", json!(null)),
            ("nuLL", json!("nuLL")),
            ("True", json!(true)),
            ("yes", json!("yes")),
            ("no", json!("no")),
            ("18446744073709551615", json!(u64::MAX)),
            ("-9223372036854775808", json!(i64::MIN)),
            ("+12", json!(12)),
            ("0644", json!(644)),
            ("0o17", json!(15)),
            ("0xff", json!(255)),
            ("0x", json!("0x")),
            ("0o8", json!("0o8")),
            ("1_000", json!("1_000")),
            ("1.5", json!(1.5)),
            (".5", json!(0.5)),
            ("1.", json!(1.0)),
            ("-1e3", json!(-1000.0)),
            (".", json!(".")),
            ("+", json!("+")),
            ("1e", json!("1e")),
            ("1.2.3", json!("1.2.3")),
            (".inf", json!(f64::MAX)),
            ("-.INF", json!(f64::MIN)),
            (".nan", json!(null)),
            ("inf", json!("inf")),
            ("2024-01-02", json!("2024-01-02")),
            ("12:30", json!("12:30")),
        ] {
            assert_eq!(plain(text), value, "{text}");
        }
    }

    #[test]
    fn tags_of_the_core_schema_decide() {
        assert_eq!(tagged("str", "5"), json!("5"));
        assert_eq!(tagged("int", "5"), json!(5));
        assert_eq!(tagged("float", "5.5"), json!(5.5));
        assert_eq!(tagged("bool", "TRUE"), json!(true));
        assert_eq!(tagged("null", "x"), json!(null));
    }

    #[test]
    fn floats_that_json_lacks_are_bounded() {
        assert_eq!(float(f64::INFINITY), json!(f64::MAX));
        assert_eq!(float(f64::NAN), Value::Null);
    }
}

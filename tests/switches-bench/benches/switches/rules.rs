//! What is asked of everybody.

use serde_json::{Map, Value, json};

/// Flags that are asked about at once.
pub const BULK: usize = 500;

/// Flags of a set that is read anew.
pub const RELOADED: usize = 10_000;

/// Who asks.
pub fn context() -> Value {
    json!({"targetingKey": "user-4711", "country": "DE", "plan": "pro", "version": "2.4.1", "age": 36, "device": "phone", "locale": "de-DE"})
}

pub fn one_condition() -> Value {
    json!({"if": [{"==": [{"var": "country"}, "DE"]}, "on", "off"]})
}

pub fn three_conditions() -> Value {
    json!({"if": [{"and": [
        {"==": [{"var": "country"}, "DE"]},
        {"in": [{"var": "plan"}, ["basic", "pro", "team"]]},
        {"sem_ver": [{"var": "version"}, ">=", "2.3.0"]},
    ]}, "on", "off"]})
}

pub fn fractional() -> Value {
    json!({"fractional": [["a", 25], ["b", 25], ["c", 25], ["d", 25]]})
}

/// Returns a flag in flagd's format.
pub fn flag(targeting: Option<Value>) -> Value {
    let mut flag = json!({
        "state": "ENABLED", "defaultVariant": "off",
        "variants": {"on": true, "off": false, "a": true, "b": true, "c": false, "d": false},
    });
    if let (Some(targeting), Some(flag)) = (targeting, flag.as_object_mut()) {
        flag.insert("targeting".to_owned(), targeting);
    }
    flag
}

/// Returns a set of flags with one condition each.
pub fn set(count: usize) -> Value {
    let flags: Map<String, Value> =
        (0..count).map(|at| (format!("team-{}/flag-{at}", at % 50), flag(Some(one_condition())))).collect();
    json!({"flags": flags})
}

//! A parsed document as CEL sees it, borrowed from the document.

use cel::common::{
    types::{CelBool, CelDouble, CelInt, CelList, CelMap, CelMapKey, CelNull, CelString, CelUInt},
    value::Val,
};
use serde_json::{Number, Value};
use std::collections::HashMap;

/// Returns the value. Recursive: whoever parsed the document has bounded its depth.
pub(super) fn to_cel(value: &Value) -> Box<dyn Val + '_> {
    match value {
        Value::Null => Box::new(CelNull),
        Value::Bool(value) => Box::new(CelBool::from(*value)),
        Value::Number(number) => number_to_cel(number),
        Value::String(text) => Box::new(CelString::from(text.as_str())),
        Value::Array(items) => Box::new(CelList::from(items.iter().map(to_cel).collect::<Vec<_>>())),
        Value::Object(members) => {
            let members = members.iter().map(|(key, value)| (CelMapKey::from(key.as_str()), to_cel(value)));
            Box::new(CelMap::from(members.collect::<HashMap<_, _>>()))
        }
    }
}

/// Integers are int, above its range uint; everything else is double.
fn number_to_cel(number: &Number) -> Box<dyn Val> {
    if let Some(int) = number.as_i64() {
        return Box::new(CelInt::from(int));
    }
    match number.as_u64() {
        Some(uint) => Box::new(CelUInt::from(uint)),
        None => Box::new(CelDouble::from(number.as_f64().unwrap_or(f64::NAN))),
    }
}

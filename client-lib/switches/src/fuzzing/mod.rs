//! What must hold for any files of switches and any context, for the fuzzers in `fuzz/` and for the tests that replay their seeds.
//!
//! That nothing panics and everything ends a fuzzer sees by itself. Beside that each target checks what programs rely on: the same
//! question has the same answer, an answer is one that the file has, an explanation is what happened, and who is in stays in when
//! more are let in. Inputs are JSON: that YAML and TOML are read as the same values is checked where they are parsed.

mod deciders;
mod experiments;
mod features;
mod flags;
mod toggles;

pub use deciders::deciders;
pub use experiments::experiments;
pub use features::features;
pub use flags::flags;
pub use toggles::toggles;

use crate::Moment;
use serde_json::{Map, Value};

/// A target's name and what it does with any bytes.
pub type Target = (&'static str, fn(&[u8]));

/// Every target of this crate; `fuzz/` has a program of the same name for each.
pub const TARGETS: &[Target] = &[
    ("deciders", deciders),
    ("experiments", experiments),
    ("features", features),
    ("flags", flags),
    ("toggles", toggles),
];

/// Moments at which is asked: the beginning of time, one among those that seeds have, and the end.
const MOMENTS: [Moment; 3] =
    [Moment::from_unix_ms(i64::MIN), Moment::from_unix_ms(1_780_000_000_000), Moment::from_unix_ms(i64::MAX)];

/// Splits an input at its zero bytes into JSON documents; `None` for what is none. What is missing is null.
fn documents<const N: usize>(data: &[u8]) -> Option<[Value; N]> {
    let mut parts = data.splitn(N, |byte| *byte == 0);
    let mut documents = std::array::from_fn(|_| Value::Null);
    for document in &mut documents {
        let part = parts.next().unwrap_or_default();
        if !part.is_empty() {
            *document = serde_json::from_slice(part).ok()?;
        }
    }
    Some(documents)
}

/// Takes what is no object for nobody in particular.
fn context(document: &Value) -> Map<String, Value> {
    document.as_object().cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests;

//! Whether a changed schema keeps what `schemas.yaml` promises of it.
//!
//! *Backward*: every document that the old schema accepts, the new one accepts. *Forward*: every document that the new one
//! accepts, the old one accepts. Both are the question whether one schema includes another, which [`inclusion`] answers by
//! comparing them keyword by keyword. That cannot decide everything; what it cannot decide is refused and says so, because a
//! promise that is only probably kept is none.

mod facts;
mod inclusion;

use super::closure::Closure;
use crate::{Finding, Rule, policy::Compatibility};
use facts::Documents;
use inclusion::{Inclusion, Reason};
use serde_json::Value;

/// Returns why a change of a schema breaks a promise.
pub(super) fn broken(old: &Closure, new: &Closure, promise: Compatibility, formats: bool) -> Vec<Finding> {
    if says_the_same(old, new) {
        return Vec::new();
    }
    let (old_documents, new_documents) = (Documents::of(old), Documents::of(new));
    let mut findings = Vec::new();
    if matches!(promise, Compatibility::Backward | Compatibility::Full) {
        let reason = Inclusion::new(&new_documents, &old_documents, formats).find();
        findings.extend(
            reason.map(|reason| {
                finding(new, &reason, "backward", "documents that satisfied the old schema may be refused")
            }),
        );
    }
    if matches!(promise, Compatibility::Forward | Compatibility::Full) {
        let reason = Inclusion::new(&old_documents, &new_documents, formats).find();
        findings.extend(
            reason.map(|reason| {
                finding(new, &reason, "forward", "documents may be accepted that the old schema refuses")
            }),
        );
    }
    findings
}

/// Whether only remarks differ.
fn says_the_same(old: &Closure, new: &Closure) -> bool {
    let of = |closure: &Closure| {
        let others = closure.resources.iter().map(|(uri, loaded)| (uri.clone(), without_remarks(&loaded.value)));
        (without_remarks(&closure.root.value), others.collect::<Vec<_>>())
    };
    of(old) == of(new)
}

/// Returns a schema without what only people read. Names of members are left alone.
fn without_remarks(schema: &Value) -> Value {
    match schema {
        Value::Object(members) => {
            let is_remark = |(key, value): &(&String, &Value)| REMARKS.contains(&key.as_str()) && value.is_string();
            let kept = members.iter().filter(|member| !is_remark(member));
            Value::Object(kept.map(|(key, value)| (key.clone(), without_remarks(value))).collect())
        }
        Value::Array(items) => items.iter().map(without_remarks).collect(),
        scalar => scalar.clone(),
    }
}

const REMARKS: [&str; 3] = ["title", "description", "$comment"];

/// The place is that of the new schema, or the nearest above it if only the old one has it.
fn finding(new: &Closure, reason: &Reason, promise: &str, consequence: &str) -> Finding {
    let (mut pointer, elsewhere) = match reason.pointer.starts_with('/') || reason.pointer.is_empty() {
        true => (reason.pointer.as_str(), String::new()),
        false => ("", format!(" (at {})", reason.pointer.trim_start_matches("configbus:///"))),
    };
    while !pointer.is_empty() && new.root.value.pointer(pointer).is_none() {
        pointer = pointer.rsplit_once('/').map_or("", |(above, _)| above);
    }
    let message = match reason.is_decided {
        true => format!("change is not {promise} compatible, {consequence}: {}{elsewhere}", reason.text),
        false => format!("it cannot be told whether the change is {promise} compatible: {}{elsewhere}", reason.text),
    };
    new.root.finding_at(Rule::SchemaCompatibility, pointer, message)
}

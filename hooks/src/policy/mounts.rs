//! `.configbus/mounts.json` of `main`: where other namespaces are.

use crate::{
    Rule,
    check::{Document, Findings},
};
use configbus_model::MountTable;

/// Parses the file, or adds what is wrong with it.
pub(super) fn parse(document: &Document<'_>, findings: &mut Findings) -> MountTable {
    let parsed = serde_json::from_slice(document.bytes());
    let wrong = |error: serde_json::Error| findings.add(document.finding(Rule::PolicyInvalid, error.to_string()));
    parsed.map_err(wrong).unwrap_or_default()
}

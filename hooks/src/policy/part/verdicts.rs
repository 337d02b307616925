//! Holds every file to two policies, and says where they disagree.
//!
//! What a policy says of a file is compared, not what becomes of one candidate: who owns it, so that every principal is judged
//! alike, which schemas and rules it is held to, what kind of switch it is and under which name, and which secrets may stay
//! in it. Syntax follows from the extension, which does not change.

use super::{Part, PartPolicy};
use crate::policy::{Owners, Policy, SwitchEntry, SwitchKind, Switches};
use std::collections::BTreeSet;

/// Differences told in full.
pub const DIFFERENCES_LISTED_MAX: usize = 50;

/// A file that would be judged otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerdictDifference {
    /// Which, in the whole tree.
    pub path: String,
    /// What differs.
    pub what: &'static str,
    /// What is said of it now.
    pub before: String,
    /// What would be said.
    pub after: String,
}

/// Returns the first differences, and how many there are.
pub(super) fn compare(
    old: &Policy,
    new: &Policy,
    policy: &PartPolicy,
    part: &Part<'_>,
) -> (Vec<VerdictDifference>, usize) {
    let (mut listed, mut total) = (Vec::new(), 0);
    for file in part.files {
        let path = format!("{}/{file}", part.prefix);
        let place =
            |schema: &str| policy.place_of(schema, part.prefix).unwrap_or_else(|| format!("{schema} (left behind)"));
        let before = said(old, &path, &place);
        let after = said(new, file, &str::to_owned);
        for ((what, before), (_, after)) in before.into_iter().zip(after).filter(|(before, after)| before.1 != after.1)
        {
            total += 1;
            if listed.len() < DIFFERENCES_LISTED_MAX {
                listed.push(VerdictDifference { path: path.clone(), what, before, after });
            }
        }
    }
    (listed, total)
}

/// Everything a policy says of a file. `place` is how a schema is called.
fn said(policy: &Policy, path: &str, place: &dyn Fn(&str) -> String) -> [(&'static str, String); 5] {
    [
        ("owners", owners(&policy.owners, path)),
        ("schemas", schemas(policy, path, place)),
        ("rules", rules(policy, path)),
        ("switch", switch(&policy.switches, path)),
        ("allowed secrets", policy.allowances.said_of(path)),
    ]
}

fn owners(owners: &Owners, path: &str) -> String {
    owners.of(path).map_or_else(|| "any writer".to_owned(), super::super::owners::OwnedBy::owners_text)
}

fn schemas(policy: &Policy, path: &str, place: &dyn Fn(&str) -> String) -> String {
    let entries = policy.schemas.entries.iter().filter(|entry| entry.files.matches(path));
    let said = |entry: &crate::policy::SchemaEntry| {
        format!("{} ({:?}, formats {})", place(&entry.schema), entry.compatibility, entry.formats)
    };
    joined(entries.map(said))
}

fn rules(policy: &Policy, path: &str) -> String {
    let entries = policy.rules.iter().filter(|rule| rule.governs(path));
    joined(entries.map(|rule| format!("{} ({}, on_delete {})", rule.expression, rule.message, rule.on_delete)))
}

fn switch(switches: &Switches, path: &str) -> String {
    let said = |entry: &SwitchEntry| match entry.kind {
        // Those of one switch a file are called by where they stand.
        SwitchKind::Features | SwitchKind::Experiments => format!("{} {}", entry.kind.key(), entry.key(path)),
        kind => kind.key().to_owned(),
    };
    switches.entry(path).map_or_else(|| "none".to_owned(), said)
}

/// Which, whatever their order and however often.
fn joined(texts: impl Iterator<Item = String>) -> String {
    let texts: BTreeSet<String> = texts.collect();
    if texts.is_empty() { "none".to_owned() } else { texts.into_iter().collect::<Vec<_>>().join("; ") }
}

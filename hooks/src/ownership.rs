//! May this principal change these paths? Judged by the policy in force before the change. Pure.
//!
//! Every operation on a path needs the same right: to create, change, rename, make executable or delete what stands there. A
//! rename is a deletion and a creation, so it needs the right at both ends.
//!
//! Admins pass: somebody has to be able to repair what owners who left the company own. That they used this right is part of
//! the report, told to whoever pushes and kept by whoever audits.

use crate::{
    Context, Finding, Rule,
    candidate::FileChange,
    policy::{OWNERS, Policy, is_policy},
};
use configbus_model::{PrincipalName, Role};
use std::collections::BTreeSet;

/// Paths of others that an admin changed, which are named; the rest is counted.
pub(crate) const OVERRIDDEN_LISTED_MAX: usize = 50;

/// What may not be, and what may be only because an admin asks.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub findings: Vec<Finding>,
    /// Paths that belong to others, the first of them.
    pub overridden: Vec<String>,
    /// How many they are in all.
    pub overridden_total: usize,
}

/// Judges changes by the policy in force; `None` when that cannot be read.
pub(crate) fn judge(changes: &[FileChange], policy: Option<&Policy>, context: &Context<'_>) -> Verdict {
    let mut verdict = Verdict::default();
    if let Some(refusal) = context.refusal(changes) {
        verdict.findings.push(refusal);
        return verdict;
    }
    let asker = Asker::new(policy, context);
    // Of a working copy every file is looked at, whether it changes or not.
    for change in changes.iter().filter(|change| change.before != change.after) {
        let Err(denied) = asker.may_change(change) else { continue };
        if !asker.is_admin {
            verdict.findings.push(denied.finding(change, context));
        } else if let Denied::Owned { .. } = denied {
            verdict.overridden_total += 1;
            if verdict.overridden.len() < OVERRIDDEN_LISTED_MAX {
                verdict.overridden.push(change.path.clone());
            }
        }
    }
    verdict
}

/// Who asks, and what is known of them in the policy's terms.
struct Asker<'a> {
    policy: Option<&'a Policy>,
    name: &'a PrincipalName,
    teams: BTreeSet<&'a PrincipalName>,
    is_admin: bool,
}

/// Why a change of a path is not theirs to make.
enum Denied {
    /// The owners in force cannot be read.
    Unreadable,
    /// It is policy, and nobody is named as its owner.
    Policy,
    /// It has owners.
    Owned { line: usize, owners: String },
}

impl<'a> Asker<'a> {
    fn new(policy: Option<&'a Policy>, context: &Context<'a>) -> Self {
        let principal = context.principal;
        Self {
            policy,
            name: &principal.name,
            teams: policy.map(|policy| policy.teams.of(principal)).unwrap_or_default(),
            is_admin: principal.is_at_least(Role::Admin, context.namespace),
        }
    }

    fn may_change(&self, change: &FileChange) -> Result<(), Denied> {
        let Some(policy) = self.policy else { return Err(Denied::Unreadable) };
        match policy.owners.of(&change.path) {
            Some(entry) if entry.is_owned_by(self.name, |team| self.teams.contains(team)) => Ok(()),
            Some(entry) => Err(Denied::Owned { line: entry.line, owners: entry.owners_text() }),
            None if is_policy(&change.path) => Err(Denied::Policy),
            None => Ok(()),
        }
    }
}

impl Denied {
    fn finding(&self, change: &FileChange, context: &Context<'_>) -> Finding {
        let (name, verb) = (&context.principal.name, verb(change));
        let (message, expected) = match self {
            Self::Unreadable => (
                format!("{name} may not {verb} files while {OWNERS} cannot be read; an admin has to repair it"),
                "an admin".to_owned(),
            ),
            Self::Policy => (
                format!("{name} may not {verb} policy that {OWNERS} gives to nobody; ask an admin to push it"),
                "an admin".to_owned(),
            ),
            Self::Owned { line, owners } => (
                format!(
                    "{name} may not {verb} this file, line {line} of {OWNERS} says whose it is; ask one of them to push it"
                ),
                owners.clone(),
            ),
        };
        Finding::new(Rule::NotOwner, &change.path, message).found(name.as_str()).expected(expected)
    }
}

fn verb(change: &FileChange) -> &'static str {
    match (&change.before, &change.after) {
        (None, _) => "create",
        (_, None) => "delete",
        (Some(before), Some(after)) if before.id == after.id && before.mode != after.mode => "change the mode of",
        _ => "change",
    }
}

#[cfg(test)]
mod tests;

//! What `.configbus/` says: who owns which files, what they have to be like, and what may stay although it looks like a
//! secret.
//!
//! Policy is versioned with what it governs. A candidate is judged by the policy *before* it for who may propose it, and by
//! the policy *after* it for whether it is right; a policy that cannot be read refuses the candidate that brings it. Each
//! file of the folder has a parser of its own here; [`load`] reads them all.

mod allow;
mod cache;
mod case;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod mounts;
mod nearest;
mod owners;
pub(crate) mod part;
mod reader;
mod rules;
mod schemas;
mod settings;
mod switches;
mod teams;

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use self::{rules::parse as parse_rules, schemas::parse as parse_schemas};
pub(crate) use allow::Allowances;
pub(crate) use cache::PolicyCache;
pub(crate) use case::{Case, Governed};
pub(crate) use nearest::nearest;
pub(crate) use owners::Owners;
pub(crate) use rules::RuleEntry;
pub(crate) use schemas::{Compatibility, SchemaEntry, Schemas};
pub use settings::PolicySettings;
pub(crate) use switches::{SwitchEntry, SwitchKind, Switches};
pub(crate) use teams::Teams;

use crate::{
    Finding, Rule,
    candidate::{CandidateError, FoundFile},
    check::{Document, Findings},
};
use configbus_model::{MOUNTS, MountTable, at_most};

/// Folder of the policy, and what its files are called.
pub(crate) const FOLDER: &str = ".configbus";
pub(crate) const ALLOW: &str = ".configbus/allow.yaml";
pub(crate) const OWNERS: &str = ".configbus/owners";
pub(crate) const TEAMS: &str = ".configbus/teams.yaml";
pub(crate) const RULES: &str = ".configbus/rules.yaml";
pub(crate) const SCHEMAS: &str = ".configbus/schemas.yaml";
pub(crate) const SWITCHES: &str = ".configbus/switches.yaml";

/// Files of the folder that this release honours, by their name there.
pub(crate) const SUPPORTED: &[&str] =
    &["allow.yaml", "mounts.json", "owners", "rules.yaml", "schemas.yaml", "switches.yaml", "teams.yaml"];

/// Everything the folder says. Empty where there is none: any writer may change anything.
#[derive(Debug, Default)]
pub(crate) struct Policy {
    /// Who is in which team.
    pub teams: Teams,
    /// Who owns which files.
    pub owners: Owners,
    /// Which files are held to which schema.
    pub schemas: Schemas,
    /// Which files are switches.
    pub switches: Switches,
    /// What looks like a secret and may stay.
    pub allowances: Allowances,
    /// What documents have to be like.
    pub rules: Vec<RuleEntry>,
    /// Where other namespaces are; of `main` only.
    pub mounts: MountTable,
}

/// A policy and what is wrong with it.
#[derive(Debug, Default)]
pub(crate) struct LoadedPolicy {
    /// As far as it could be read.
    pub policy: Policy,
    /// Why it is not to be relied on, when there are any.
    pub findings: Vec<Finding>,
}

impl LoadedPolicy {
    /// Returns whether all of it could be read.
    pub(crate) fn is_sound(&self) -> bool {
        self.findings.is_empty()
    }
}

/// Returns whether a path is the policy's.
pub(crate) fn is_policy(path: &str) -> bool {
    path.strip_prefix(FOLDER).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Reads one tree's files by path.
pub(crate) type ReadFile<'a> = &'a dyn Fn(&str) -> Result<Option<FoundFile>, CandidateError>;

/// Reads the policy of one tree.
pub(crate) fn load(read: ReadFile<'_>, settings: &PolicySettings) -> Result<LoadedPolicy, CandidateError> {
    let mut findings = Findings::default();
    let size_max = settings.file_size_bytes_max;
    let teams = parsed(read, TEAMS, size_max, &mut findings, |document, findings| {
        teams::parse(document, settings.teams_max, findings)
    })?;
    let owners = parsed(read, OWNERS, size_max, &mut findings, |document, findings| {
        owners::parse(document, &teams, settings.owners_max, findings)
    })?;
    let schemas = parsed(read, SCHEMAS, size_max, &mut findings, schemas::parse)?;
    let switches = parsed(read, SWITCHES, size_max, &mut findings, switches::parse)?;
    let allowances = parsed(read, ALLOW, size_max, &mut findings, |document, findings| {
        allow::parse(document, settings.allowances_max, findings)
    })?;
    let rules = parsed(read, RULES, size_max, &mut findings, |document, findings| {
        rules::parse(document, settings.rules_max, findings)
    })?;
    let mounts = parsed(read, MOUNTS, size_max, &mut findings, mounts::parse)?;
    let (findings, _) = findings.into_parts();
    Ok(LoadedPolicy { policy: Policy { teams, owners, schemas, switches, allowances, rules, mounts }, findings })
}

/// Reads one file; of one that is not there, nothing is said.
fn parsed<T: Default>(
    read: ReadFile<'_>,
    path: &str,
    size_max: usize,
    findings: &mut Findings,
    parse: impl FnOnce(&Document<'_>, &mut Findings) -> T,
) -> Result<T, CandidateError> {
    let Some(file) = read(path)? else { return Ok(T::default()) };
    let document = Document::new(path, &file.content);
    if file.content.len() > size_max {
        let message = "policy file is too large; join its entries by wider patterns, or take out what nobody needs";
        let finding = document.finding(Rule::PolicySize, message).found(format!("{} bytes", file.content.len()));
        findings.add(finding.expected(at_most(size_max, "bytes", "gate.policy.file_size_bytes_max")));
        return Ok(T::default());
    }
    Ok(parse(&document, findings))
}

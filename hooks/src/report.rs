//! What the gate says about a candidate.

use crate::{Finding, GateSettings, Rule, candidate::CandidateError, finding::printable, ownership::Verdict};
use configbus_model::ErrorKind;
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeSet, HashSet},
    hash::{DefaultHasher, Hash as _, Hasher as _},
};

/// Findings a report lists; the rest is only counted.
pub const FINDINGS_LISTED_MAX: usize = 50;

/// The verdict, with the first problems in order of path and place.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Report {
    /// The first [`FINDINGS_LISTED_MAX`].
    pub findings: Vec<Finding>,
    /// How many there are in all.
    pub findings_total: usize,
    /// How many files were looked at.
    pub files_checked: usize,
    /// Paths that belong to others than the admin who changes them, the first of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub overridden: Vec<String>,
    /// How many such paths there are in all.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub overridden_total: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields so")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

impl Report {
    /// Returns whether the candidate may land.
    pub fn is_accepted(&self) -> bool {
        self.findings_total == 0
    }

    /// Returns what kind of refusal it is: denied if the principal may not do it, whatever else is wrong.
    pub fn kind(&self) -> ErrorKind {
        let is_denied = self.findings.iter().any(|finding| finding.rule.is_denial());
        if is_denied { ErrorKind::Denied } else { ErrorKind::Rejected }
    }

    /// Returns one line that says whose files an admin changed, if any.
    pub fn override_line(&self) -> Option<String> {
        let (first, total) = (self.overridden.first()?, self.overridden_total);
        let others = if total > 1 { format!(" and {} more", total - 1) } else { String::new() };
        Some(format!("changed by the right of an admin, others own it: {first}{others}"))
    }

    /// Returns one line: how many problems in how many files.
    pub fn summary(&self) -> String {
        let (total, checked) = (self.findings_total, self.files_checked);
        if self.is_accepted() {
            return format!("{checked} {} checked, no problem", plural(checked, "file"));
        }
        let paths = self.findings.iter().map(|finding| &finding.path).collect::<BTreeSet<_>>().len();
        let at_least = if total > self.findings.len() { "at least " } else { "" };
        format!("{total} {} in {at_least}{paths} {}", plural(total, "problem"), plural(paths, "file"))
    }

    /// Returns how many findings are counted but not listed.
    pub fn findings_unlisted(&self) -> usize {
        self.findings_total.saturating_sub(self.findings.len())
    }
}

fn plural(count: usize, noun: &str) -> String {
    if count == 1 { noun.to_owned() } else { format!("{noun}s") }
}

/// Gathers findings in any order and keeps the first of them.
#[derive(Debug)]
pub(crate) struct ReportBuilder {
    /// What limits are told by.
    settings: GateSettings,
    report: Report,
    /// Findings by hash: each commit of a push that has the same symlink would tell of it again.
    told: HashSet<u64>,
    /// Paths with a finding.
    paths: HashSet<String>,
}

impl ReportBuilder {
    /// How many findings are held before the surplus is dropped.
    const HELD_MAX: usize = 20 * FINDINGS_LISTED_MAX;

    /// Past this many, what is told twice is counted twice.
    const TOLD_MAX: usize = 100_000;

    /// Starts a report without findings.
    pub(crate) fn new(settings: &GateSettings) -> Self {
        let (settings, report) = (settings.clone(), Report::default());
        Self { settings, report, told: HashSet::new(), paths: HashSet::new() }
    }

    /// Adds findings, each once.
    pub(crate) fn add(&mut self, findings: impl IntoIterator<Item = Finding>) {
        for finding in findings {
            if self.told.len() < Self::TOLD_MAX && !self.told.insert(identity(&finding)) {
                continue;
            }
            if self.paths.len() < Self::TOLD_MAX {
                self.paths.insert(finding.path.clone());
            }
            self.report.findings.push(finding);
            self.report.findings_total += 1;
            if self.report.findings.len() >= Self::HELD_MAX {
                self.keep_first();
            }
        }
    }

    /// Adds what is said of ownership.
    pub(crate) fn add_verdict(&mut self, verdict: Verdict) {
        self.add(verdict.findings);
        self.report.overridden = verdict.overridden.iter().map(|path| printable(path)).collect();
        self.report.overridden_total = verdict.overridden_total;
    }

    /// Returns whether anything was found at a path. When too much was found to remember, everywhere.
    pub(crate) fn has_finding_at(&self, path: &str) -> bool {
        self.paths.len() >= Self::TOLD_MAX || self.paths.contains(&*printable(path))
    }

    /// Adds findings that are only counted.
    pub(crate) fn add_unlisted(&mut self, count: usize) {
        self.report.findings_total += count;
    }

    /// Returns what was read; `None` if it could not be and the findings say why. A tree with names or modes that
    /// are refused may be unreadable for that very reason.
    pub(crate) fn unless_explained<T>(&mut self, read: Result<T, CandidateError>) -> Result<Option<T>, CandidateError> {
        match read {
            Ok(value) => Ok(Some(value)),
            Err(_) if self.has_findings() => Ok(None),
            Err(error) => {
                let finding = error.into_finding(&self.settings)?;
                self.add([finding]);
                Ok(None)
            }
        }
    }

    /// Returns whether the candidate is over a limit that stands before all that costs much.
    pub(crate) fn is_over_limit(&self) -> bool {
        self.report.findings.iter().any(|finding| finding.rule == Rule::ChangedFiles)
    }

    /// Returns how many files were counted.
    pub(crate) fn files_checked(&self) -> usize {
        self.report.files_checked
    }

    /// Forgets files that were counted since.
    pub(crate) fn count_files_as(&mut self, files_checked: usize) {
        self.report.files_checked = files_checked;
    }

    /// Counts a file.
    pub(crate) fn count_file(&mut self) {
        self.report.files_checked += 1;
    }

    /// Returns whether anything was found so far.
    pub(crate) fn has_findings(&self) -> bool {
        self.report.findings_total > 0
    }

    /// Returns the report.
    pub(crate) fn finish(mut self) -> Report {
        self.keep_first();
        self.report.findings.iter_mut().for_each(Finding::redact);
        self.report
    }

    fn keep_first(&mut self) {
        let findings = &mut self.report.findings;
        findings.sort_by(|a, b| {
            let key = |f: &Finding| (f.line, f.column, f.rule);
            let denials_first = b.rule.is_denial().cmp(&a.rule.is_denial());
            denials_first
                .then_with(|| a.path.cmp(&b.path))
                .then_with(|| key(a).cmp(&key(b)))
                .then_with(|| a.message.cmp(&b.message))
        });
        findings.truncate(FINDINGS_LISTED_MAX);
    }
}

fn identity(finding: &Finding) -> u64 {
    let Finding { path, line, column, pointer, rule, message, found, expected, excerpt: _ } = finding;
    let mut hasher = DefaultHasher::new();
    (path, line, column, pointer, rule, message, found, expected).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_fifty_are_listed_and_all_are_counted() {
        let mut builder = ReportBuilder::new(&GateSettings::default());
        builder.add((0..5_000).rev().map(|n| Finding::new(Rule::Symlink, &format!("f{n:04}"), "is a symlink")));
        let report = builder.finish();
        assert_eq!((report.findings.len(), report.findings_total), (50, 5_000));
        assert_eq!((&*report.findings[0].path, &*report.findings[49].path), ("f0000", "f0049"));
        assert_eq!(report.summary(), "5000 problems in at least 50 files");
        assert_eq!(report.findings_unlisted(), 4_950);
    }

    #[test]
    fn the_same_problem_is_told_once() {
        let mut builder = ReportBuilder::new(&GateSettings::default());
        let finding = |path| Finding::new(Rule::Symlink, path, "is a symlink");
        builder.add([finding("a"), finding("b"), finding("a")]);
        assert_eq!(builder.finish().findings_total, 2);
    }

    #[test]
    fn an_empty_report_accepts() {
        let mut builder = ReportBuilder::new(&GateSettings::default());
        builder.count_file();
        let report = builder.finish();
        assert!(report.is_accepted());
        assert_eq!(report.summary(), "1 file checked, no problem");
    }
}

//! One file, read as what it is.

use crate::{
    Finding, Rule,
    check::Document,
    document::{Content, Format},
    policy::{SwitchEntry, SwitchKind},
    schema::{SchemaSettings, flagd},
};
use configbus_switches::{
    Feature, FlagSet, Problem, Severity,
    decider::DeciderFile,
    experiment::ExperimentDocument,
    toggle::{ToggleFile, ToggleFileKind},
};
use serde_json::Value;

/// Returns what is wrong with a file.
pub(super) fn findings_of(path: &str, content: &[u8], entry: &SwitchEntry, settings: &SchemaSettings) -> Vec<Finding> {
    let document = Document::new(path, content);
    let Some(parsed) = read(path, content) else {
        let message = "file cannot be read as what its name says";
        return vec![Finding::new(Rule::CheckFailed, path, message)];
    };
    let Some((value, others)) = parsed.values().split_first() else { return Vec::new() };
    if !is_meant(path, entry, value) {
        return Vec::new();
    }
    if !others.is_empty() {
        let message = "file holds several documents, only one would be read";
        return vec![document.finding(Rule::SwitchInvalid, message)];
    }
    let problems = problems_of(path, entry, value);
    if problems.is_empty() && entry.kind == SwitchKind::Flags {
        // After our own reading, which says more about what is wrong.
        let (violations, _) = flagd().check(value, settings);
        return violations.into_iter().map(|violation| violation.into_finding(&document, &parsed, 0)).collect();
    }
    problems.into_iter().map(|problem| finding(problem, &document, &parsed)).collect()
}

/// Returns what a file holds, with its places.
pub(super) fn read<'c>(path: &str, content: &'c [u8]) -> Option<Content<'c>> {
    let text = std::str::from_utf8(content).ok()?;
    Content::read(Format::of(path)?, text)
}

fn problems_of(path: &str, entry: &SwitchEntry, value: &Value) -> Vec<Problem> {
    match entry.kind {
        SwitchKind::Features => Feature::parse(entry.key(path), value).problems,
        SwitchKind::Experiments => ExperimentDocument::parse(entry.key(path), value).problems,
        SwitchKind::Flags => FlagSet::parse(value).problems,
        SwitchKind::Deciders | SwitchKind::Overlays => DeciderFile::parse(value).problems,
        SwitchKind::Toggles => {
            let name = path.rsplit('/').next().unwrap_or_default();
            ToggleFile::parse(value, ToggleFileKind::of_file_name(name)).problems
        }
    }
}

/// Returns whether a document is plainly meant as what its place says, right or not, or has to be it.
pub(super) fn is_meant(path: &str, entry: &SwitchEntry, value: &Value) -> bool {
    let is_meant = match entry.kind {
        SwitchKind::Experiments => ExperimentDocument::is_meant_by(entry.key(path), value),
        SwitchKind::Flags => FlagSet::is_meant_by(value),
        SwitchKind::Features => Feature::is_meant_by(value),
        SwitchKind::Deciders | SwitchKind::Overlays => {
            value.as_object().is_some_and(|keys| keys.values().any(|key| key.get("default_availability").is_some()))
        }
        SwitchKind::Toggles => value.get("toggles").is_some(),
    };
    is_meant || entry.is_named
}

/// Places a problem: at the key of what does nothing, at the value of everything else.
pub(super) fn finding(problem: Problem, document: &Document<'_>, content: &Content<'_>) -> Finding {
    let Problem { severity, pointer, message, found, expected } = problem;
    let rule = if severity == Severity::Test { Rule::SwitchTest } else { Rule::SwitchInvalid };
    let offset = content.place(0, &pointer).map(|place| match severity {
        Severity::Idle => place.key.unwrap_or(place.value),
        Severity::Wrong | Severity::Test => place.value,
    });
    let finding = match offset {
        Some(offset) => document.finding_at(rule, offset, message),
        None => document.finding(rule, message),
    };
    let finding = found.iter().fold(finding, |finding, found| finding.found(found));
    expected.into_iter().fold(finding, Finding::expected).pointing(pointer)
}

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
    toggle::{ToggleFile, ToggleFileKind},
};
use serde_json::Value;

/// Returns what is wrong with a file.
pub(super) fn findings_of(path: &str, content: &[u8], entry: &SwitchEntry, settings: &SchemaSettings) -> Vec<Finding> {
    let document = Document::new(path, content);
    let text = std::str::from_utf8(content).ok();
    let Some(parsed) = Format::of(path).zip(text).and_then(|(format, text)| Content::read(format, text)) else {
        let message = "file cannot be read as what its name says";
        return vec![Finding::new(Rule::CheckFailed, path, message)];
    };
    let Some((value, others)) = parsed.values().split_first() else { return Vec::new() };
    if !entry.is_named && !is_meant(entry.kind, value) {
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

fn problems_of(path: &str, entry: &SwitchEntry, value: &Value) -> Vec<Problem> {
    match entry.kind {
        SwitchKind::Features => Feature::parse(entry.key(path), value).problems,
        SwitchKind::Flags => FlagSet::parse(value).problems,
        SwitchKind::Deciders | SwitchKind::Overlays => DeciderFile::parse(value).problems,
        SwitchKind::Toggles => {
            let name = path.rsplit('/').next().unwrap_or_default();
            ToggleFile::parse(value, ToggleFileKind::of_file_name(name)).problems
        }
    }
}

/// Returns whether a document is plainly meant as a kind, right or not.
fn is_meant(kind: SwitchKind, value: &Value) -> bool {
    match kind {
        SwitchKind::Flags => FlagSet::is_meant_by(value),
        SwitchKind::Features => Feature::is_meant_by(value),
        SwitchKind::Deciders | SwitchKind::Overlays => {
            value.as_object().is_some_and(|keys| keys.values().any(|key| key.get("default_availability").is_some()))
        }
        SwitchKind::Toggles => value.get("toggles").is_some(),
    }
}

/// Places a problem: at the key of what does nothing, at the value of everything else.
fn finding(problem: Problem, document: &Document<'_>, content: &Content<'_>) -> Finding {
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

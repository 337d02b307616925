//! One line of the audit log: who did what from where, and what became of it. Never contents, never tokens.

use configbus_model::Namespace;
use serde::Serialize;
use std::net::IpAddr;

/// Paths named in one record; more are counted.
pub(crate) const PATHS_MAX: usize = 100;

/// Longest reason, in characters.
const REASON_CHARS_MAX: usize = 500;

/// What a record is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AuditEvent {
    /// A change of configuration, by push or by API.
    Write,
    /// A token was made or revoked.
    Token,
    /// A namespace was made, mounted or deleted.
    Namespace,
    /// Somebody gave a credential that does not hold.
    Authentication,
    /// Somebody known asked for something that needs another role.
    Authorisation,
    /// The log itself.
    Audit,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AuditOutcome {
    Accepted,
    Refused,
}

/// A record without its time, which the log adds.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct AuditRecord {
    pub(crate) event: AuditEvent,
    pub(crate) outcome: AuditOutcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) principal: Option<String>,
    /// Id of the token that proved who it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) address: Option<IpAddr>,
    /// What was asked for: a route, a method of gRPC, or what happened to a token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) action: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) namespace: Option<Namespace>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) paths: Vec<String>,
    /// Paths that are not named.
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) paths_more: usize,
    /// Paths among them that others own: an admin changed them by the right of an admin.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) overridden: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) revision: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) commit: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    /// Records of the same kind that were left out since the last one.
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) left_out: usize,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

impl AuditRecord {
    pub(crate) fn new(event: AuditEvent, outcome: AuditOutcome) -> Self {
        Self {
            event,
            outcome,
            principal: None,
            token: None,
            address: None,
            action: None,
            namespace: None,
            paths: Vec::new(),
            paths_more: 0,
            overridden: Vec::new(),
            revision: None,
            commit: None,
            reason: None,
            left_out: 0,
        }
    }

    /// Names paths, as many as fit.
    pub(crate) fn with_paths(mut self, paths: impl IntoIterator<Item = impl ToString>) -> Self {
        let mut paths = paths.into_iter();
        self.paths = paths.by_ref().take(PATHS_MAX).map(|path| path.to_string()).collect();
        self.paths_more = paths.count();
        self
    }

    /// Names paths that were changed although others own them.
    pub(crate) fn with_overridden(mut self, paths: Vec<String>) -> Self {
        self.overridden = paths;
        self
    }

    /// Says why, in one line.
    pub(crate) fn with_reason(mut self, reason: &str) -> Self {
        let first = reason.lines().next().unwrap_or_default();
        self.reason = Some(first.chars().take(REASON_CHARS_MAX).collect());
        self
    }

    /// Returns the line, with its end.
    pub(super) fn line(&self, time_ms: u64) -> Vec<u8> {
        #[derive(Serialize)]
        struct Line<'a> {
            time_ms: u64,
            #[serde(flatten)]
            record: &'a AuditRecord,
        }
        let mut line = serde_json::to_vec(&Line { time_ms, record: self }).expect("a record is plain data");
        line.push(b'\n');
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_one_line_whatever_it_names() {
        let record = AuditRecord::new(AuditEvent::Write, AuditOutcome::Refused)
            .with_paths(["a\nb.json", "\u{1b}[2J"])
            .with_reason("first\nsecond");
        let line = String::from_utf8(record.line(7)).unwrap();
        assert_eq!(
            line,
            "{\"time_ms\":7,\"event\":\"write\",\"outcome\":\"refused\",\
             \"paths\":[\"a\\nb.json\",\"\\u001b[2J\"],\"reason\":\"first\"}\n"
        );
    }

    #[test]
    fn many_paths_and_long_reasons_are_cut() {
        let record = AuditRecord::new(AuditEvent::Write, AuditOutcome::Accepted)
            .with_paths((0..250).map(|number| format!("{number}.json")))
            .with_reason(&"x".repeat(10_000));
        assert_eq!((record.paths.len(), record.paths_more), (PATHS_MAX, 150));
        assert_eq!(record.reason.unwrap().len(), REASON_CHARS_MAX);
    }
}

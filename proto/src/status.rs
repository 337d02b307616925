//! Errors on the wire.
//!
//! The kind travels as `google.rpc.ErrorInfo.reason`, because several kinds share a gRPC code. Conflicts are
//! `google.rpc.PreconditionFailure` violations, findings of a validation `google.rpc.BadRequest` ones, so that
//! clients in any language can read them with their stock library. The whole report of the gate is metadata of the
//! `ErrorInfo`. All of it travels in the trailers of HTTP/2, which clients bound to some 16 KiB: what does not fit is left
//! out from the end, and report and metadata still say how many problems and conflicts there are.

use configbus_model::ErrorKind;
use serde_json::Value;
use std::{collections::HashMap, time::Duration};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

/// Domain of the reasons in `ErrorInfo`.
pub const ERROR_DOMAIN: &str = "configbus";

/// Type of the violations that describe a conflict.
pub const CONFLICT_TYPE: &str = "BLOB_ID";

/// Key of the report in the metadata of `ErrorInfo`.
const REPORT_KEY: &str = "report";

/// Bytes of a report that fit the trailers beside everything else.
const REPORT_BYTES_MAX: usize = 4_096;

/// Key of the number of conflicts in the metadata of `ErrorInfo`, when there are more than fit.
const CONFLICTS_TOTAL_KEY: &str = "conflicts_total";

/// Bytes of conflicts that fit the trailers beside everything else.
const CONFLICTS_BYTES_MAX: usize = 6_144;

/// Bytes of a text as it is encoded in the trailers beside everything else.
const MESSAGE_BYTES_MAX: usize = 2_048;

/// What a conflict answers for a path at which nothing is.
pub const ABSENT: &str = "absent";

/// One path whose expectation did not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConflictDetail {
    /// Full path.
    pub path: String,
    /// Blob id that is there; `None` when nothing is.
    pub current: Option<String>,
}

/// One finding of a validation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindingDetail {
    /// `path:line:column`.
    pub place: String,
    /// What is wrong.
    pub message: String,
}

/// What an error carries beside its text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Details {
    /// Set for [`ErrorKind::Conflict`].
    pub conflicts: Vec<ConflictDetail>,
    /// Set for [`ErrorKind::Rejected`].
    pub findings: Vec<FindingDetail>,
    /// The gate's report as JSON, with [`ErrorKind::Rejected`].
    pub report: Option<Box<str>>,
    /// When to try again, for retryable kinds.
    pub retry_after: Option<Duration>,
}

/// Returns the gRPC code of a kind.
pub const fn code_of(kind: ErrorKind) -> Code {
    match kind {
        ErrorKind::NotFound => Code::NotFound,
        ErrorKind::Conflict => Code::Aborted,
        ErrorKind::Rejected | ErrorKind::Invalid => Code::InvalidArgument,
        ErrorKind::Unauthenticated => Code::Unauthenticated,
        ErrorKind::Denied => Code::PermissionDenied,
        ErrorKind::Unavailable => Code::Unavailable,
        ErrorKind::Exhausted => Code::ResourceExhausted,
        ErrorKind::Unsupported => Code::Unimplemented,
        _ => Code::Internal,
    }
}

/// Builds the status of a failure.
pub fn to_status(kind: ErrorKind, message: impl Into<String>, details: &Details) -> Status {
    let mut wire = ErrorDetails::new();
    let report = details.report.as_deref().map(short_report);
    let findings_shown = report.as_ref().map_or(usize::MAX, |(_, findings)| *findings);
    let mut metadata: HashMap<_, _> = report.map(|(text, _)| (REPORT_KEY.to_owned(), text)).into_iter().collect();
    let conflicts = fitting(&details.conflicts);
    if conflicts.len() < details.conflicts.len() {
        metadata.insert(CONFLICTS_TOTAL_KEY.to_owned(), details.conflicts.len().to_string());
    }
    wire.set_error_info(kind.as_str(), ERROR_DOMAIN, metadata);
    for conflict in conflicts {
        let current = conflict.current.clone().unwrap_or_else(|| ABSENT.to_owned());
        wire.add_precondition_failure_violation(CONFLICT_TYPE, conflict.path.clone(), current);
    }
    for finding in details.findings.iter().take(findings_shown) {
        wire.add_bad_request_violation(finding.place.clone(), finding.message.clone());
    }
    if let Some(delay) = details.retry_after {
        wire.set_retry_info(Some(delay));
    }
    Status::with_error_details(code_of(kind), short_message(message.into()), wire)
}

/// Returns the first conflicts, as many as fit.
fn fitting(conflicts: &[ConflictDetail]) -> &[ConflictDetail] {
    // Beside path and id a violation takes its type and a few bytes of lengths.
    let size = |conflict: &ConflictDetail| conflict.path.len() + conflict.current.as_ref().map_or(6, String::len) + 20;
    let mut bytes = 0;
    let fits = |conflict: &&ConflictDetail| {
        bytes += size(conflict);
        bytes <= CONFLICTS_BYTES_MAX
    };
    &conflicts[..conflicts.iter().take_while(fits).count()]
}

/// Cuts a text that does not fit. What is not plain ASCII takes three bytes for each of its own.
fn short_message(mut message: String) -> String {
    let mut bytes = 0;
    let mut fits = |c: char| {
        bytes += if (' '..='~').contains(&c) && c != '%' { 1 } else { 3 * c.len_utf8() };
        bytes <= MESSAGE_BYTES_MAX
    };
    if let Some((end, _)) = message.char_indices().find(|(_, c)| !fits(*c)) {
        message.truncate(end);
        message.push_str("...");
    }
    message
}

/// Returns the report with as many findings as fit, and how many those are.
fn short_report(report: &str) -> (String, usize) {
    let mut report: Value = serde_json::from_str(report).unwrap_or_default();
    loop {
        let text = report.to_string();
        let findings = report.get_mut("findings").and_then(Value::as_array_mut);
        match findings {
            Some(findings) if text.len() > REPORT_BYTES_MAX && !findings.is_empty() => drop(findings.pop()),
            Some(findings) => return (text, findings.len()),
            None => return (text, usize::MAX),
        }
    }
}

/// Reads the kind of a failure, by its reason or else by its code.
pub fn kind_of(status: &Status) -> ErrorKind {
    let reason = status.get_details_error_info().filter(|info| info.domain == ERROR_DOMAIN);
    if let Some(kind) = reason.and_then(|info| info.reason.parse().ok()) {
        return kind;
    }
    match status.code() {
        Code::NotFound => ErrorKind::NotFound,
        Code::Aborted | Code::AlreadyExists | Code::FailedPrecondition => ErrorKind::Conflict,
        Code::InvalidArgument | Code::OutOfRange => ErrorKind::Invalid,
        Code::Unauthenticated => ErrorKind::Unauthenticated,
        Code::PermissionDenied => ErrorKind::Denied,
        Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled => ErrorKind::Unavailable,
        Code::ResourceExhausted => ErrorKind::Exhausted,
        Code::Unimplemented => ErrorKind::Unsupported,
        _ => ErrorKind::Internal,
    }
}

/// Reads what a failure carries beside its text.
pub fn details_of(status: &Status) -> Details {
    let wire = status.get_error_details();
    let conflicts = wire.precondition_failure().into_iter().flat_map(|failure| &failure.violations);
    let findings = wire.bad_request().into_iter().flat_map(|request| &request.field_violations);
    Details {
        conflicts: conflicts
            .filter(|violation| violation.r#type == CONFLICT_TYPE)
            .map(|violation| ConflictDetail {
                path: violation.subject.clone(),
                current: (violation.description != ABSENT).then(|| violation.description.clone()),
            })
            .collect(),
        findings: findings
            .map(|violation| FindingDetail { place: violation.field.clone(), message: violation.description.clone() })
            .collect(),
        report: wire.error_info().and_then(|info| info.metadata.get(REPORT_KEY)).map(|report| report.as_str().into()),
        retry_after: wire.retry_info().and_then(|info| info.retry_delay),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_survives_the_wire() {
        use ErrorKind::*;
        let (callers, ours) = ([Unauthenticated, Denied], [Unavailable, Exhausted, Unsupported, Internal]);
        for kind in [NotFound, Conflict, Rejected, Invalid].into_iter().chain(callers).chain(ours) {
            assert_eq!(kind_of(&to_status(kind, "text", &Details::default())), kind);
        }
    }

    #[test]
    fn conflicts_and_findings_survive_the_wire() {
        let details = Details {
            conflicts: vec![
                ConflictDetail { path: "a.json".into(), current: Some("ce01".into()) },
                ConflictDetail { path: "b.json".into(), current: None },
            ],
            findings: vec![FindingDetail { place: "c.yaml:3:1".into(), message: "duplicate key".into() }],
            report: Some(r#"{"findings":[{"path":"c.yaml"}],"findings_total":1}"#.into()),
            retry_after: Some(Duration::from_millis(20)),
        };
        assert_eq!(details_of(&to_status(ErrorKind::Conflict, "text", &details)), details);
    }

    #[test]
    fn a_long_report_is_shortened_so_that_it_fits_the_trailers() {
        let findings: Vec<_> = (0..50).map(|n| serde_json::json!({ "path": "x".repeat(300), "line": n })).collect();
        let report = serde_json::json!({ "findings": findings, "findings_total": 50 });
        let finding = FindingDetail { place: "x".repeat(300), message: "y".repeat(100) };
        let details =
            Details { findings: vec![finding; 50], report: Some(report.to_string().into()), ..Details::default() };
        let status = to_status(ErrorKind::Rejected, "text", &details);
        assert!(status.details().len() < 10_000, "{}", status.details().len());
        let read = details_of(&status);
        let report: Value = serde_json::from_str(&read.report.unwrap()).unwrap();
        assert_eq!(report["findings_total"], 50);
        assert_eq!(report["findings"].as_array().unwrap().len(), read.findings.len());
        assert!(read.findings.len() >= 10);
    }

    #[test]
    fn many_conflicts_are_cut_so_that_they_fit_the_trailers() {
        let conflict = |n| ConflictDetail { path: format!("{n}/{}", "x".repeat(60)), current: Some("c".repeat(40)) };
        let details = Details { conflicts: (0..10_000).map(conflict).collect(), ..Details::default() };
        let status = to_status(ErrorKind::Conflict, "\n\u{e4}%".repeat(10_000), &details);
        // As base64.
        assert!(status.details().len() * 4 / 3 + MESSAGE_BYTES_MAX < 15_000, "{}", status.details().len());
        assert!(status.message().len() < MESSAGE_BYTES_MAX && status.message().ends_with("..."));
        let read = details_of(&status);
        assert!(read.conflicts.len() >= 40 && details.conflicts.starts_with(&read.conflicts));
        let info = status.get_details_error_info().unwrap();
        assert_eq!(info.metadata[CONFLICTS_TOTAL_KEY], "10000");
        assert_eq!(short_message("r7 \u{e4}".into()), "r7 \u{e4}");
    }

    #[test]
    fn a_status_of_somebody_else_is_judged_by_its_code() {
        assert_eq!(kind_of(&Status::unavailable("proxy")), ErrorKind::Unavailable);
    }
}

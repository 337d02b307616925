//! What is written down of changes of configuration.

use super::record::{AuditEvent, AuditOutcome, AuditRecord};
use crate::auth::Caller;
use crate::failure::Failure;
use configbus_gitstore::ForeignWrite;
use configbus_hooks::Report;
use configbus_model::{ErrorKind, Head, Namespace, Principal};

/// Places named in the reason of a refusal.
const PLACES_MAX: usize = 10;

/// A change that is part of a head.
pub(crate) fn landed(
    caller: &Caller,
    namespace: &Namespace,
    head: &Head,
    paths: impl IntoIterator<Item = impl ToString>,
) -> AuditRecord {
    AuditRecord {
        namespace: Some(namespace.clone()),
        revision: Some(head.revision.0),
        commit: Some(head.commit.to_string()),
        ..caller.record(AuditEvent::Write, AuditOutcome::Accepted).with_paths(paths)
    }
}

/// A change that is part of a head, and whose caller went away before it was told so.
pub(crate) fn landed_for_nobody(
    principal: &Principal,
    namespace: &Namespace,
    head: &Head,
    paths: impl IntoIterator<Item = impl ToString>,
) -> AuditRecord {
    AuditRecord {
        principal: Some(principal.name.to_string()),
        namespace: Some(namespace.clone()),
        revision: Some(head.revision.0),
        commit: Some(head.commit.to_string()),
        ..AuditRecord::new(AuditEvent::Write, AuditOutcome::Accepted)
            .with_paths(paths)
            .with_reason("it landed after whoever asked for it had gone")
    }
}

/// A change that was not let in.
pub(crate) fn refused(
    caller: &Caller,
    namespace: &Namespace,
    reason: &str,
    paths: impl IntoIterator<Item = impl ToString>,
) -> AuditRecord {
    let record = caller.record(AuditEvent::Write, AuditOutcome::Refused);
    AuditRecord { namespace: Some(namespace.clone()), ..record.with_paths(paths).with_reason(reason) }
}

/// A write to the repository that came past the server. Nobody is known to have made it.
pub(crate) fn foreign(
    namespace: &Namespace,
    write: &ForeignWrite,
    paths: impl IntoIterator<Item = impl ToString>,
) -> Option<AuditRecord> {
    let (outcome, head, commit, reason) = match write {
        ForeignWrite::None => return None,
        ForeignWrite::Adopted(head) => {
            (AuditOutcome::Accepted, Some(head), Some(head.commit), "adopted: it passes the gate".to_owned())
        }
        ForeignWrite::Restored { found, kept_as } => {
            let kept = kept_as.as_ref().map(|name| format!(", what was there is kept as {name}")).unwrap_or_default();
            (AuditOutcome::Refused, None, *found, format!("main was put back{kept}"))
        }
    };
    Some(AuditRecord {
        action: Some("foreign write".to_owned()),
        namespace: Some(namespace.clone()),
        revision: head.map(|head| head.revision.0),
        commit: commit.map(|commit| commit.to_string()),
        ..AuditRecord::new(AuditEvent::Write, outcome).with_paths(paths).with_reason(&reason)
    })
}

/// Says why a change was refused without what is in it: messages of findings quote files, their places do not.
pub(crate) fn reason_of(failure: &Failure) -> String {
    match failure.kind {
        ErrorKind::Rejected => rejected(failure.details.findings.iter().map(|finding| finding.place.clone())),
        kind => format!("{kind}: {}", failure.message),
    }
}

/// Says the same of a report.
pub(crate) fn reason_of_report(report: &Report) -> String {
    rejected(report.findings.iter().map(configbus_hooks::Finding::location))
}

fn rejected(places: impl ExactSizeIterator<Item = String>) -> String {
    let count = places.len();
    let named: Vec<String> = places.take(PLACES_MAX).collect();
    let more = if count > named.len() { format!(" and {} more", count - named.len()) } else { String::new() };
    format!("rejected: {}{more}", named.join(", "))
}

//! Landings without a record: a crash came between the two, or somebody wrote to the repository past the server.
//!
//! The record of a landing is synced after the landing and before the answer. A record of the intention before it was
//! the alternative; it would cost every change another sync, and the landing itself is in the repository anyway. So the
//! next start compares the two and writes down what is missing.

use super::record::{AuditEvent, AuditOutcome, AuditRecord};
use configbus_model::{Head, Namespace};
use serde::Deserialize;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

/// How much of the end of the log is looked at: some thousand records.
const TAIL_BYTES: u64 = 1024 * 1024;

#[derive(Deserialize)]
struct Landed {
    event: String,
    outcome: String,
    namespace: Option<String>,
    revision: Option<u64>,
}

/// Returns a record of what landed in a namespace and was not written down, if anything.
pub(super) fn record(log: &Path, namespace: &Namespace, head: &Head) -> io::Result<Option<AuditRecord>> {
    let Some(newest) = newest_revision(log, namespace)?.filter(|newest| *newest < head.revision.0) else {
        return Ok(None);
    };
    let reason = format!("landed after r{newest} without a record: before a crash, or past the server");
    Ok(Some(AuditRecord {
        namespace: Some(namespace.clone()),
        revision: Some(head.revision.0),
        commit: Some(head.commit.to_string()),
        ..AuditRecord::new(AuditEvent::Write, AuditOutcome::Accepted).with_reason(&reason)
    }))
}

/// Returns the newest revision that the end of the log names; `None` when it names none.
fn newest_revision(log: &Path, namespace: &Namespace) -> io::Result<Option<u64>> {
    let mut file = File::open(log)?;
    let start = file.metadata()?.len().saturating_sub(TAIL_BYTES);
    file.seek(SeekFrom::Start(start))?;
    let mut tail = Vec::new();
    file.take(TAIL_BYTES).read_to_end(&mut tail)?;
    // The first line may be cut and one may be torn: what does not parse is none.
    let landed = tail.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice::<Landed>(line).ok());
    let landed = landed.filter(|landed| landed.event == "write" && landed.outcome == "accepted");
    let here = landed.filter(|landed| landed.namespace.as_deref() == Some(namespace.as_str()));
    Ok(here.filter_map(|landed| landed.revision).max())
}

#[cfg(test)]
mod tests {
    use super::*;
    use configbus_model::{CommitId, Epoch, Revision, TreeId};

    fn head(revision: u64) -> Head {
        Head {
            epoch: Epoch::FIRST,
            revision: Revision(revision),
            commit: CommitId::from_bytes([7; 20]),
            tree: TreeId::EMPTY,
            time_ms: 0,
            traceparent: None,
        }
    }

    #[test]
    fn what_landed_without_a_record_is_written_down_once() {
        let folder = tempfile::tempdir().unwrap();
        let (log, main) = (folder.path().join("audit.jsonl"), Namespace::main());
        std::fs::write(&log, "").unwrap();
        assert!(record(&log, &main, &head(3)).unwrap().is_none(), "a log that begins late misses nothing");
        let landed = AuditRecord {
            namespace: Some(main.clone()),
            revision: Some(2),
            ..AuditRecord::new(AuditEvent::Write, AuditOutcome::Accepted)
        };
        std::fs::write(&log, [landed.line(1), b"{\"torn".to_vec()].concat()).unwrap();
        assert!(record(&log, &main, &head(2)).unwrap().is_none());
        let missing = record(&log, &main, &head(3)).unwrap().unwrap();
        assert!(missing.reason.as_deref().unwrap().starts_with("landed after r2 without a record"));
        std::fs::write(&log, [landed.line(1), missing.line(2)].concat()).unwrap();
        assert!(record(&log, &main, &head(3)).unwrap().is_none());
    }
}

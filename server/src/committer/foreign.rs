//! The record of a write to the ref that did not come through here.

use super::landing::Desk;
use crate::audit::change;
use configbus_gitstore::{ForeignWrite, HeadCommit};

/// Notes it in the audit log, with the paths that it changes. What cannot be read is noted without them.
pub(super) fn note(desk: &Desk, before: Option<HeadCommit>, write: &ForeignWrite) {
    let after = match write {
        ForeignWrite::None => return,
        ForeignWrite::Adopted(head) => Some(head.commit),
        ForeignWrite::Restored { found, .. } => *found,
    };
    let before = before.map(|head| head.commit);
    let changes = after.and_then(|after| desk.store.diff(before, after, "").ok()).unwrap_or_default();
    let paths = changes.iter().map(|change| change.path());
    if let Some(record) = change::foreign(&desk.namespace, write, paths) {
        desk.audit.note(record);
    }
}

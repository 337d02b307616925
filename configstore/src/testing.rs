//! Heads for unit tests.

use configbus_model::{CommitId, Epoch, Head, Revision, TreeId};

/// Returns the head that every unit test means by a revision.
pub(crate) fn head(revision: u64) -> Head {
    head_of(1, revision, 0)
}

/// Returns a head of some lineage.
pub(crate) fn head_of(epoch: u64, revision: u64, lineage: u8) -> Head {
    let mut id = [lineage; 20];
    id[..8].copy_from_slice(&revision.to_be_bytes());
    Head {
        epoch: Epoch(epoch),
        revision: Revision(revision),
        commit: CommitId::from_bytes(id),
        tree: TreeId::from_bytes(id),
        time_ms: revision,
        traceparent: None,
    }
}

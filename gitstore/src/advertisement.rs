//! What a pushing client is told about the repository.

use crate::pkt_line::PktLineError;
use bytes::Bytes;
use configbus_model::CommitId;

/// Rewrites the answer of `receive-pack` so that stale clones may push: `main` goes, `haves` (the head first, see
/// [`crate::Store::have_commits`]) come as `.have` lines. Input and output are packets up to and including the flush.
pub fn rewrite(_advertised: &Bytes, _haves: &[CommitId]) -> Result<Bytes, PktLineError> {
    unimplemented!()
}

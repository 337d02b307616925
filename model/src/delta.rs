//! What turns one revision into another.

use crate::Head;
use bytes::Bytes;

/// The trees and blobs of `to` that `from` does not have, in Git's encoding. Without `from` it is a full snapshot.
///
/// Ids are not carried: whoever applies a delta computes them and uses only what is reachable from `to.tree`, so a
/// delta that was altered on its way cannot become visible.
#[derive(Debug, Clone)]
pub struct Delta {
    /// The revision the objects are relative to.
    pub from: Option<Head>,
    /// The revision they lead to.
    pub to: Head,
    /// Directories, each after Git's encoding.
    pub trees: Vec<Bytes>,
    /// File contents.
    pub blobs: Vec<Bytes>,
}

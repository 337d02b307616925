//! Every object a push brings.

use bytes::Bytes;
use configbus_model::ObjectId;

/// An object that no accepted branch or tag reaches yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewObject {
    /// Its id.
    pub id: ObjectId,
    /// A path at which it occurs, raw; `None` for commits, tags and for objects that nothing pushed refers to.
    pub path: Option<Vec<u8>>,
    /// What it is.
    pub content: NewContent,
}

/// What a new object is. Nothing is checked yet: directories may hold any mode and any name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NewContent {
    /// A commit in Git's encoding.
    Commit(Bytes),
    /// An annotated tag in Git's encoding.
    Tag(Bytes),
    /// A directory in Git's encoding.
    Tree(Bytes),
    /// A file's content, by its size; read it with [`crate::CandidateView::blob`].
    Blob {
        /// Its size.
        size_bytes: u64,
    },
}

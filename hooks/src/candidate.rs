//! What the gate looks at: a push in quarantine, the edits of an API call or a working copy.

use crate::Finding;
use bytes::Bytes;
use configbus_model::{ErrorKind, ObjectId};

/// Why a candidate cannot be looked at as a whole.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CandidateError {
    /// Reading failed, which says nothing about the content.
    #[error("failed to read {what} of the candidate")]
    Read {
        /// What could not be read.
        what: String,
        /// Cause.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Its tree is of a form no host takes; the gate reports the finding.
    #[error("candidate cannot be delivered, {}: {}", .0.location(), .0.sentence())]
    Undeliverable(Box<Finding>),
}

impl CandidateError {
    /// Names what could not be read and why.
    pub fn read(what: impl Into<String>, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Read { what: what.into(), source: source.into() }
    }

    /// Returns the kind of failure.
    pub const fn kind(&self) -> ErrorKind {
        match self {
            Self::Read { .. } => ErrorKind::Internal,
            Self::Undeliverable(_) => ErrorKind::Rejected,
        }
    }
}

/// One entry of a directory as it is stored, nothing about it checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawEntry<'a> {
    /// Name, in whatever bytes.
    pub name: &'a [u8],
    /// Git's mode.
    pub mode: u32,
}

/// Something the candidate brings, whether or not its last revision still shows it.
#[derive(Debug, Clone, Copy)]
pub enum NewObject<'a> {
    /// A directory.
    Directory {
        /// Where it stands; the root is empty.
        path: &'a str,
        /// What is in it.
        entries: &'a [RawEntry<'a>],
    },
    /// A file's content.
    Content {
        /// Where it stands.
        path: &'a str,
        /// Its id.
        id: ObjectId,
        /// How long it is.
        size_bytes: u64,
    },
}

/// A file of the landing tree that is new or different there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedFile {
    /// Where it stands.
    pub path: String,
    /// Id of its content, all zero where nobody has computed it.
    pub id: ObjectId,
    /// How long it is.
    pub size_bytes: u64,
}

/// A proposed change while it is being checked. The landing tree is what readers would see.
pub trait Candidate {
    /// Shows every directory and content the candidate brings, those of commits in the middle of a push included.
    fn new_objects(&self, visit: &mut dyn FnMut(NewObject<'_>)) -> Result<(), CandidateError>;

    /// Returns the files of the landing tree that are new or different there; deleted ones are left out.
    fn changed_files(&self) -> Result<Vec<ChangedFile>, CandidateError>;

    /// Returns the changed files that can be read although [`changed_files`](Self::changed_files) cannot tell them all;
    /// the candidate is refused, and these may tell more about why.
    fn readable_files(&self) -> Result<Vec<ChangedFile>, CandidateError> {
        Ok(Vec::new())
    }

    /// Returns the content of a changed file. Called in the order of [`changed_files`](Self::changed_files), for no
    /// file above the size limit.
    fn content(&self, file: &ChangedFile) -> Result<Bytes, CandidateError>;

    /// Shows the names in each directory of the landing tree that has new or different entries; the root is empty.
    fn changed_directories(&self, visit: &mut dyn FnMut(&str, &[&str])) -> Result<(), CandidateError>;
}

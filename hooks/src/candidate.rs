//! What the gate looks at: a push in quarantine, the edits of an API call or a working copy.

use crate::{Finding, evaluator::EvaluatorError};
use bytes::Bytes;
use configbus_model::{EntryMode, ErrorKind, ObjectId};

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
    /// Its rules cannot be evaluated, whatever they say.
    #[error(transparent)]
    Evaluation(EvaluatorError),
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
            Self::Evaluation(error) => error.kind(),
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

/// A file as a tree has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileState {
    /// Id of its content, all zero where nobody has computed it: files of a working copy.
    pub id: ObjectId,
    /// Plain or executable.
    pub mode: EntryMode,
    /// How long it is.
    pub size_bytes: u64,
}

/// One path at which the landing tree differs from the base. A rename is two of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileChange {
    /// Where.
    pub path: String,
    /// What was there.
    pub before: Option<FileState>,
    /// What will be there.
    pub after: Option<FileState>,
}

/// A file of the landing tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LandingFile {
    /// Where it stands.
    pub path: String,
    /// What is known of it without reading.
    pub state: FileState,
}

/// A file that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundFile {
    /// Id of the content, always the right one.
    pub id: ObjectId,
    /// The content.
    pub content: Bytes,
}

/// Ids of the folder `.configbus` on both sides; `None` where there is none, or where nobody has computed it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PolicyIds {
    /// What is in force.
    pub base: Option<ObjectId>,
    /// What would be.
    pub landing: Option<ObjectId>,
}

/// A proposed change while it is being checked. The *base* is what readers see now, the *landing* tree what they would see.
pub trait Candidate {
    /// Shows every directory and content the candidate brings, those of commits in the middle of a push included.
    fn new_objects(&self, visit: &mut dyn FnMut(NewObject<'_>)) -> Result<(), CandidateError>;

    /// Returns where the landing tree differs from the base, deleted files included. A working copy shows all of its files:
    /// what was accepted before is checked again.
    fn changes(&self) -> Result<Vec<FileChange>, CandidateError>;

    /// Returns the changed files that can be read although [`changes`](Self::changes) cannot tell them all; the candidate is
    /// refused, and these may tell more about why.
    fn readable_files(&self) -> Result<Vec<LandingFile>, CandidateError> {
        Ok(Vec::new())
    }

    /// Returns the content of a file of the landing tree.
    fn content(&self, file: &LandingFile) -> Result<Bytes, CandidateError>;

    /// Shows the names in each directory of the landing tree that has new or different entries; the root is empty.
    fn changed_directories(&self, visit: &mut dyn FnMut(&str, &[&str])) -> Result<(), CandidateError>;

    /// Returns a file of the base; `None` when no file is at the path.
    fn base_file(&self, path: &str) -> Result<Option<FoundFile>, CandidateError>;

    /// Returns a file of the landing tree; `None` when no file is at the path.
    fn landing_file(&self, path: &str) -> Result<Option<FoundFile>, CandidateError>;

    /// Returns the id of a file of the landing tree, without reading the file where that is possible.
    fn landing_id(&self, path: &str) -> Result<Option<ObjectId>, CandidateError> {
        Ok(self.landing_file(path)?.map(|file| file.id))
    }

    /// Returns which policy each side has.
    fn policy_ids(&self) -> Result<PolicyIds, CandidateError>;

    /// Returns the files of the landing tree, changed or not, whose paths are wanted. Walks the whole tree.
    fn landing_files(&self, wanted: &dyn Fn(&str) -> bool) -> Result<Vec<LandingFile>, CandidateError>;
}

impl FileChange {
    /// Returns the file that will be there.
    pub(crate) fn into_landing(self) -> Option<LandingFile> {
        self.after.map(|state| LandingFile { path: self.path, state })
    }
}

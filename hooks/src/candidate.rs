//! What the gate looks at: a push in quarantine, the edits of an API call or a working copy.

use crate::{Finding, GateSettings, Rule, evaluator::EvaluatorError, shape};
use bytes::Bytes;
use configbus_model::{EntryMode, ErrorKind, ObjectId, PathError, at_most};
use std::{cell::Cell, ops::ControlFlow};

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
    /// It has a path that no host takes; the gate reports it with its limits.
    #[error("a path of the candidate cannot be delivered")]
    Path(#[source] PathError),
    /// It touches more files than can be looked at; the gate reports it with its limit.
    #[error("candidate touches at least {found} files, which are too many")]
    TooManyFiles {
        /// How many there are at least.
        found: u64,
    },
    /// Its tree is too large to look for files in it; the gate reports it with its limit.
    #[error("tree of the candidate has at least {found} files, which are too many to look through")]
    TreeTooLarge {
        /// How many there are at least.
        found: u64,
    },
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
            Self::Undeliverable(_) | Self::Path(_) | Self::TooManyFiles { .. } | Self::TreeTooLarge { .. } => {
                ErrorKind::Rejected
            }
        }
    }

    /// Returns the finding, if it is the candidate's fault.
    pub(crate) fn into_finding(self, settings: &GateSettings) -> Result<Finding, Self> {
        Ok(match self {
            Self::Undeliverable(finding) => *finding,
            Self::Path(error) => shape::path_finding(&error, shape::path_of(&error), &settings.path_limits()),
            Self::TooManyFiles { found } => {
                let message = "change touches too many files, those counted that it makes to be looked at again; bring it in \
                               several steps";
                Finding::new(Rule::ChangedFiles, "", message)
                    .found(format!("at least {found} files"))
                    .expected(at_most(settings.changed_files_max, "files", "gate.changed_files_max"))
            }
            Self::TreeTooLarge { found } => {
                let message = "tree has too many files to look for those that a changed schema, rule or validator concerns; \
                               ask for a higher limit, or take files out";
                Finding::new(Rule::TreeFiles, "", message).found(format!("at least {found} files")).expected(at_most(
                    settings.tree_files_max,
                    "files",
                    "gate.tree_files_max",
                ))
            }
            error => return Err(error),
        })
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
    /// A commit or a tag, of which only the number counts.
    Other,
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
    /// What was there; its length may be left out, which is zero.
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
    /// Shows every directory, content and commit the candidate brings, those in the middle of a push included, until
    /// `visit` has had enough.
    fn new_objects(&self, visit: &mut dyn FnMut(NewObject<'_>) -> ControlFlow<()>) -> Result<(), CandidateError>;

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

    /// Returns what the landing tree has at a path, be it a directory.
    fn landing_mode(&self, path: &str) -> Result<Option<EntryMode>, CandidateError> {
        let is_there =
            |file: &str| file.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        let found = self.landing_files(&is_there)?;
        Ok(found.first().map(|file| if file.path == path { file.state.mode } else { EntryMode::Directory }))
    }

    /// Returns which policy each side has.
    fn policy_ids(&self) -> Result<PolicyIds, CandidateError>;

    /// Returns the files of the landing tree, changed or not, whose paths are wanted. Walks the whole tree.
    fn landing_files(&self, wanted: &dyn Fn(&str) -> bool) -> Result<Vec<LandingFile>, CandidateError>;
}

/// Returns the files of the landing tree whose paths are wanted, if neither the tree nor their number is over its limit.
pub(crate) fn wanted_files(
    candidate: &dyn Candidate,
    settings: &GateSettings,
    wanted: &dyn Fn(&str) -> bool,
) -> Result<Vec<LandingFile>, CandidateError> {
    let walked = Cell::new(0_usize);
    let files = candidate.landing_files(&|path| {
        walked.set(walked.get() + 1);
        walked.get() <= settings.tree_files_max && wanted(path)
    })?;
    if walked.get() > settings.tree_files_max {
        return Err(CandidateError::TreeTooLarge { found: walked.get() as u64 });
    }
    if files.len() > settings.changed_files_max {
        return Err(CandidateError::TooManyFiles { found: files.len() as u64 });
    }
    Ok(files)
}

impl FileChange {
    /// Returns whether something changes for sure. Of a working copy nobody has computed ids; there, what has the size it had
    /// is taken for what it was.
    pub(crate) fn is_certain(&self) -> bool {
        let (Some(before), Some(after)) = (&self.before, &self.after) else { return true };
        after.id != ObjectId::ZERO || (before.mode, before.size_bytes) != (after.mode, after.size_bytes)
    }

    /// Returns the file that will be there.
    pub(crate) fn into_landing(self) -> Option<LandingFile> {
        self.after.map(|state| LandingFile { path: self.path, state })
    }
}

//! The pack that leads from one commit to another.
//!
//! Meant for a mirror that is one or a few landings behind: objects are found by comparing trees and sent whole. For
//! anything larger `git fetch` negotiates, finds deltas and is the better way.

use crate::{
    ObjectKind, ReadError, Store,
    candidate::new_objects::{Walker, commits_between},
    disk::pack::PackWriter,
    read::objects::{Objects, to_oid},
};
use configbus_model::{CommitId, ErrorKind, ObjectId};
use std::{io, ops::ControlFlow};

/// Most commits one pack brings.
const COMMITS_MAX: usize = 256;

/// Why there is no pack.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PackError {
    /// The receiver's commit is not known here, or `to` does not build on it.
    #[error("{to} does not build on {from}")]
    NotAncestor {
        /// What the receiver has.
        from: CommitId,
        /// What it wants.
        to: CommitId,
    },
    /// So much lies between them that `git fetch` is the better way.
    #[error("more than {commits_max} commits lie between {from} and {to}")]
    TooFar {
        /// What the receiver has.
        from: CommitId,
        /// What it wants.
        to: CommitId,
        /// The bound.
        commits_max: usize,
    },
    /// Objects cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The receiver went away.
    #[error("failed to send a pack")]
    Write(#[source] io::Error),
}

impl PackError {
    /// Returns what kind of failure this is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NotAncestor { .. } | Self::TooFar { .. } => ErrorKind::NotFound,
            Self::Read(error) => error.kind(),
            Self::Write(_) => ErrorKind::Unavailable,
        }
    }
}

impl Store {
    /// Writes a pack with everything `to` has and `from` has not. Both must be on the head's first-parent chain, so that
    /// nothing can be had here that was not accepted.
    pub fn pack_between(&self, from: CommitId, to: CommitId, writer: &mut dyn io::Write) -> Result<(), PackError> {
        let in_order = matches!((self.revision_of(from), self.revision_of(to)), (Some(a), Some(b)) if a <= b);
        if !in_order {
            return Err(PackError::NotAncestor { from, to });
        }
        self.with_objects(|objects| {
            let commits = commits_between(objects, &[to], &[from], COMMITS_MAX)?;
            let commits = commits.ok_or(PackError::TooFar { from, to, commits_max: COMMITS_MAX })?;
            write(objects, &new_ids(objects, &commits)?, writer)
        })
    }
}

fn new_ids(objects: &Objects<'_>, commits: &[CommitId]) -> Result<Vec<ObjectId>, ReadError> {
    let mut ids = Vec::new();
    let mut visit = |object: crate::NewObject| {
        ids.push(object.id);
        ControlFlow::Continue(())
    };
    let mut walker = Walker::new(objects, &mut visit);
    commits.iter().try_for_each(|commit| walker.commit(*commit))?;
    Ok(ids)
}

fn write(objects: &Objects<'_>, ids: &[ObjectId], writer: &mut dyn io::Write) -> Result<(), PackError> {
    let mut pack = PackWriter::start(writer, ids.len()).map_err(PackError::Write)?;
    for id in ids {
        let object = objects.odb().read(to_oid(*id)).map_err(|source| ReadError::Object { id: *id, source })?;
        let kind = ObjectKind::from_git(object.kind()).ok_or(ReadError::Missing { id: *id })?;
        pack.write(kind, object.data()).map_err(PackError::Write)?;
    }
    pack.finish().map(drop).map_err(PackError::Write)
}

#[cfg(test)]
mod tests;

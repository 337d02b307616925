//! From times and commits to revisions.

use crate::{ReadError, Store, read::objects::from_oid};
use configbus_model::{CommitId, CommitPrefix, Revision};
use git2::{ErrorCode, Oid};

/// What the first digits of a commit's id name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NamedCommit {
    /// This revision.
    Revision(Revision),
    /// More than one object.
    Ambiguous,
    /// No revision. Whether there is another commit of this name is not told: it may be one that was refused.
    Nothing,
}

impl Store {
    /// Returns the revision that was the head at a moment; revision 0 before the first. The server's clock is taken to
    /// rise: where it was set back between two landings, either of them is returned.
    pub fn revision_at(&self, time_ms: u64) -> Result<Revision, ReadError> {
        let landings = self.landings();
        let (mut at_or_before, mut after) = (0, landings.newest().0 + 1);
        while after - at_or_before > 1 {
            let middle = at_or_before + (after - at_or_before) / 2;
            let landed = self.record(&landings, Revision(middle))?.is_some_and(|landing| landing.landed_ms <= time_ms);
            if landed { at_or_before = middle } else { after = middle }
        }
        Ok(Revision(at_or_before))
    }

    /// Looks for the revision that a commit is.
    pub fn find_commit(&self, prefix: &CommitPrefix) -> Result<NamedCommit, ReadError> {
        let commit = match prefix.full() {
            Some(commit) => commit,
            None => match self.complete(prefix)? {
                Ok(commit) => commit,
                Err(named) => return Ok(named),
            },
        };
        Ok(self.revision_of(commit).map_or(NamedCommit::Nothing, NamedCommit::Revision))
    }

    fn complete(&self, prefix: &CommitPrefix) -> Result<Result<CommitId, NamedCommit>, ReadError> {
        let Ok(short) = Oid::from_str(prefix.as_str()) else { return Ok(Err(NamedCommit::Nothing)) };
        self.with_objects(|objects| match objects.odb().exists_prefix(short, prefix.as_str().len()) {
            Ok(found) => Ok(Ok(from_oid(found).into())),
            Err(error) if error.code() == ErrorCode::NotFound => Ok(Err(NamedCommit::Nothing)),
            Err(error) if error.code() == ErrorCode::Ambiguous => Ok(Err(NamedCommit::Ambiguous)),
            Err(source) => Err(ReadError::Object { id: from_oid(short), source }),
        })
    }
}

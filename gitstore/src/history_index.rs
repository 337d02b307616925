//! Keeping questions about long histories fast: Git's commit-graph with filters of changed paths.
//!
//! Every landing adds a commit that is not in it; Git looks at those itself, and a thousand of them take it milliseconds. So
//! it is brought up to date once in a while, in layers, off the write path. It can be deleted at any time.

use crate::{Store, UpkeepError, git};
use std::{sync::PoisonError, time::Duration};

/// Revisions that may land before it is brought up to date.
const BEHIND_MAX: u64 = 1_000;

/// Longest time that may take; the first time, for a long history, takes the longest.
const DEADLINE: Duration = Duration::from_secs(600);

impl Store {
    /// Brings the index of changed paths up to date when enough has landed since. Returns whether it did.
    pub fn index_history(&self) -> Result<bool, UpkeepError> {
        self.index_history_of(BEHIND_MAX)
    }

    pub(crate) fn index_history_of(&self, behind_max: u64) -> Result<bool, UpkeepError> {
        // Held meanwhile: two children would wait for one lock file, and one of them fail.
        let mut indexed = self.inner.history_indexed.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(head) = self.head() else { return Ok(false) };
        let newest = head.revision.0;
        // What a process before this one has indexed is found by Git, at no cost.
        if newest.saturating_sub(*indexed) < behind_max {
            return Ok(false);
        }
        // Of the head alone: what only hidden refs lead to goes one day, and Git calls a graph that names it damaged.
        let args = ["commit-graph", "write", "--stdin-commits", "--split", "--changed-paths", "--no-progress"];
        git::command(self.dir(), args).run_with_input(format!("{}\n", head.commit).as_bytes(), DEADLINE)?;
        *indexed = newest;
        Ok(true)
    }
}

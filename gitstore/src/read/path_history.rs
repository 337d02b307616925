//! The history of one path, however long the history around it is.
//!
//! Near the head this process compares trees itself. Further back that takes a fraction of a millisecond for each
//! revision, whether or not it touched the path; stock Git does better with the filters of changed paths that upkeep adds
//! to its commit-graph, which libgit2 does not read. So the rest is asked of a Git child, within a deadline.

use crate::{LogEntry, LogPage, ReadError, Store, git};
use configbus_model::{CommitId, ConfigPath, Revision};
use std::time::Duration;

/// Revisions that are looked at in this process: about what starting a child costs.
const NEAR_MAX: usize = 500;

/// Longest time for the rest.
const DEADLINE: Duration = Duration::from_secs(60);

impl Store {
    /// Returns the revisions that changed a file or something below a directory, newest first, from `from` back to and
    /// without `after`, at most `limit`.
    pub fn log_of_path(
        &self,
        from: Revision,
        after: Revision,
        path: &ConfigPath,
        limit: usize,
    ) -> Result<LogPage, ReadError> {
        let near = self.log_within(from, after, Some(path), limit, NEAR_MAX)?;
        let Some(next) = near.next.filter(|_| near.entries.len() < limit) else { return Ok(near) };
        let mut entries = near.entries;
        let far = self.touching(next, path, limit + 1 - entries.len())?;
        let mut far = far.into_iter().filter(|revision| *revision > after);
        while entries.len() < limit {
            let Some(revision) = far.next() else { return Ok(LogPage { entries, next: None }) };
            entries.extend(self.log_entry(revision)?);
        }
        Ok(LogPage { entries, next: far.next() })
    }

    /// Asks Git for revisions, newest first.
    fn touching(&self, from: Revision, path: &ConfigPath, limit: usize) -> Result<Vec<Revision>, ReadError> {
        let Some(start) = self.commit_at(from)? else { return Ok(Vec::new()) };
        let (count, start) = (format!("--max-count={limit}"), start.commit.to_string());
        let args = ["rev-list", "--first-parent", &count, &start, "--", path.as_str()];
        let output = git::command(self.dir(), args).env("GIT_LITERAL_PATHSPECS", "1").run(DEADLINE)?;
        let ids = String::from_utf8_lossy(&output.stdout).into_owned();
        let commits = ids.lines().filter_map(|id| id.parse::<CommitId>().ok());
        Ok(commits.filter_map(|commit| self.revision_of(commit)).collect())
    }

    fn log_entry(&self, revision: Revision) -> Result<Option<LogEntry>, ReadError> {
        Ok(self.log(revision, None, 1)?.entries.pop())
    }
}

#[cfg(test)]
mod tests;

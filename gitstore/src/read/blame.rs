//! Who wrote which line.

use crate::{Commit, ReadError, Store, git};
use configbus_model::{CommitId, ConfigPath, Revision};
use std::{
    collections::{BTreeMap, btree_map::Entry},
    ops::Range,
    time::Duration,
};

/// Longest time for one file; following a line through a long history takes the longest.
const DEADLINE: Duration = Duration::from_secs(60);

/// Lines next to each other that came the same way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlameSpan {
    /// Which lines, counted from 1; the end is not one of them.
    pub lines: Range<u32>,
    /// The commit that wrote them.
    pub commit: CommitId,
    /// The landing that brought them: the commit's own, or that of the push it came with. Missing for commits that are not
    /// part of this history any more.
    pub revision: Option<Revision>,
}

/// The origin of every line of a range.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Blame {
    /// In order, without gaps.
    pub spans: Vec<BlameSpan>,
    /// What wrote them.
    pub commits: BTreeMap<CommitId, Commit>,
}

impl Store {
    /// Returns where lines of a file come from. `lines` counts from 1 and must lie within the file.
    ///
    /// What wrote a line may be a commit that came with a push and is no revision; the landing that brought it is then
    /// asked for in a second pass along first parents.
    pub fn blame(&self, at: CommitId, path: &ConfigPath, lines: Range<u32>) -> Result<Blame, ReadError> {
        if lines.is_empty() {
            return Ok(Blame::default());
        }
        let written = self.origins(at, path, &lines, false)?;
        let landed = if written.iter().all(|commit| self.revision_of(*commit).is_some()) {
            written.clone()
        } else {
            self.origins(at, path, &lines, true)?
        };
        let mut blame = Blame::default();
        for (line, (commit, landed)) in lines.zip(written.into_iter().zip(landed)) {
            let revision = self.revision_of(landed);
            match blame.spans.last_mut() {
                Some(span) if (span.commit, span.revision) == (commit, revision) => span.lines.end = line + 1,
                _ => blame.spans.push(BlameSpan { lines: line..line + 1, commit, revision }),
            }
            if let Entry::Vacant(vacant) = blame.commits.entry(commit) {
                vacant.insert(self.commit(commit)?);
            }
        }
        Ok(blame)
    }

    /// Returns the commit of every line.
    fn origins(
        &self,
        at: CommitId,
        path: &ConfigPath,
        lines: &Range<u32>,
        first_parent: bool,
    ) -> Result<Vec<CommitId>, ReadError> {
        let range = format!("-L{},{}", lines.start, lines.end - 1);
        let at = at.to_string();
        let mut args = vec!["blame", "--incremental", &range];
        args.extend(first_parent.then_some("--first-parent"));
        args.extend([at.as_str(), "--", path.as_str()]);
        let output = git::command(self.dir(), args).env("GIT_LITERAL_PATHSPECS", "1").run(DEADLINE)?;
        let mut origins = vec![None; lines.len()];
        for (commit, found) in String::from_utf8_lossy(&output.stdout).lines().filter_map(parse_span) {
            for line in found.filter(|line| lines.contains(line)) {
                origins[(line - lines.start) as usize] = Some(commit);
            }
        }
        // Git accounts for every line of the range; one it leaves out would be one of the file as it is.
        let whole: Option<Vec<CommitId>> = origins.into_iter().collect();
        whole.ok_or_else(|| ReadError::Missing { id: at.parse().unwrap_or(configbus_model::ObjectId::ZERO) })
    }
}

/// Reads `commit, line there, line here, count`; what else Git says begins with a word.
fn parse_span(line: &str) -> Option<(CommitId, Range<u32>)> {
    let mut fields = line.split(' ');
    let commit = fields.next().filter(|id| id.len() == 40)?.parse().ok()?;
    let (_, here, count) = (fields.next()?, fields.next()?.parse::<u32>().ok()?, fields.next()?.parse::<u32>().ok()?);
    Some((commit, here..here.checked_add(count)?))
}

#[cfg(test)]
mod tests;

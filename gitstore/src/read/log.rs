//! First-parent history.

use crate::{
    Commit, ReadError, Store,
    disk::landings::Landing,
    read::{objects::Objects, tree_lookup::TreeLookup},
};
use configbus_model::{ConfigPath, Revision, TreeId};

/// Most revisions one call looks at. Looking for the changes of a path costs a fraction of a millisecond a revision.
pub(crate) const REVISIONS_MAX: usize = 10_000;

/// Which part of history to look at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LogRange {
    pub(crate) from: Revision,
    /// Where to end; it is not looked at.
    pub(crate) after: Revision,
    pub(crate) revisions_max: usize,
}

/// One revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// Its position.
    pub revision: Revision,
    /// When it landed, by the server's clock.
    pub landed_ms: u64,
    /// Who landed it, where that was known; the author of a pushed commit may be anybody.
    pub landed_by: Option<String>,
    /// The commit; more than one parent says that it merged a push.
    pub commit: Commit,
}

/// One page of history, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogPage {
    /// The revisions, possibly none: looking for a path stops after a bounded number of revisions.
    pub entries: Vec<LogEntry>,
    /// Where to go on; `None` when history is exhausted.
    pub next: Option<Revision>,
}

pub(crate) fn log(
    store: &Store,
    objects: &Objects<'_>,
    range: LogRange,
    path: Option<&ConfigPath>,
    limit: usize,
) -> Result<LogPage, ReadError> {
    let LogRange { from, after, revisions_max } = range;
    let mut page = LogPage::default();
    let mut revision = Revision(from.0.min(store.landings().newest().0));
    let mut commit = read(store, objects, revision)?;
    for _ in 0..revisions_max {
        let Some((current, landing)) = commit.filter(|_| revision > after) else { return Ok(page) };
        if page.entries.len() >= limit {
            page.next = Some(revision);
            return Ok(page);
        }
        let before = Revision(revision.0 - 1);
        commit = read(store, objects, before)?;
        if touches(objects, &current, commit.as_ref().map(|(commit, _)| commit), path)? {
            let landed_by = store.names().name(landing.by).map(str::to_owned);
            page.entries.push(LogEntry { revision, landed_ms: landing.landed_ms, landed_by, commit: current });
        }
        revision = before;
    }
    page.next = commit.filter(|_| revision > after).map(|_| revision);
    Ok(page)
}

fn read(store: &Store, objects: &Objects<'_>, revision: Revision) -> Result<Option<(Commit, Landing)>, ReadError> {
    let landing = store.record(&store.landings(), revision)?;
    landing.map(|landing| Ok((objects.commit(landing.commit)?, landing))).transpose()
}

fn touches(
    objects: &Objects<'_>,
    commit: &Commit,
    before: Option<&Commit>,
    path: Option<&ConfigPath>,
) -> Result<bool, ReadError> {
    let Some(path) = path else { return Ok(true) };
    objects.differs_at(before.map_or(TreeId::EMPTY, |before| before.tree), commit.tree, path)
}

//! Which revisions changed something below a directory, oldest first.
//!
//! A few are looked at in this process; of many Git is asked, which knows from its index of changed paths without reading
//! their trees.

use crate::{ReadError, Store, git, read::tree_lookup::TreeLookup as _};
use configbus_model::{CommitId, ConfigPath, Revision, TreeId};
use std::time::Duration;

/// Revisions that are looked at in this process: about what starting a child costs.
const NEAR_MAX: u64 = 500;

/// Longest time Git may take; without its index a million revisions take minutes.
const DEADLINE: Duration = Duration::from_secs(900);

/// Returns the revisions after `after`, up to and with `to`.
pub(super) fn revisions(
    store: &Store,
    prefix: &ConfigPath,
    after: Revision,
    to: Revision,
) -> Result<Vec<Revision>, ReadError> {
    if to.0.saturating_sub(after.0) <= NEAR_MAX {
        near(store, prefix, after, to)
    } else {
        far(store, prefix, after, to)
    }
}

fn near(store: &Store, prefix: &ConfigPath, after: Revision, to: Revision) -> Result<Vec<Revision>, ReadError> {
    let mut before = store.commit_at(after)?.map_or(TreeId::EMPTY, |commit| commit.tree);
    let mut found = Vec::new();
    for revision in (after.0 + 1..=to.0).map(Revision) {
        let Some(commit) = store.commit_at(revision)? else { continue };
        if store.with_objects(|objects| objects.differs_at(before, commit.tree, prefix))? {
            found.push(revision);
        }
        before = commit.tree;
    }
    Ok(found)
}

fn far(store: &Store, prefix: &ConfigPath, after: Revision, to: Revision) -> Result<Vec<Revision>, ReadError> {
    let Some(newest) = store.commit_at(to)? else { return Ok(Vec::new()) };
    let mut args = vec!["rev-list".to_owned(), "--first-parent".into(), "--reverse".into(), newest.commit.to_string()];
    args.extend(store.commit_at(after)?.map(|after| format!("^{}", after.commit)));
    args.extend(["--".into(), prefix.as_str().to_owned()]);
    let output = git::command(store.dir(), args).env("GIT_LITERAL_PATHSPECS", "1").run(DEADLINE)?;
    let ids = String::from_utf8_lossy(&output.stdout).into_owned();
    let commits = ids.lines().filter_map(|id| id.parse::<CommitId>().ok());
    Ok(commits.filter_map(|commit| store.revision_of(commit)).filter(|revision| *revision > after).collect())
}

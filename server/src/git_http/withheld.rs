//! Objects of the repository that are nobody's to fetch: those of a push that was refused after Git had taken them over,
//! and foreign writes that were put aside.
//!
//! Version 2 of Git's protocol hands out every object to whoever names it, referenced or not. Refs that nobody is shown name
//! what is withheld; a fetch that asks for something only they lead to is answered as if it were not there. Removing the
//! objects was the alternative: another push may rely on them by then.

use configbus_gitstore::Store;
use configbus_gitstore::git::{self, ChildError};
use configbus_model::{CommitId, ObjectId};
use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

/// Refs of refused tips, and of foreign writes.
const REFUSED: &str = "refs/configbus/refused";
const FOREIGN: &str = "refs/configbus/foreign";

/// Longest time to find what is withheld.
const LIST_WITHIN: Duration = Duration::from_secs(30);

/// Longest time to write a ref.
const WRITE_WITHIN: Duration = Duration::from_secs(10);

/// Withholds what only this tip leads to.
pub(crate) fn withhold(store: &Store, tip: ObjectId) -> Result<(), ChildError> {
    let name = format!("{REFUSED}/{tip}");
    git::command(store.dir(), ["update-ref", &name, &tip.to_string()]).run(WRITE_WITHIN).map(drop)
}

/// Returns whether anything may be withheld. Cheap: asked at every fetch.
pub(super) fn is_any(store: &Store) -> bool {
    let has_loose = |name: &str| fs::read_dir(store.dir().join(name)).is_ok_and(|mut refs| refs.next().is_some());
    has_loose(REFUSED) || has_loose(FOREIGN) || is_packed(&store.dir().join("packed-refs"))
}

fn is_packed(file: &Path) -> bool {
    let refs = fs::read_to_string(file).unwrap_or_default();
    refs.lines().any(|line| [REFUSED, FOREIGN].iter().any(|name| line.contains(name)))
}

/// Returns the first of these objects that is withheld.
pub(super) fn first_of(store: &Store, wants: &[ObjectId]) -> Result<Option<ObjectId>, ChildError> {
    // What most clients ask for needs no list.
    let asked: Vec<_> = wants.iter().filter(|want| store.revision_of(CommitId::from(**want)).is_none()).collect();
    if asked.is_empty() {
        return Ok(None);
    }
    let (refused, foreign) = (format!("--glob={REFUSED}/*"), format!("--glob={FOREIGN}/*"));
    // Foreign writes may lack objects; what is there counts.
    let list = ["rev-list", "--objects", "--no-object-names", "--missing=allow-any", &refused, &foreign];
    let arguments = list.into_iter().chain(["--not", "--branches", "--tags"]);
    let listed = git::command(store.dir(), arguments).run(LIST_WITHIN)?;
    let listed = String::from_utf8_lossy(&listed.stdout);
    let withheld: HashSet<ObjectId> = listed.lines().filter_map(|line| line.parse().ok()).collect();
    if withheld.is_empty() {
        forget_refused(store);
    }
    Ok(asked.into_iter().find(|want| withheld.contains(want)).copied())
}

/// What was refused has landed since: nothing has to be remembered of it. What is left of it costs time alone.
fn forget_refused(store: &Store) {
    let listed = git::command(store.dir(), ["for-each-ref", "--format=delete %(refname)", REFUSED]).run(WRITE_WITHIN);
    let deletions = listed.map(|listed| listed.stdout).unwrap_or_default();
    if !deletions.is_empty()
        && let Err(error) =
            git::command(store.dir(), ["update-ref", "--stdin"]).run_with_input(&deletions, WRITE_WITHIN)
    {
        tracing::warn!("cannot forget pushes that have landed: {}", configbus_runtime::report::chain(&error));
    }
}

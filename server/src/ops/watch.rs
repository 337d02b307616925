//! Watching: every landing after a revision, without gap or duplicate.
//!
//! A watcher remembers one revision: the last it has told completely. Everything else is asked of the repository when
//! there is something to tell, so a watcher that does not read costs nothing but its place.

use super::read::wire_bytes;
use crate::auth::Caller;
use crate::bus::Bus;
use crate::failure::Failure;
use crate::limits::over;
use crate::namespace::LiveNamespace;
use configbus_model::{Change, CommitId, ConfigPath, Epoch, Head, Namespace, ObjectId, Revision, TreeId};
use futures_util::Stream;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio_util::sync::CancellationToken;

/// How often a watcher hears that nothing has changed.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// Bytes of one update on the wire, about; a larger difference comes in several.
const UPDATE_BYTES: usize = 2 * 1024 * 1024;

/// What to watch.
pub(crate) struct WatchRequest {
    pub(crate) namespace: Namespace,
    /// Files, or directories with a trailing slash; none means everything.
    pub(crate) paths: Vec<String>,
    /// Changes after it, where revision 0 is the empty namespace; from the present head on when missing.
    pub(crate) from: Option<Revision>,
}

/// What a watch yields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Update {
    /// The revision that has been told completely. All parts but the last of a large difference carry the one the
    /// difference starts from, so that who resumes from it misses nothing.
    pub(crate) head: Head,
    /// What the changes are relative to.
    pub(crate) from: Revision,
    /// None on a heartbeat.
    pub(crate) changes: Vec<Change>,
}

/// Starts a watch. The stream ends when the server stops.
pub(crate) async fn watch(
    bus: &Bus,
    caller: &Caller,
    request: WatchRequest,
) -> Result<impl Stream<Item = Result<Update, Failure>> + Send + use<>, Failure> {
    let live = bus.namespace(caller, &request.namespace)?;
    let permit = Arc::clone(&bus.watchers).try_acquire_owned().map_err(|_| {
        let max = bus.limits.watchers_max;
        let text = over("all watches are in use, try again in a moment", max, max, "watches", "limits.watchers_max");
        Failure::exhausted(text, Duration::from_secs(5))
    })?;
    let filter = Filter::parse(&request.paths, bus.limits.watch_paths_max)?;
    let heads = live.board.subscribe();
    let told = match request.from {
        None => live.board.current(),
        Some(Revision::ZERO) => None,
        Some(revision) => match live.board.current() {
            Some(head) if revision > head.revision => return Err(ahead(&live, revision, &head)),
            _ => Some(live.head_at(Some(revision)).await?),
        },
    };
    metrics::gauge!("configbus_server_watchers").increment(1.0);
    let watcher = Watcher {
        live,
        filter,
        heads,
        told,
        ready: VecDeque::new(),
        greeted: false,
        stopping: bus.stopping.clone(),
        _permit: permit,
    };
    // An error is the last thing a watch yields: who gets it resumes from what it has.
    Ok(futures_util::stream::unfold(Some(watcher), |watcher| async move {
        let mut watcher = watcher?;
        let update = watcher.next().await?;
        let goes_on = update.is_ok();
        Some((update, goes_on.then_some(watcher)))
    }))
}

/// A watcher that was told of revisions which are not there any more. Only a restore from a backup takes revisions away, or
/// another server behind the same address.
fn ahead(live: &LiveNamespace, revision: Revision, head: &Head) -> Failure {
    let (name, newest) = (&live.name, head.revision);
    Failure::not_found(format!(
        "{revision} does not exist in {name}, the head is {newest} of epoch {}: was it restored from a backup? Read everything \
         anew and watch from {newest}, or without a revision from the head",
        head.epoch.0
    ))
}

struct Watcher {
    live: Arc<LiveNamespace>,
    filter: Filter,
    heads: watch::Receiver<Option<Head>>,
    /// The revision that has been told completely.
    told: Option<Head>,
    /// Parts of a difference that are not told yet.
    ready: VecDeque<Update>,
    greeted: bool,
    stopping: CancellationToken,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Watcher {
    fn drop(&mut self) {
        metrics::gauge!("configbus_server_watchers").decrement(1.0);
    }
}

impl Watcher {
    async fn next(&mut self) -> Option<Result<Update, Failure>> {
        // A watcher learns at once where it starts from, so that it can resume there, even before the first commit.
        if !std::mem::replace(&mut self.greeted, true) {
            return Some(Ok(self.heartbeat()));
        }
        let heartbeat_at = tokio::time::Instant::now() + HEARTBEAT;
        loop {
            if self.stopping.is_cancelled() {
                return None;
            }
            if self.live.retired.is_cancelled() {
                return Some(Err(Failure::not_found(format!("namespace {} is served no longer", self.live.name))));
            }
            if let Some(update) = self.ready.pop_front() {
                return Some(Ok(update));
            }
            // Before the next landing: where much lands that this watcher does not want, there is always one.
            if tokio::time::Instant::now() >= heartbeat_at {
                return Some(Ok(self.heartbeat()));
            }
            match self.advance().await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(failure) => return Some(Err(failure)),
            }
            tokio::select! {
                () = self.stopping.cancelled() => return None,
                () = self.live.retired.cancelled() => {}
                changed = self.heads.changed() => changed.ok()?,
                () = tokio::time::sleep_until(heartbeat_at) => {}
            }
        }
    }

    /// Confirms what has been told; in an empty namespace that nothing has.
    fn heartbeat(&self) -> Update {
        let head = self.told.clone().unwrap_or_else(|| empty(self.live.epoch()));
        Update { from: head.revision, head, changes: Vec::new() }
    }

    /// Takes the next landing up. Returns whether there was one.
    async fn advance(&mut self) -> Result<bool, Failure> {
        self.heads.borrow_and_update();
        let told = self.told.as_ref().map_or(Revision::ZERO, |head| head.revision);
        let Some(next) = self.live.board.next_after(told) else { return Ok(false) };
        let changes = self.changes_to(next.commit).await?;
        let base = self.told.replace(next.clone());
        self.ready = parts(base.as_ref(), &next, changes, UPDATE_BYTES);
        Ok(true)
    }

    async fn changes_to(&self, to: CommitId) -> Result<Vec<Change>, Failure> {
        let from = self.told.as_ref().map(|head| head.commit);
        let filter = self.filter.clone();
        self.live.read(move |store| filter.changes(store, from, to)).await
    }
}

fn parts(base: Option<&Head>, next: &Head, mut changes: Vec<Change>, bytes_max: usize) -> VecDeque<Update> {
    let from = base.map_or(Revision::ZERO, |head| head.revision);
    let mut parts = VecDeque::new();
    while !changes.is_empty() {
        let rest = changes.split_off(fitting(&changes, bytes_max));
        let complete = if rest.is_empty() { next.clone() } else { base.cloned().unwrap_or_else(|| empty(next.epoch)) };
        parts.push_back(Update { head: complete, from, changes });
        changes = rest;
    }
    parts
}

/// Returns how many changes fit, at least one.
fn fitting(changes: &[Change], bytes_max: usize) -> usize {
    let mut bytes = 0;
    let fits = |change: &&Change| {
        bytes += wire_bytes(change);
        bytes <= bytes_max
    };
    changes.iter().take_while(fits).count().max(1).min(changes.len())
}

/// Stands for a namespace before its first commit.
fn empty(epoch: Epoch) -> Head {
    let (revision, commit) = (Revision::ZERO, CommitId::from(ObjectId::ZERO));
    Head { epoch, revision, commit, tree: TreeId::EMPTY, time_ms: 0, traceparent: None }
}

/// Which changes a watcher wants.
#[derive(Debug, Clone, Default)]
struct Filter {
    files: Vec<ConfigPath>,
    directories: Vec<String>,
}

impl Filter {
    fn parse(paths: &[String], paths_max: usize) -> Result<Self, Failure> {
        if paths.len() > paths_max {
            let what = "there are too many paths in one watch; name directories, or watch in several";
            return Err(Failure::invalid(over(what, paths.len(), paths_max, "paths", "limits.watch_paths_max")));
        }
        let mut filter = Self::default();
        for path in paths {
            match path.strip_suffix('/') {
                Some("") => return Err(Failure::invalid("\"/\" is no directory; name none to watch everything")),
                Some(directory) => filter.directories.push(super::read::checked_prefix(directory)?),
                None => filter.files.push(ConfigPath::parse(path).map_err(Failure::invalid)?),
            }
        }
        Ok(filter)
    }

    /// Asks for one prefix when there is one, and picks from everything otherwise: unchanged directories cost nothing.
    fn changes(
        &self,
        store: &configbus_gitstore::Store,
        from: Option<CommitId>,
        to: CommitId,
    ) -> Result<Vec<Change>, configbus_gitstore::ReadError> {
        let prefix = match (self.files.as_slice(), self.directories.as_slice()) {
            ([file], []) => file.as_str(),
            ([], [directory]) => directory.as_str(),
            _ => "",
        };
        let mut changes = store.diff(from, to, prefix)?;
        changes.retain(|change| self.wants(change.path()));
        Ok(changes)
    }

    fn wants(&self, path: &ConfigPath) -> bool {
        let everything = self.files.is_empty() && self.directories.is_empty();
        let below = |directory: &String| path.as_str() != directory && path.is_at_or_below(directory);
        everything || self.files.contains(path) || self.directories.iter().any(below)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use configbus_model::{Entry, EntryMode};

    fn head(revision: u64) -> Head {
        Head {
            epoch: Epoch::FIRST,
            revision: Revision(revision),
            commit: CommitId::from_bytes([1; 20]),
            tree: TreeId::EMPTY,
            time_ms: 0,
            traceparent: None,
        }
    }

    fn added(path: &str) -> Change {
        let path = ConfigPath::parse(path).unwrap();
        Change::Added(Entry { path, mode: EntryMode::File, id: ObjectId::ZERO, size_bytes: 0 })
    }

    #[test]
    fn files_match_themselves_and_directories_what_is_below() {
        let filter = Filter::parse(&["a.json".into(), "dir/".into()], 10).unwrap();
        let wanted = |path: &str| filter.wants(&ConfigPath::parse(path).unwrap());
        assert!(wanted("a.json") && wanted("dir/x") && wanted("dir/y/z"));
        assert!(!wanted("a.json5") && !wanted("dir") && !wanted("directory/x") && !wanted("a.json/x"));
        assert!(Filter::default().wants(&ConfigPath::parse("x").unwrap()));
        assert!(Filter::parse(&["/".into()], 10).is_err() && Filter::parse(&["../x".into()], 10).is_err());
    }

    #[test]
    fn only_the_last_part_of_a_large_difference_completes_it() {
        let changes: Vec<Change> = (1..6).map(|n| added(&format!("f{n}"))).collect();
        let two = wire_bytes(&changes[0]) * 2;
        let parts = parts(Some(&head(4)), &head(5), changes.clone(), two);
        let completes: Vec<u64> = parts.iter().map(|part| part.head.revision.0).collect();
        assert_eq!(completes, [4, 4, 5]);
        assert!(parts.iter().all(|part| part.from == Revision(4)));
        let told: Vec<Change> = parts.into_iter().flat_map(|part| part.changes).collect();
        assert_eq!(told, changes);
    }

    #[test]
    fn a_landing_elsewhere_tells_nothing() {
        assert!(parts(Some(&head(4)), &head(5), Vec::new(), 1).is_empty());
    }
}

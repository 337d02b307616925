//! Watching: every landing after a revision, without gap or duplicate.
//!
//! A watcher remembers one revision: the last it has told completely. Everything else is asked of the repository when
//! there is something to tell, so a watcher that does not read costs nothing but its place.

use super::read::wire_bytes;
use super::watch_space::{SpaceWatcher, WatchFrom};
use crate::auth::Caller;
use crate::bus::Bus;
use crate::failure::Failure;
use crate::limits::over;
use crate::namespace::{LiveNamespace, MountsError, mounts_at, mounts_path};
use crate::path_space::Place;
use configbus_model::{
    Change, CommitId, ConfigPath, Epoch, Head, Located, Mount, MountTable, Namespace, ObjectId, Revision, TreeId,
};
use futures_util::Stream;
use std::collections::{BTreeMap, VecDeque};
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
    /// The one path space when it is `main`.
    pub(crate) namespace: Namespace,
    /// Files, or directories with a trailing slash; none means everything.
    pub(crate) paths: Vec<String>,
    /// Changes after it, where revision 0 is the empty namespace; from the present head on when missing.
    pub(crate) from: Option<Revision>,
    /// The same for namespaces that are named.
    pub(crate) from_of: BTreeMap<Namespace, Revision>,
}

/// A directory became a namespace of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Moved {
    pub(crate) prefix: ConfigPath,
}

/// What a watch yields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Update {
    /// Whose revisions it tells of.
    pub(crate) namespace: Namespace,
    /// The revision that has been told completely. All parts but the last of a large difference carry the one the
    /// difference starts from, so that who resumes from it misses nothing.
    pub(crate) head: Head,
    /// What the changes are relative to.
    pub(crate) from: Revision,
    /// None on a heartbeat.
    pub(crate) changes: Vec<Change>,
    /// Files moved to the namespace without changing, and `head` is where it has them; comes without changes.
    pub(crate) moved: Option<Moved>,
}

/// What one namespace yields.
#[derive(Debug)]
pub(super) enum Step {
    Told(Update),
    /// `main` says that something else is mounted.
    Remounted {
        table: MountTable,
        added: Vec<Mount>,
        removed: Vec<Namespace>,
    },
}

/// Where one namespace is followed from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    Head,
    /// Revision 0 is the empty namespace.
    After(Revision),
}

impl Start {
    pub(super) const fn after(revision: Revision) -> Self {
        Self::After(revision)
    }
}

/// Starts a watch. The stream ends when the server stops.
pub(crate) async fn watch(
    bus: &Bus,
    caller: &Caller,
    request: WatchRequest,
) -> Result<impl Stream<Item = Result<Update, Failure>> + Send + use<>, Failure> {
    let permit = Arc::clone(&bus.watchers).try_acquire_owned().map_err(|_| {
        let max = bus.limits.watchers_max;
        let text = over("all watches are in use, try again in a moment", max, max, "watches", "limits.watchers_max");
        Failure::exhausted(text, Duration::from_secs(5))
    })?;
    let filter = Filter::parse(&request.paths, bus.limits.watch_paths_max)?;
    let from = WatchFrom { revision: request.from, of: request.from_of };
    let followed = if request.namespace == Namespace::main() {
        Followed::Space(SpaceWatcher::start(bus, caller, filter, from).await?)
    } else {
        let place = bus.place_in(caller, &request.namespace, None)?;
        let start = from.revision.map_or(Start::Head, Start::after);
        Followed::Namespace(Watcher::start(place, filter, start, bus.stopping.clone()).await?)
    };
    let open = Open { followed, _place: TakenPlace::new(permit) };
    // An error is the last thing a watch yields: who gets it resumes from what it has.
    Ok(futures_util::stream::unfold(Some(open), |open| async move {
        let mut open = open?;
        let update = open.next().await?;
        let goes_on = update.is_ok();
        Some((update, goes_on.then_some(open)))
    }))
}

/// Returns the head at a revision to follow from; nothing is the empty namespace.
pub(super) async fn told_at(live: &Arc<LiveNamespace>, start: Start) -> Result<Option<Head>, Failure> {
    match (start, live.board.current()) {
        (Start::Head, head) => Ok(head),
        (Start::After(Revision::ZERO), _) => Ok(None),
        (Start::After(revision), Some(head)) if revision > head.revision => Err(ahead(live, revision, &head)),
        (Start::After(revision), _) => live.head_at(Some(revision)).await.map(Some),
    }
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

/// An open watch.
struct Open {
    followed: Followed,
    _place: TakenPlace,
}

/// What a watch follows.
enum Followed {
    Namespace(Watcher),
    Space(SpaceWatcher),
}

impl Open {
    async fn next(&mut self) -> Option<Result<Update, Failure>> {
        match &mut self.followed {
            Followed::Space(watcher) => watcher.next().await,
            Followed::Namespace(watcher) => loop {
                match watcher.next().await? {
                    Ok(Step::Told(update)) => return Some(Ok(update)),
                    Ok(Step::Remounted { .. }) => {}
                    Err(failure) => return Some(Err(failure)),
                }
            },
        }
    }
}

/// One of the places for watches.
struct TakenPlace(OwnedSemaphorePermit);

impl TakenPlace {
    fn new(permit: OwnedSemaphorePermit) -> Self {
        metrics::gauge!("configbus_server_watchers").increment(1.0);
        Self(permit)
    }
}

impl Drop for TakenPlace {
    fn drop(&mut self) {
        debug_assert_eq!(self.0.num_permits(), 1);
        metrics::gauge!("configbus_server_watchers").decrement(1.0);
    }
}

/// Follows one namespace.
pub(super) struct Watcher {
    place: Place,
    follows_mounts: bool,
    filter: Filter,
    heads: watch::Receiver<Option<Head>>,
    /// The revision that has been told completely.
    told: Option<Head>,
    /// Parts of a difference that are not told yet.
    ready: VecDeque<Step>,
    greeted: bool,
    stopping: CancellationToken,
}

impl Watcher {
    pub(super) async fn start(
        place: Place,
        filter: Filter,
        start: Start,
        stopping: CancellationToken,
    ) -> Result<Self, Failure> {
        let heads = place.live.board.subscribe();
        let told = told_at(&place.live, start).await?;
        let (ready, greeted) = (VecDeque::new(), false);
        Ok(Self { place, follows_mounts: false, filter, heads, told, ready, greeted, stopping })
    }

    /// Has it yield what is mounted anew as well. Of `main`.
    pub(super) fn following_mounts(self) -> Self {
        Self { follows_mounts: true, ..self }
    }

    /// Returns the revision from which on it follows.
    pub(super) fn told(&self) -> Option<&Head> {
        self.told.as_ref()
    }

    pub(super) async fn next(&mut self) -> Option<Result<Step, Failure>> {
        // A watcher learns at once where it starts from, so that it can resume there, even before the first commit.
        if !std::mem::replace(&mut self.greeted, true) && !self.filter.is_nothing() {
            return Some(Ok(self.heartbeat()));
        }
        let heartbeat_at = tokio::time::Instant::now() + HEARTBEAT;
        loop {
            if self.stopping.is_cancelled() {
                return None;
            }
            if self.place.live.retired.is_cancelled() {
                let text = format!("namespace {} is served no longer", self.place.live.name);
                return Some(Err(Failure::not_found(text)));
            }
            if let Some(step) = self.ready.pop_front() {
                return Some(Ok(step));
            }
            // Before the next landing: where much lands that this watcher does not want, there is always one.
            if tokio::time::Instant::now() >= heartbeat_at && !self.filter.is_nothing() {
                return Some(Ok(self.heartbeat()));
            }
            match self.advance().await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(failure) => return Some(Err(failure)),
            }
            tokio::select! {
                () = self.stopping.cancelled() => return None,
                () = self.place.live.retired.cancelled() => {}
                changed = self.heads.changed() => changed.ok()?,
                () = tokio::time::sleep_until(heartbeat_at), if !self.filter.is_nothing() => {}
            }
        }
    }

    /// Confirms what has been told; in an empty namespace that nothing has.
    fn heartbeat(&self) -> Step {
        let (namespace, moved) = (self.place.live.name.clone(), None);
        let head = self.told.clone().unwrap_or_else(|| empty(self.place.live.epoch()));
        Step::Told(Update { namespace, from: head.revision, head, changes: Vec::new(), moved })
    }

    /// Takes the next landing up. Returns whether there was one.
    async fn advance(&mut self) -> Result<bool, Failure> {
        self.heads.borrow_and_update();
        let told = self.told.as_ref().map_or(Revision::ZERO, |head| head.revision);
        let Some(next) = self.place.live.board.next_after(told) else { return Ok(false) };
        let mut changes = self.changes_to(next.commit).await?;
        let remounted = if self.follows_mounts { self.remounted(&next).await? } else { None };
        if let Some(Step::Remounted { added, .. }) = &remounted {
            let moved =
                |path: &ConfigPath, mount: &Mount| mount.since.is_some() && path.is_at_or_below(mount.prefix.as_str());
            changes.retain(|change| {
                change.new_entry().is_some() || !added.iter().any(|mount| moved(change.path(), mount))
            });
        }
        let base = self.told.replace(next.clone());
        let changes = self.place.changes(changes);
        let parts = parts(&self.place.live.name, base.as_ref(), &next, changes, UPDATE_BYTES);
        self.ready = parts.into_iter().map(Step::Told).chain(remounted).collect();
        Ok(true)
    }

    async fn changes_to(&self, to: CommitId) -> Result<Vec<Change>, Failure> {
        if self.filter.is_nothing() {
            return Ok(Vec::new());
        }
        let from = self.told.as_ref().map(|head| head.commit);
        let filter = self.filter.clone();
        self.place.live.read(move |store| filter.changes(store, from, to)).await
    }

    /// Returns how the mounts at a revision differ from those at the one before.
    async fn remounted(&self, next: &Head) -> Result<Option<Step>, Failure> {
        let (before, next) = (self.told.clone(), next.clone());
        let tables = self.place.live.read(move |store| {
            let path = mounts_path();
            let id_before = before.as_ref().map(|head| store.find(head.tree, &path)).transpose()?.flatten();
            if id_before == store.find(next.tree, &path)? {
                return Ok::<_, MountsError>(None);
            }
            let table_before = before.map(|head| mounts_at(store, head.commit)).transpose()?.unwrap_or_default();
            Ok(Some((table_before, mounts_at(store, next.commit)?)))
        });
        let Some((before, table)) = tables.await? else { return Ok(None) };
        let is_new = |mount: &&Mount| before.mount_of(&mount.namespace) != Some(*mount);
        let added = table.iter().filter(is_new).cloned().collect();
        let is_gone = |mount: &&Mount| table.mount_of(&mount.namespace) != Some(*mount);
        let removed = before.iter().filter(is_gone).map(|mount| mount.namespace.clone()).collect();
        Ok(Some(Step::Remounted { table, added, removed }))
    }
}

fn parts(
    namespace: &Namespace,
    base: Option<&Head>,
    next: &Head,
    mut changes: Vec<Change>,
    bytes_max: usize,
) -> VecDeque<Update> {
    let from = base.map_or(Revision::ZERO, |head| head.revision);
    let mut parts = VecDeque::new();
    while !changes.is_empty() {
        let rest = changes.split_off(fitting(&changes, bytes_max));
        let complete = if rest.is_empty() { next.clone() } else { base.cloned().unwrap_or_else(|| empty(next.epoch)) };
        parts.push_back(Update { namespace: namespace.clone(), head: complete, from, changes, moved: None });
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
pub(super) struct Filter {
    everything: bool,
    files: Vec<ConfigPath>,
    directories: Vec<String>,
}

impl Filter {
    fn parse(paths: &[String], paths_max: usize) -> Result<Self, Failure> {
        if paths.len() > paths_max {
            let what = "there are too many paths in one watch; name directories, or watch in several";
            return Err(Failure::invalid(over(what, paths.len(), paths_max, "paths", "limits.watch_paths_max")));
        }
        let mut filter = Self { everything: paths.is_empty(), ..Self::default() };
        for path in paths {
            match path.strip_suffix('/') {
                Some("") => return Err(Failure::invalid("\"/\" is no directory; name none to watch everything")),
                Some(directory) => filter.directories.push(super::read::checked_prefix(directory)?),
                None => filter.files.push(ConfigPath::parse(path).map_err(Failure::invalid)?),
            }
        }
        Ok(filter)
    }

    /// Returns whether it wants nothing at all.
    pub(super) fn is_nothing(&self) -> bool {
        !self.everything && self.files.is_empty() && self.directories.is_empty()
    }

    /// Returns what it wants of the files of `main`.
    pub(super) fn within_main(&self, table: &MountTable) -> Self {
        let is_of_main = |path: &ConfigPath| table.locate(path).namespace == Namespace::main();
        Self {
            everything: self.everything,
            files: self.files.iter().filter(|path| is_of_main(path)).cloned().collect(),
            directories: self
                .directories
                .iter()
                .filter(|directory| ConfigPath::parse(directory).is_ok_and(|path| is_of_main(&path)))
                .cloned()
                .collect(),
        }
    }

    /// Returns what it wants of the files of a mounted namespace, by their names there; nothing of most.
    pub(super) fn within(&self, mount: &Mount, table: &MountTable) -> Option<Self> {
        let mut within = Self { everything: self.everything, ..Self::default() };
        let inner = |path: &ConfigPath| Some(table.locate(path)).filter(|at| at.namespace == mount.namespace);
        within.files = self.files.iter().filter_map(|path| inner(path)?.path).collect();
        for directory in &self.directories {
            let path = ConfigPath::parse(directory).ok()?;
            match inner(&path) {
                Some(Located { path: Some(path), .. }) => within.directories.push(path.to_string()),
                Some(Located { path: None, .. }) => within.everything = true,
                None => within.everything |= mount.prefix.is_at_or_below(directory),
            }
        }
        Some(within).filter(|within| !within.is_nothing())
    }

    /// Asks for one prefix when there is one, and picks from everything otherwise: unchanged directories cost nothing.
    fn changes(
        &self,
        store: &configbus_gitstore::Store,
        from: Option<CommitId>,
        to: CommitId,
    ) -> Result<Vec<Change>, configbus_gitstore::ReadError> {
        let prefix = match (self.files.as_slice(), self.directories.as_slice()) {
            ([file], []) if !self.everything => file.as_str(),
            ([], [directory]) if !self.everything => directory.as_str(),
            _ => "",
        };
        let mut changes = store.diff(from, to, prefix)?;
        changes.retain(|change| self.wants(change.path()));
        Ok(changes)
    }

    fn wants(&self, path: &ConfigPath) -> bool {
        let below = |directory: &String| path.as_str() != directory && path.is_at_or_below(directory);
        self.everything || self.files.contains(path) || self.directories.iter().any(below)
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
        assert!(Filter::parse(&[], 10).unwrap().wants(&ConfigPath::parse("x").unwrap()));
        assert!(Filter::parse(&["/".into()], 10).is_err() && Filter::parse(&["../x".into()], 10).is_err());
    }

    #[test]
    fn only_the_last_part_of_a_large_difference_completes_it() {
        let changes: Vec<Change> = (1..6).map(|n| added(&format!("f{n}"))).collect();
        let two = wire_bytes(&changes[0]) * 2;
        let parts = parts(&Namespace::main(), Some(&head(4)), &head(5), changes.clone(), two);
        let completes: Vec<u64> = parts.iter().map(|part| part.head.revision.0).collect();
        assert_eq!(completes, [4, 4, 5]);
        assert!(parts.iter().all(|part| part.from == Revision(4)));
        let told: Vec<Change> = parts.into_iter().flat_map(|part| part.changes).collect();
        assert_eq!(told, changes);
    }

    #[test]
    fn a_landing_elsewhere_tells_nothing() {
        assert!(parts(&Namespace::main(), Some(&head(4)), &head(5), Vec::new(), 1).is_empty());
    }
}

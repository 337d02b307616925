//! Watching the one path space: the namespaces that have what is wanted, each followed for itself.
//!
//! The history of `main` says what is mounted where and since when, so it is followed as well. A directory that becomes a
//! namespace of its own is told as moved, once, and not as the deletion of its files; then that namespace is followed from
//! the position on at which it has them. So who resumes from before the move is told of it like who was there.

use super::watch::{Filter, Moved, Start, Step, Update, Watcher, told_at};
use crate::auth::Caller;
use crate::bus::Bus;
use crate::failure::Failure;
use crate::namespace::{Namespaces, mounts_at};
use crate::path_space::Place;
use configbus_model::{At, ConfigPath, Head, Mount, MountTable, Namespace, Revision};
use futures_util::stream::{BoxStream, SelectAll, StreamExt as _};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Where a watch begins.
#[derive(Debug, Clone, Default)]
pub(super) struct WatchFrom {
    /// In `main`, or in the one namespace that has what is wanted.
    pub(crate) revision: Option<Revision>,
    /// In namespaces that are named.
    pub(crate) of: BTreeMap<Namespace, Revision>,
}

/// What happens in a namespace, with the number of its watcher: one that was mounted elsewhere meanwhile has another.
type Steps = BoxStream<'static, (Namespace, u64, Result<Step, Failure>)>;

/// Follows what is wanted.
pub(super) struct SpaceWatcher {
    namespaces: Arc<Namespaces>,
    caller: Caller,
    wanted: Filter,
    from: WatchFrom,
    stopping: CancellationToken,
    steps: SelectAll<Steps>,
    followed: BTreeMap<Namespace, u64>,
    watchers: u64,
    ready: VecDeque<Update>,
}

impl SpaceWatcher {
    pub(super) async fn start(bus: &Bus, caller: &Caller, wanted: Filter, from: WatchFrom) -> Result<Self, Failure> {
        let mut this = Self {
            namespaces: Arc::clone(&bus.namespaces),
            caller: caller.clone(),
            wanted,
            from,
            stopping: bus.stopping.clone(),
            steps: SelectAll::new(),
            followed: BTreeMap::new(),
            watchers: 0,
            ready: VecDeque::new(),
        };
        let table = match bus.main(caller) {
            Ok(_) => this.follow_main(bus).await?,
            Err(failure) => {
                let mounts = bus.namespaces.mounts();
                if !mounts.iter().any(|mount| this.wants(mount, &mounts).is_some()) {
                    return Err(failure);
                }
                mounts
            }
        };
        let wanted: Vec<Mount> = table.iter().filter(|mount| this.wants(mount, &table).is_some()).cloned().collect();
        let is_only = wanted.len() == 1 && this.wanted.within_main(&table).is_nothing();
        for mount in wanted {
            let start = match (this.from.of.get(&mount.namespace).copied(), this.from.revision) {
                (Some(revision), _) => Start::after(revision),
                (None, Some(revision)) if is_only => Start::after(revision),
                (None, Some(_)) => this.start_with_main(&mount.namespace).await,
                (None, None) => Start::Head,
            };
            this.follow(&mount, &table, start).await?;
        }
        Ok(this)
    }

    /// Follows `main` and returns what was mounted where at the revision from which on.
    async fn follow_main(&mut self, bus: &Bus) -> Result<Arc<MountTable>, Failure> {
        let place = bus.place(&self.caller, None)?;
        let named = self.from.of.get(&Namespace::main()).copied();
        // A revision that is meant for the one namespace that is wanted says nothing about `main`.
        let is_meant = !self.wanted.within_main(&bus.namespaces.mounts()).is_nothing();
        let revision = named.or(self.from.revision.filter(|_| is_meant));
        let told = told_at(&place.live, revision.map_or(Start::Head, Start::after)).await?;
        let commit = told.as_ref().map(|head| head.commit);
        let table = match commit {
            Some(commit) => Arc::new(place.live.read(move |store| mounts_at(store, commit)).await?),
            None => Arc::default(),
        };
        let filter = self.wanted.within_main(&table);
        let start = Start::after(told.map_or(Revision::ZERO, |head| head.revision));
        let watcher = Watcher::start(place, filter, start, self.stopping.clone()).await?;
        self.add(Namespace::main(), watcher.following_mounts());
        Ok(table)
    }

    /// Returns where a namespace was when `main` was where it is followed from.
    async fn start_with_main(&mut self, name: &Namespace) -> Start {
        let (Some(live), Some(revision)) = (self.namespaces.get(name), self.from.revision) else { return Start::Head };
        let main = self.namespaces.get(&Namespace::main());
        let then = match main {
            Some(main) => main.head_at(Some(revision)).await.ok(),
            None => None,
        };
        match then {
            Some(then) => match live.head_at_point(&At::Time(then.time_ms)).await {
                Ok(head) => Start::after(head.revision),
                Err(_) => Start::after(Revision::ZERO),
            },
            None => Start::Head,
        }
    }

    /// Returns what of a mounted namespace is wanted and may be read.
    fn wants(&self, mount: &Mount, table: &MountTable) -> Option<Filter> {
        self.caller.check(&mount.namespace).ok()?;
        self.wanted.within(mount, table)
    }

    async fn follow(&mut self, mount: &Mount, table: &MountTable, start: Start) -> Result<Option<Head>, Failure> {
        let Some(filter) = self.wants(mount, table) else { return Ok(None) };
        let Some(live) = self.namespaces.get(&mount.namespace) else { return Ok(None) };
        if self.followed.contains_key(&mount.namespace) {
            return Ok(None);
        }
        let place = Place { live, mounted_at: Some(mount.prefix.clone()), path: None };
        let watcher = Watcher::start(place, filter, start, self.stopping.clone()).await?;
        let told = watcher.told().cloned();
        self.add(mount.namespace.clone(), watcher);
        Ok(told)
    }

    fn add(&mut self, name: Namespace, watcher: Watcher) {
        self.watchers += 1;
        let number = self.watchers;
        self.followed.insert(name.clone(), number);
        let steps = futures_util::stream::unfold(Some(watcher), move |watcher| {
            let name = name.clone();
            async move {
                let mut watcher = watcher?;
                let step = watcher.next().await?;
                let goes_on = step.is_ok();
                Some(((name, number, step), goes_on.then_some(watcher)))
            }
        });
        self.steps.push(steps.boxed());
    }

    /// Returns what happens next.
    pub(super) async fn next(&mut self) -> Option<Result<Update, Failure>> {
        loop {
            if let Some(update) = self.ready.pop_front() {
                return Some(Ok(update));
            }
            let (name, number, step) = self.steps.next().await?;
            if self.followed.get(&name) != Some(&number) {
                continue;
            }
            match step {
                Ok(Step::Told(update)) => return Some(Ok(update)),
                Ok(Step::Remounted { table, added, removed }) => {
                    self.followed.retain(|name, _| !removed.contains(name));
                    for mount in added {
                        if let Err(failure) = self.follow_moved(&mount, &table).await {
                            return Some(Err(failure));
                        }
                    }
                }
                // It is mounted no longer; `main` says so as well.
                Err(_) if self.is_gone(&name) => {
                    self.followed.remove(&name);
                }
                Err(failure) => return Some(Err(failure)),
            }
        }
    }

    fn is_gone(&self, name: &Namespace) -> bool {
        *name != Namespace::main() && self.namespaces.get(name).is_none()
    }

    /// Goes on in a namespace that has just been mounted, and tells so if files moved there.
    async fn follow_moved(&mut self, mount: &Mount, table: &MountTable) -> Result<(), Failure> {
        let start = mount.since.map_or(Start::after(Revision::ZERO), |since| Start::after(since.revision));
        let head = self.follow(mount, table, start).await?;
        if let (Some(head), Some(_)) = (head, mount.since) {
            let (namespace, prefix): (Namespace, ConfigPath) = (mount.namespace.clone(), mount.prefix.clone());
            let moved = Some(Moved { prefix });
            self.ready.push_back(Update { namespace, from: head.revision, head, changes: Vec::new(), moved });
        }
        Ok(())
    }
}

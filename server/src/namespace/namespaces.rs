//! All namespaces that are served. The set changes while the server runs; each has its own queue, committer, pools and
//! tasks, which end with it.

use super::{LiveNamespace, MountBoard, MountsError, OpenNamespaceError, Opener, Waiting};
use crate::claim::{self, Claims};
use crate::data::DataError;
use configbus_model::{Head, MountTable, Namespace};
use configbus_runtime::{BlockingPool, Tasks};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use tokio::sync::OwnedMutexGuard;

/// Namespaces by name.
pub(crate) type LiveNamespaces = BTreeMap<Namespace, Arc<LiveNamespace>>;

/// Most namespaces of a server: each has a dozen threads' worth of permits, a few tasks and a claim.
pub(crate) const NAMESPACES_MAX: usize = 1_000;

/// Why the set of namespaces cannot be changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChangeNamespacesError {
    #[error(transparent)]
    Open(#[from] OpenNamespaceError),
    #[error(transparent)]
    Data(#[from] DataError),
    #[error("{count} namespaces exist, at most {NAMESPACES_MAX} can: delete one that nobody needs")]
    TooMany { count: usize },
    #[error("main is what everything else is mounted in and cannot go")]
    MainStays,
    #[error("the server is not running yet, or is stopping")]
    NotRunning,
}

/// The set of namespaces.
pub(crate) struct Namespaces {
    live: RwLock<Arc<LiveNamespaces>>,
    mounts: Arc<MountBoard>,
    opener: Opener,
    /// Opened and not started yet.
    waiting: Mutex<Vec<Waiting>>,
    /// Tasks of each namespace.
    groups: Mutex<BTreeMap<Namespace, Tasks>>,
    running: OnceLock<(Tasks, Claims)>,
    /// One change of the set at a time, and the thread for what it does on the disk.
    changing: Arc<tokio::sync::Mutex<()>>,
    /// One split at a time.
    splitting: Arc<tokio::sync::Mutex<()>>,
    pool: BlockingPool,
}

/// Keeps the set of namespaces as it is for others.
pub(crate) struct Reservation {
    _changing: OwnedMutexGuard<()>,
}

impl Namespaces {
    /// Opens whatever the data folder has, and `main` in any case. Starts nothing.
    pub(crate) fn open(opener: Opener) -> Result<Self, OpenNamespaceError> {
        let mounts = Arc::clone(opener.mounts());
        let (mut live, mut waiting) = (LiveNamespaces::new(), Vec::new());
        for name in opener.found()? {
            let (namespace, starts) = opener.open(&name)?;
            live.insert(name, namespace);
            waiting.push(starts);
        }
        let main = &live[&Namespace::main()];
        mounts.refresh(&main.store).map_err(OpenNamespaceError::Mounts)?;
        Ok(Self {
            live: RwLock::new(Arc::new(live)),
            mounts,
            opener,
            waiting: Mutex::new(waiting),
            groups: Mutex::default(),
            running: OnceLock::new(),
            changing: Arc::default(),
            splitting: Arc::default(),
            pool: BlockingPool::new(1),
        })
    }

    /// Starts what was opened. Namespaces that are added later start at once.
    pub(crate) fn start(&self, tasks: &Tasks, claims: Claims) {
        let waiting = std::mem::take(&mut *lock(&self.waiting));
        let (tasks, claims) = self.running.get_or_init(|| (tasks.clone(), claims));
        for waiting in waiting {
            self.start_one(waiting, tasks, claims);
        }
    }

    fn start_one(&self, waiting: Waiting, tasks: &Tasks, claims: &Claims) {
        let name = waiting.name().clone();
        let group = tasks.child(name.as_str());
        if let Some(head) = waiting.head() {
            self.opener.audit().note_gap(&name, &head);
            self.opener.announcer().accept(&name, &head);
        }
        claim::start(&group, &name, claims);
        waiting.start(&group, self.opener.data());
        lock(&self.groups).insert(name, group);
    }

    /// Returns a namespace.
    pub(crate) fn get(&self, name: &Namespace) -> Option<Arc<LiveNamespace>> {
        self.all().get(name).cloned()
    }

    /// Returns all of them as they are now.
    pub(crate) fn all(&self) -> Arc<LiveNamespaces> {
        Arc::clone(&self.live.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns the heads of those that have one.
    pub(crate) fn heads(&self) -> BTreeMap<Namespace, Head> {
        let all = self.all();
        all.iter().filter_map(|(name, live)| Some((name.clone(), live.board.current()?))).collect()
    }

    /// Returns the folder that they are in.
    pub(crate) fn data(&self) -> &Arc<crate::data::DataFolder> {
        self.opener.data()
    }

    /// Returns what is mounted where.
    pub(crate) fn mounts(&self) -> Arc<MountTable> {
        self.mounts.current()
    }

    /// Serves a namespace from now on, and returns it and whether it was not served before. What the data folder has
    /// under its name is opened; where it has nothing an empty repository is made.
    pub(crate) async fn add(
        self: &Arc<Self>,
        name: &Namespace,
    ) -> Result<(Arc<LiveNamespace>, bool), ChangeNamespacesError> {
        let reservation = self.reserve().await;
        self.add_reserved(&reservation, name).await
    }

    /// Keeps others from changing the set, so that a change can be made later without waiting.
    pub(crate) async fn reserve(&self) -> Reservation {
        Reservation { _changing: Arc::clone(&self.changing).lock_owned().await }
    }

    /// Takes the turn to split something off; `None` while somebody else has it.
    pub(crate) fn begin_split(&self) -> Option<OwnedMutexGuard<()>> {
        Arc::clone(&self.splitting).try_lock_owned().ok()
    }

    /// Does what [`Namespaces::add`] does, at once.
    pub(crate) async fn add_reserved(
        self: &Arc<Self>,
        _: &Reservation,
        name: &Namespace,
    ) -> Result<(Arc<LiveNamespace>, bool), ChangeNamespacesError> {
        if let Some(live) = self.get(name) {
            return Ok((live, false));
        }
        let (tasks, claims) = self.running.get().ok_or(ChangeNamespacesError::NotRunning)?;
        if tasks.shutdown_token().is_cancelled() {
            return Err(ChangeNamespacesError::NotRunning);
        }
        let count = self.all().len();
        if count >= NAMESPACES_MAX {
            return Err(ChangeNamespacesError::TooMany { count });
        }
        let (this, opened) = (Arc::clone(self), name.clone());
        let (live, waiting) = self.pool.run(move || this.opener.open(&opened)).await?;
        self.start_one(waiting, tasks, claims);
        self.change(|all| drop(all.insert(name.clone(), Arc::clone(&live))));
        tracing::info!(namespace = %name, "serving {name}");
        Ok((live, true))
    }

    /// Serves a namespace no longer: takes no more changes, finishes the one in hand, ends its tasks and watches.
    async fn retire(&self, name: &Namespace) -> Result<(), ChangeNamespacesError> {
        if *name == Namespace::main() {
            return Err(ChangeNamespacesError::MainStays);
        }
        let Some(live) = self.get(name) else { return Ok(()) };
        self.change(|all| drop(all.remove(name)));
        live.retired.cancel();
        let group = lock(&self.groups).remove(name);
        if let Some(group) = group {
            group.shutdown();
            group.ended().await;
        }
        self.opener.announcer().forget(name);
        tracing::info!(namespace = %name, "serving {name} no longer");
        Ok(())
    }

    /// Serves a namespace no longer and moves what there is of it out of the way. Returns where it is then. A namespace
    /// that is made under the name later has a higher epoch, so that nobody takes its revisions for those of this one.
    pub(crate) async fn set_aside(
        self: &Arc<Self>,
        name: &Namespace,
    ) -> Result<std::path::PathBuf, ChangeNamespacesError> {
        let _changing = self.changing.lock().await;
        self.retire(name).await?;
        let (data, name) = (Arc::clone(self.opener.data()), name.clone());
        Ok(self.pool.run(move || data.set_aside(&name)).await?)
    }

    fn change(&self, change: impl FnOnce(&mut LiveNamespaces)) {
        let mut live = self.live.write().unwrap_or_else(PoisonError::into_inner);
        change(Arc::make_mut(&mut live));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl From<MountsError> for crate::failure::Failure {
    fn from(error: MountsError) -> Self {
        Self::internal(&error)
    }
}

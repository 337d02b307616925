//! A repository that follows another one.

use crate::{
    HeadCommit, LeftoversError, MoveHeadError, OpenError, ReadError, RepositorySettings, Store,
    disk::{durable, leftovers, refs, write_kind},
    git::{self, ChildError},
    read::{objects::Objects, verify},
};
use configbus_model::{CommitId, ErrorKind};
use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError, RwLock},
    time::Duration,
};

/// Where fetched heads wait until they are verified.
const FETCHED: &str = "refs/configbus/fetched";

/// Proves who fetches. Travels in the environment of the child, never in its arguments.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum FetchAuth {
    /// The upstream asks for nothing.
    #[default]
    None,
    /// `Authorization: Bearer <token>`.
    Bearer(String),
}

/// Files that stock Git uses over `https`; the system's authorities and no certificate by default. Git reads them at
/// each fetch, so they may be replaced while the process runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FetchTls {
    /// Authorities that are believed, and no others.
    pub ca: Option<PathBuf>,
    /// Certificate to present.
    pub certificate: Option<PathBuf>,
    /// Its key.
    pub key: Option<PathBuf>,
}

/// Where and how to fetch.
#[derive(Clone, PartialEq, Eq)]
pub struct Upstream {
    /// URL of the repository.
    pub url: String,
    /// Proof of identity.
    pub auth: FetchAuth,
    /// Files for `https`.
    pub tls: FetchTls,
    /// Longest time one fetch may take.
    pub deadline: Duration,
}

/// Why a mirror does not follow.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MirrorError {
    /// It cannot be opened or made.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// What a predecessor left cannot be removed.
    #[error(transparent)]
    Leftovers(#[from] LeftoversError),
    /// Git failed to fetch.
    #[error("failed to fetch from the upstream")]
    Fetch(#[from] ChildError),
    /// Something it should have is missing or damaged: rebuild it.
    #[error("mirror is damaged")]
    Damaged(#[source] ReadError),
    /// A pack is damaged or does not fit what is there.
    #[error("failed to index a pack")]
    Pack(#[source] git2::Error),
    /// A pack is larger than the caller allows.
    #[error("pack is larger than {bytes_max} bytes")]
    PackTooLarge {
        /// The bound.
        bytes_max: u64,
    },
    /// Its head cannot be moved.
    #[error(transparent)]
    Move(#[from] MoveHeadError),
    /// The disk or the sender fails.
    #[error("failed to work on {path}")]
    Io {
        /// What.
        path: PathBuf,
        /// Cause.
        source: io::Error,
    },
}

impl MirrorError {
    /// Returns what kind of failure this is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Open(error) => error.kind(),
            Self::Leftovers(error) => error.kind(),
            Self::Fetch(error) => error.kind(),
            Self::Damaged(_) | Self::Pack(_) => ErrorKind::Internal,
            Self::PackTooLarge { .. } => ErrorKind::Exhausted,
            Self::Move(error) => error.kind(),
            Self::Io { source, .. } => write_kind(source),
        }
    }
}

/// A bare repository that is always forced to its upstream's head, never merged.
///
/// Objects come in first (`fill` or `index_pack`), are verified, and only then does the head move; so readers never meet
/// a head that is not complete.
#[derive(Debug)]
pub struct Mirror {
    dir: PathBuf,
    store: RwLock<Store>,
    /// Two fetches at once would stand in each other's way.
    fetching: Mutex<()>,
}

impl Mirror {
    /// Opens the mirror in `dir` or makes an empty one, and removes what a killed predecessor left behind: the caller
    /// holds a [`crate::FolderLock`] around it. A folder that is no repository is an error; see [`Mirror::reset`].
    pub fn open_or_create(dir: &Path) -> Result<Self, MirrorError> {
        let dir = std::path::absolute(dir).map_err(|source| MirrorError::Io { path: dir.to_owned(), source })?;
        for beside in [rebuilding(&dir), replaced(&dir)] {
            remove(&beside)?;
        }
        let store = Store::open_or_create(&dir, &RepositorySettings::default())?;
        leftovers::clear(&dir)?;
        Ok(Self { dir, store: RwLock::new(store), fetching: Mutex::default() })
    }

    /// Deletes whatever is in `dir` and makes an empty mirror; for a mirror that cannot even be opened.
    pub fn reset(dir: &Path) -> Result<Self, MirrorError> {
        let old = replaced(dir);
        remove(&old)?;
        match fs::rename(dir, &old) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            result => result.map_err(|source| MirrorError::Io { path: dir.to_owned(), source })?,
        }
        Self::open_or_create(dir)
    }

    /// Returns the repository for reading. Ask again after a rebuild.
    pub fn store(&self) -> Store {
        self.store.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Fetches the upstream's `main` with stock Git and returns its head, `None` when it has none. The mirror's own head
    /// stays.
    pub fn fill(&self, upstream: &Upstream) -> Result<Option<CommitId>, MirrorError> {
        let _alone = self.fetching.lock().unwrap_or_else(PoisonError::into_inner);
        fetch(&self.store(), upstream)
    }

    /// Takes in a pack as [`Store::pack_between`] sends it, at most `bytes_max` long. Everything the pack refers to must
    /// be in it or here. The mirror's head stays.
    pub fn index_pack(&self, reader: &mut dyn io::Read, bytes_max: u64) -> Result<(), MirrorError> {
        index_pack(&self.store(), reader, bytes_max)
    }

    /// Checks that everything the commit's content consists of is there and all directories are whole.
    pub fn verify(&self, commit: CommitId) -> Result<(), MirrorError> {
        check(&self.store(), |objects| verify::tree(objects, None, objects.tree_of(commit)?))
    }

    /// Checks what `commit` has and the mirror's head has not: the cost of the change.
    pub fn verify_step(&self, commit: CommitId) -> Result<(), MirrorError> {
        let store = self.store();
        let from = store.head().map(|head| head.tree);
        check(&store, |objects| verify::tree(objects, from, objects.tree_of(commit)?))
    }

    /// Makes `commit` the head, wherever the head was. `landed_ms` is what the upstream said of it.
    pub fn set_head(&self, commit: CommitId, landed_ms: Option<u64>) -> Result<HeadCommit, MirrorError> {
        Ok(self.store().force_head(commit, landed_ms)?)
    }

    /// Fetches everything anew into a folder beside, verifies it, and swaps the two; readers go on undisturbed. Returns
    /// the new head, `None` when the upstream has none.
    pub fn rebuild_beside(&self, upstream: &Upstream) -> Result<Option<HeadCommit>, MirrorError> {
        let _alone = self.fetching.lock().unwrap_or_else(PoisonError::into_inner);
        let (fresh, old) = (rebuilding(&self.dir), replaced(&self.dir));
        remove(&fresh)?;
        let store = Store::create(&fresh, &RepositorySettings::default())?;
        let head = match fetch(&store, upstream)? {
            None => None,
            Some(commit) => {
                check(&store, |objects| verify::tree(objects, None, objects.tree_of(commit)?))?;
                Some(store.force_head(commit, None)?)
            }
        };
        drop(store);
        let failed = |source| MirrorError::Io { path: self.dir.clone(), source };
        exchange(&self.dir, &fresh).map_err(failed)?;
        *self.store.write().unwrap_or_else(PoisonError::into_inner) = Store::open(&self.dir)?;
        fs::rename(&fresh, &old).map_err(failed)?;
        remove(&old)?;
        Ok(head)
    }
}

fn fetch(store: &Store, upstream: &Upstream) -> Result<Option<CommitId>, MirrorError> {
    let refspec = format!("+{}:{FETCHED}", refs::MAIN);
    let args = ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance", "--force"];
    let args = args.into_iter().chain(["--", &upstream.url, &refspec]);
    match authorised(git::command(store.dir(), args), upstream).run(upstream.deadline) {
        Ok(_) => {}
        // Git has no way to ask for a branch that may be absent, and says so in words only.
        Err(error) => return if is_empty(store, upstream)? { Ok(None) } else { Err(error.into()) },
    }
    let path = store.objects_dir();
    crate::disk::pack::sync_packs(&path).map_err(|source| MirrorError::Io { path, source })?;
    refs::read(store.dir(), FETCHED).map_err(MirrorError::Damaged)
}

fn is_empty(store: &Store, upstream: &Upstream) -> Result<bool, MirrorError> {
    const NO_SUCH_REF: i32 = 2;
    let args = ["ls-remote", "--quiet", "--exit-code", "--", &upstream.url, refs::MAIN];
    match authorised(git::command(store.dir(), args), upstream).run(upstream.deadline) {
        Ok(_) => Ok(false),
        Err(ChildError::Failed { status, .. }) if status.code() == Some(NO_SUCH_REF) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

/// Adds who fetches and whom to believe. Nobody may send the child elsewhere with what proves it.
fn authorised(command: git::GitCommand, upstream: &Upstream) -> git::GitCommand {
    let FetchTls { ca, certificate, key } = &upstream.tls;
    let files = [("http.sslCAInfo", ca), ("http.sslCert", certificate), ("http.sslKey", key)];
    let files = files.into_iter().filter_map(|(name, file)| Some((name, std::path::absolute(file.as_ref()?).ok()?)));
    let command = files.fold(command, |command, (name, file)| command.config(name, file));
    let command = command.config("http.sslVerify", "true").config("http.followRedirects", "false");
    match &upstream.auth {
        FetchAuth::None => command,
        FetchAuth::Bearer(token) => command.secret_config("http.extraHeader", format!("Authorization: Bearer {token}")),
    }
}

fn index_pack(store: &Store, reader: &mut dyn io::Read, bytes_max: u64) -> Result<(), MirrorError> {
    let dir = store.objects_dir().join("pack");
    let failed = |source| MirrorError::Io { path: dir.clone(), source };
    let lease = store.lease().map_err(MirrorError::Damaged)?;
    let odb = lease.odb().map_err(MirrorError::Pack)?;
    let mut indexer = git2::Indexer::new(Some(&odb), &dir, 0o444, true).map_err(MirrorError::Pack)?;
    let mut limited = io::Read::take(reader, bytes_max.saturating_add(1));
    let mut chunk = vec![0; 64 * 1024];
    let mut taken = 0;
    loop {
        let count = io::Read::read(&mut limited, &mut chunk).map_err(failed)?;
        taken += count as u64;
        if taken > bytes_max {
            return Err(MirrorError::PackTooLarge { bytes_max });
        }
        if count == 0 {
            break;
        }
        indexer.write_all(&chunk[..count]).map_err(failed)?;
    }
    let name = indexer.commit().map_err(MirrorError::Pack)?;
    let sync = |extension: &str| durable::sync_file(&dir.join(format!("pack-{name}.{extension}")));
    sync("pack").and_then(|()| sync("idx")).and_then(|()| durable::sync_dir(&dir)).map_err(failed)
}

fn check(store: &Store, check: impl FnOnce(&Objects<'_>) -> Result<(), ReadError>) -> Result<(), MirrorError> {
    store.with_objects(check).map_err(MirrorError::Damaged)
}

/// Swaps two directories in one step: a directory that is not empty cannot be renamed over.
fn exchange(a: &Path, b: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    renameat_with(CWD, a, CWD, b, RenameFlags::EXCHANGE)?;
    durable::sync_dir(durable::parent(a))
}

fn rebuilding(dir: &Path) -> PathBuf {
    durable::beside(dir, "rebuilding")
}

fn replaced(dir: &Path) -> PathBuf {
    durable::beside(dir, "replaced")
}

fn remove(dir: &Path) -> Result<(), MirrorError> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(MirrorError::Io { path: dir.to_owned(), source: error })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;

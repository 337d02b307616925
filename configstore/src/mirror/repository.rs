//! One mirror's repository: everything that touches the disk. Blocks; callers run it on a pool.

use super::{
    event::{Failure, Found},
    machine::Repair,
    record::HeadRecord,
};
use crate::{
    data_folder::DataFolder,
    delta::{DeltaError, DeltaKey, EncodeError, EncodedDelta, Encoder, ObjectShape, PartsWriter},
};
use bytes::Bytes;
use configbus_gitstore::{FetchAuth, Mirror, MirrorError, ObjectKind, ReadError, Store, Upstream};
use configbus_model::{CommitId, ErrorKind, Head, Namespace, Revision, TreeId};
use configbus_proto::Bearer;
use std::{
    io::{self, Read},
    ops::ControlFlow,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// Bytes of the longest pack that is taken over gRPC; `git fetch` streams longer ones to disk.
pub(crate) const PACK_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// A mirror could not be worked on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RepositoryError {
    /// Git or the disk under it failed.
    #[error("failed to work on the mirror of {namespace}")]
    Mirror { namespace: Namespace, source: MirrorError },
    /// What is there cannot be read.
    #[error("failed to read the mirror of {namespace}")]
    Read { namespace: Namespace, source: ReadError },
    /// The record of the head failed.
    #[error("failed to read or write {path}")]
    Record { path: PathBuf, source: io::Error },
}

impl RepositoryError {
    /// Returns what the mirror's decisions need to know.
    pub(crate) fn failure(&self) -> Failure {
        match self {
            Self::Mirror { source: MirrorError::Fetch(_), .. } => Failure::Fetch,
            // What has no number from the kernel comes from the library: it does not like what it reads.
            Self::Mirror { source: MirrorError::Io { source, .. }, .. } if source.raw_os_error().is_none() => {
                Failure::Damaged
            }
            Self::Mirror { source: MirrorError::Io { .. } | MirrorError::Move(_), .. } | Self::Record { .. } => {
                Failure::Disk
            }
            Self::Mirror { .. } | Self::Read { .. } => Failure::Damaged,
        }
    }
}

/// The repository, its record, and where it is filled from.
pub(crate) struct Repository {
    namespace: Namespace,
    mirror: Mirror,
    record: HeadRecord,
    upstream: Upstream,
    /// What proves to the upstream who fetches.
    bearer: Bearer,
    /// Work that outlives the shutdown still keeps other stores off the folder.
    data: Arc<DataFolder>,
    /// Counts rebuilds, so that damage found in a repository that is gone is not held against its successor.
    generation: AtomicU64,
}

/// A repository and what its disk says of it.
pub(crate) struct Opened {
    pub(crate) repository: Repository,
    pub(crate) held: Option<Head>,
    pub(crate) repair: Option<Repair>,
}

impl Repository {
    /// Opens a namespace's mirror, or makes an empty one; one that cannot be opened is put aside.
    pub(crate) fn open(
        data: Arc<DataFolder>,
        namespace: Namespace,
        upstream: Upstream,
        bearer: Bearer,
    ) -> Result<Opened, RepositoryError> {
        let folder = data.repository(&namespace);
        let record = HeadRecord::new(data.head_record(&namespace));
        let failed = |source| RepositoryError::Mirror { namespace: namespace.clone(), source };
        let mirror = Mirror::open_or_create(&folder).or_else(|error| {
            let error = configbus_runtime::report::chain(&error);
            tracing::warn!(%namespace, error, "the mirror of {namespace} cannot be opened, starting with an empty one");
            Mirror::reset(&folder).map_err(failed)
        })?;
        let recorded =
            record.read().map_err(|source| RepositoryError::Record { path: record.path().into(), source })?;
        let generation = AtomicU64::new(0);
        let repository = Self { namespace, mirror, record, upstream, bearer, data, generation };
        let held = recorded.clone().filter(|head| repository.tree_of(head.commit) == Some(head.tree));
        let repair = (held.is_none() && recorded.is_some()).then_some(Repair::Rebuild);
        Ok(Opened { repository, held, repair })
    }

    /// Returns which of the repositories that succeed each other here is the present one.
    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Takes in a pack and describes the commit it leads to.
    pub(crate) fn index(
        &self,
        pack: &mut dyn Read,
        commit: CommitId,
        held: Option<&Head>,
    ) -> Result<Found, RepositoryError> {
        self.mirror.index_pack(pack, PACK_BYTES_MAX).map_err(|source| self.failed(source))?;
        self.mirror.verify_step(commit).map_err(|source| self.failed(source))?;
        self.describe(commit, held)
    }

    /// Returns the upstream with the token as it is now. Without one that can be read the upstream refuses, and says so.
    fn upstream(&self) -> Upstream {
        let token = self.bearer.token().unwrap_or_else(|error| {
            tracing::warn!("cannot read the token to fetch with: {}", configbus_runtime::report::chain(&error));
            None
        });
        let auth = token.map_or(FetchAuth::None, |token| FetchAuth::Bearer(token.expose().to_owned()));
        Upstream { auth, ..self.upstream.clone() }
    }

    /// Fetches whatever the server's `main` has that is missing here.
    pub(crate) fn fill(&self, held: Option<&Head>) -> Result<Option<Found>, RepositoryError> {
        let Some(commit) = self.mirror.fill(&self.upstream()).map_err(|source| self.failed(source))? else {
            return Ok(None);
        };
        self.verify(commit)?;
        self.describe(commit, held).map(Some)
    }

    /// Fetches everything into a new repository and puts it in the old one's place.
    pub(crate) fn rebuild(&self, held: Option<&Head>) -> Result<Option<Found>, RepositoryError> {
        let rebuilt = self.mirror.rebuild_beside(&self.upstream()).map_err(|source| self.failed(source))?;
        self.generation.fetch_add(1, Ordering::AcqRel);
        rebuilt.map(|head| self.describe(head.commit, held)).transpose()
    }

    /// Moves the ref and records the head.
    pub(crate) fn adopt(&self, head: &Head) -> Result<(), RepositoryError> {
        self.mirror.set_head(head.commit, Some(head.time_ms)).map_err(|source| self.failed(source))?;
        let failed = |source| RepositoryError::Record { path: self.record.path().into(), source };
        self.record.write(head).map_err(failed)
    }

    /// Checks that everything a commit's content consists of is there.
    pub(crate) fn verify(&self, commit: CommitId) -> Result<(), RepositoryError> {
        self.mirror.verify(commit).map_err(|source| self.failed(source))
    }

    /// Returns a commit's content; `None` when the commit is not known here.
    pub(crate) fn tree_of(&self, commit: CommitId) -> Option<TreeId> {
        self.store().tree_of(commit).ok()
    }

    /// Returns the repository for reading.
    pub(crate) fn store(&self) -> Store {
        self.mirror.store()
    }

    /// Reads and encodes what one tree has and another has not.
    pub(crate) fn delta(&self, key: DeltaKey) -> Result<EncodedDelta, DeltaError> {
        let encode_failed = |source| DeltaError::Encode { to: key.to, source };
        let mut encoder = Encoder::default();
        let spool = self.data.spool();
        let mut parts = PartsWriter::new(&spool);
        let mut outcome = Ok(());
        let read = self.store().delta(key.from, key.to, &mut |kind, content| {
            outcome = push(&mut encoder, &mut parts, kind, content);
            if outcome.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        outcome.map_err(encode_failed)?;
        read.map_err(|source| DeltaError::Read { to: key.to, source })?;
        let (last, total_bytes) = encoder.finish().map_err(encode_failed)?;
        parts.push(last).map_err(encode_failed)?;
        Ok(EncodedDelta { parts: parts.finish(), total_bytes })
    }

    /// Describes a commit that is here: its position counts from the held one if that is its ancestor, else from
    /// the root.
    fn describe(&self, commit: CommitId, held: Option<&Head>) -> Result<Found, RepositoryError> {
        let store = self.store();
        let failed = |source| RepositoryError::Read { namespace: self.namespace.clone(), source };
        let newest = store.commit(commit).map_err(failed)?;
        let mut steps = 0;
        let mut next = Some(commit);
        while let Some(id) = next {
            if let Some(held) = held.filter(|held| held.commit == id) {
                return Ok(found(&newest, Revision(held.revision.0 + steps), true));
            }
            steps += 1;
            next = store.commit(id).map_err(failed)?.parents.first().copied();
        }
        Ok(found(&newest, Revision(steps), held.is_none()))
    }

    fn failed(&self, source: MirrorError) -> RepositoryError {
        RepositoryError::Mirror { namespace: self.namespace.clone(), source }
    }
}

fn found(commit: &configbus_gitstore::Commit, revision: Revision, descends: bool) -> Found {
    Found { commit: commit.id, tree: commit.tree, revision, committed_ms: commit.committed_ms, descends }
}

fn push(
    encoder: &mut Encoder,
    parts: &mut PartsWriter<'_>,
    kind: ObjectKind,
    content: Bytes,
) -> Result<(), EncodeError> {
    let shape = match kind {
        ObjectKind::Tree => ObjectShape::Tree,
        ObjectKind::Blob => ObjectShape::Blob,
        ObjectKind::Commit | ObjectKind::Tag => unreachable!("a delta consists of trees and blobs"),
    };
    encoder.push(shape, content)?.map_or(Ok(()), |part| parts.push(part))
}

/// Returns whether an error says that the mirror, and not what was asked of it, is at fault.
pub(crate) fn is_damage(error: &ReadError) -> bool {
    !matches!(error.kind(), ErrorKind::Rejected | ErrorKind::Invalid)
}

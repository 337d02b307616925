//! Making a revision visible to readers, atomically.
//!
//! [`Delivery`] is the seam: [`DiskDelivery`] keeps a root folder in one of two layouts, `MemoryDelivery` (feature
//! `testing`) stands for a host in simulations of many. One contract suite runs against all of them.

mod assembly;
mod blobs;
mod collection;
#[cfg(any(test, feature = "testing"))]
pub mod contract;
#[cfg(test)]
mod crash_tests;
mod disk;
#[cfg(test)]
mod disk_tests;
mod error;
#[cfg(test)]
mod faults;
mod file_system;
mod files;
#[cfg(any(test, feature = "testing"))]
pub mod fixture;
mod layout;
mod linked;
#[cfg(test)]
mod linked_tests;
#[cfg(any(test, feature = "testing"))]
mod memory;
mod plain;
mod recovery;
mod resolution;
mod root_disk;
mod scrub;
mod staging;
mod standby;
mod tree_index;
mod upkeep;
mod vector;
mod view_walk;
mod views;

pub use collection::Retention;
pub use disk::{DiskDelivery, DiskOptions, OpenError};
pub use error::{DeliveryError, DiskError, Remedy};
#[cfg(any(test, feature = "testing"))]
pub use memory::MemoryDelivery;
pub use upkeep::{DiskUsage, Tidied};
pub use vector::{Mounted, Vector};

pub(crate) use assembly::{Assembly, Awaited, Scope};

use collection::Unpinned;
use file_system::{Durable, FileSystem, RealFileSystem};
use layout::{Before, Trees, ViewLayout};
use linked::LinkedLayout;
use plain::PlainLayout;
use resolution::{Resolution, resolve};
use root_disk::{RootDisk, SINGLE_SYNCS_MAX};
use staging::{Content, Stagings};
use standby::Standby;
use tree_index::{Extent, TreeIndex};
use upkeep::Upkeep;
use view_walk::{BlobInodes, ViewDamage, ViewWalk, Walked};
use views::KeptView;

use crate::Moment;
use bytes::Bytes;
use configbus_model::{ConfigPath, Delta, Head, Layout, Namespace, TreeId, ViewName};
use serde::Serialize;
use std::time::Duration;

/// What readers see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The view.
    pub view: ViewName,
    /// Its revisions.
    pub vector: Vector,
    /// The tree in it.
    pub effective_tree: TreeId,
    /// When it became visible, by the host's clock.
    pub flipped_ms: u64,
}

impl Shown {
    /// Returns the revision of `main` in it.
    pub fn head(&self) -> &Head {
        &self.vector.main
    }
}

/// Where the time of a delivery went. Hashing of what arrived happens before, in [`Delivery::stage`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ApplyTimings {
    /// Finding out what is new.
    pub verify: Duration,
    /// Writing and syncing file contents.
    pub contents: Duration,
    /// Making and syncing directories.
    pub directories: Duration,
    /// Naming the view and writing its record, synced.
    pub record: Duration,
    /// The rename readers see, synced.
    pub flip: Duration,
}

impl ApplyTimings {
    /// Returns the sum.
    pub fn total(&self) -> Duration {
        self.verify + self.contents + self.directories + self.record + self.flip
    }
}

/// A revision became visible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// What readers see now.
    pub shown: Shown,
    /// How long each step took.
    pub timings: ApplyTimings,
}

/// A view that is kept, for status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ViewStatus {
    /// Its folder name.
    pub view: ViewName,
    /// How it is laid out.
    pub layout: Layout,
    /// When it became visible, by the host's clock.
    pub flipped_ms: u64,
    /// Whether readers see it.
    pub current: bool,
}

/// Makes revisions visible. Synchronous: it is called from a thread that may wait for a disk.
///
/// Objects are staged first, in any order and number of calls; `show` then uses those of them that the announced trees
/// need. Ids are computed from what was staged, never taken from the sender.
pub trait Delivery: Send {
    /// Returns what readers see; `None` on a new host.
    fn shown(&self) -> Option<&Shown>;

    /// Returns why what readers see cannot be relied on, if so; the next full sync of everything repairs it.
    fn damage(&self) -> Option<&str>;

    /// Takes objects in Git's encoding that belong to an update of a namespace. After an error nothing is staged of it.
    fn stage(&mut self, namespace: &Namespace, trees: &[Bytes], blobs: &[Bytes]) -> Result<(), DeliveryError>;

    /// Forgets what is staged of a namespace.
    fn discard(&mut self, namespace: &Namespace);

    /// Fails unless every directory of an announced tree is staged or here.
    fn check(&mut self, head: &Head) -> Result<(), DeliveryError>;

    /// Returns the content of a file of an announced tree, staged or here.
    fn read(&self, root: TreeId, path: &ConfigPath) -> Result<Option<Bytes>, DeliveryError>;

    /// Makes revisions visible together. After an error readers see what they saw before, and what was staged of the
    /// namespaces that were to move is to be discarded.
    fn show(&mut self, vector: &Vector, now: Moment) -> Result<Applied, DeliveryError>;

    /// Makes a revision of `main` visible that mounts nothing; either way nothing of it is staged afterwards.
    fn apply(&mut self, head: &Head, now: Moment) -> Result<Applied, DeliveryError> {
        let applied = self.show(&Vector::from(head.clone()), now);
        self.discard(&Namespace::main());
        applied
    }

    /// Does a slice, some 10 ms long, of the work that keeps what is stored small and sound.
    fn tidy(&mut self, now: Moment) -> Result<Tidied, DiskError>;

    /// Returns the views that are kept.
    fn views(&self) -> Vec<ViewStatus>;

    /// Returns what is known about the space it takes.
    fn usage(&self) -> DiskUsage;

    /// Stages and applies a delta: the whole way from its arrival to the flip, which is what benches measure.
    ///
    /// ```
    /// # use configbus_agent::{Moment, Root, delivery::{Delivery, DiskDelivery, DiskOptions}};
    /// # use configbus_model::{CommitId, Delta, Epoch, Head, Layout, Revision, Tree, TreeEntry, EntryMode, blob_id};
    /// # let folder = tempfile::tempdir()?;
    /// let options = DiskOptions { layout: Layout::Linked, ..Default::default() };
    /// let mut host = DiskDelivery::open(Root::new(folder.path()), options, Moment::default())?;
    /// let tree = Tree::build([TreeEntry { name: "a.json", mode: EntryMode::File, id: blob_id(b"{}")?.into() }]);
    /// # let (epoch, revision, commit) = (Epoch::FIRST, Revision(1), CommitId::from_bytes([1; 20]));
    /// let to = Head { epoch, revision, commit, tree: tree.id()?, time_ms: 0, traceparent: None };
    /// let trees = vec![tree.as_bytes().clone()];
    /// let applied = host.deliver(&Delta { from: None, to, trees, blobs: vec!["{}".into()] }, Moment::default())?;
    /// assert_eq!(std::fs::read_to_string(folder.path().join("current/a.json"))?, "{}");
    /// println!("flip after {:?}", applied.timings.total());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    fn deliver(&mut self, delta: &Delta, now: Moment) -> Result<Applied, DeliveryError> {
        self.stage(&Namespace::main(), &delta.trees, &delta.blobs)?;
        self.apply(&delta.to, now)
    }
}

impl<D: Delivery + ?Sized> Delivery for Box<D> {
    fn shown(&self) -> Option<&Shown> {
        (**self).shown()
    }

    fn damage(&self) -> Option<&str> {
        (**self).damage()
    }

    fn stage(&mut self, namespace: &Namespace, trees: &[Bytes], blobs: &[Bytes]) -> Result<(), DeliveryError> {
        (**self).stage(namespace, trees, blobs)
    }

    fn discard(&mut self, namespace: &Namespace) {
        (**self).discard(namespace);
    }

    fn check(&mut self, head: &Head) -> Result<(), DeliveryError> {
        (**self).check(head)
    }

    fn read(&self, root: TreeId, path: &ConfigPath) -> Result<Option<Bytes>, DeliveryError> {
        (**self).read(root, path)
    }

    fn show(&mut self, vector: &Vector, now: Moment) -> Result<Applied, DeliveryError> {
        (**self).show(vector, now)
    }

    fn tidy(&mut self, now: Moment) -> Result<Tidied, DiskError> {
        (**self).tidy(now)
    }

    fn views(&self) -> Vec<ViewStatus> {
        (**self).views()
    }

    fn usage(&self) -> DiskUsage {
        (**self).usage()
    }
}

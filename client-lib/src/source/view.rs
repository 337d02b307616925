//! One consistent set of files and what is known of it.

use crate::source::files::Files;
use configbus_model::{ConfigPath, MountRecord, Namespace, Revision};
use std::collections::BTreeMap;

/// Where a view is on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FolderId {
    pub(crate) device: u64,
    pub(crate) inode: u64,
}

impl FolderId {
    #[allow(clippy::unnecessary_cast, reason = "the widths of these fields differ between platforms")]
    pub(crate) fn of(stat: &rustix::fs::Stat) -> Self {
        Self { device: stat.st_dev as u64, inode: stat.st_ino as u64 }
    }
}

/// What is in a view. Dropping it ends its pin.
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) files: Box<dyn Files>,
    /// Absent in memory.
    pub(crate) folder: Option<FolderId>,
    /// Revision of `main`; `r0` where nothing has revisions.
    pub(crate) revision: Revision,
    /// Empty when the record beside the view cannot be read.
    pub(crate) mounts: BTreeMap<Namespace, MountRecord>,
    /// Whether the files cannot change or vanish as long as this exists.
    pub(crate) pinned: bool,
}

/// Whose change a path's content is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) namespace: Namespace,
    pub(crate) revision: Revision,
    pub(crate) traceparent: Option<String>,
}

impl View {
    /// Returns the namespace that a path belongs to, with its revision here: the mount with the longest prefix.
    pub(crate) fn origin(&self, path: &ConfigPath) -> Origin {
        let covering = self.mounts.iter().filter(|(_, mount)| path.is_at_or_below(&mount.prefix));
        match covering.max_by_key(|(_, mount)| mount.prefix.len()) {
            Some((namespace, mount)) => Origin {
                namespace: namespace.clone(),
                revision: mount.revision,
                traceparent: mount.traceparent.clone(),
            },
            None => Origin { namespace: Namespace::main(), revision: self.revision, traceparent: None },
        }
    }
}

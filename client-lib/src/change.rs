//! What a callback is told.

use configbus_model::{ConfigPath, Namespace, Revision};
use std::{fmt, sync::Arc};

/// One file that changed. Versions that came and went while callbacks were busy are left out: `old` is what the last
/// callback was told, `new` is the newest.
#[non_exhaustive]
pub struct Change<T> {
    /// The file.
    pub path: ConfigPath,
    /// Value before; `None` when there was no usable one.
    pub old: Option<Arc<T>>,
    /// Value now; `None` when the file was deleted.
    pub new: Option<Arc<T>>,
    /// Namespace of the file.
    pub namespace: Namespace,
    /// Revision of that namespace; `r0` in a plain directory.
    pub revision: Revision,
    /// W3C trace context of the change that produced the revision.
    pub traceparent: Option<String>,
}

impl<T> Clone for Change<T> {
    fn clone(&self) -> Self {
        Self {
            path: self.path.clone(),
            old: self.old.clone(),
            new: self.new.clone(),
            namespace: self.namespace.clone(),
            revision: self.revision,
            traceparent: self.traceparent.clone(),
        }
    }
}

impl<T> fmt::Debug for Change<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Values are left out: contents do not belong in logs, and need not be printable.
        f.debug_struct("Change")
            .field("path", &self.path)
            .field("old", &self.old.is_some())
            .field("new", &self.new.is_some())
            .field("revision", &self.revision)
            .finish_non_exhaustive()
    }
}

impl<T> Change<T> {
    /// Joins a change that nobody was told yet with what happened since.
    pub(crate) fn followed_by(self, later: Self) -> Self {
        Self { old: self.old, ..later }
    }
}

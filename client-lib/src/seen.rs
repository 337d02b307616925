//! What was last seen of a file, and whether it has changed since.

use crate::{RefusalReason, file_identity::FileIdentity, files::Files, rules::Rules};
use configbus_model::ConfigPath;
use std::{
    hash::{BuildHasher, RandomState},
    sync::{Arc, LazyLock},
    time::SystemTime,
};

/// Keyed afresh in each process, so that nobody can prepare two contents that pass for one.
static FINGERPRINTS: LazyLock<RandomState> = LazyLock::new(RandomState::new);

/// The version of a file that was looked at last, whether it was good or not.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Set when an equal identity is proof enough.
    identity: Option<FileIdentity>,
    /// Of the content; absent when there was no file.
    fingerprint: Option<u64>,
    /// Of the newest content that was good.
    good: Option<u64>,
}

/// What became of a file.
#[derive(Debug)]
pub(crate) enum Look<T> {
    /// Nothing.
    Unchanged,
    /// It is gone.
    Gone,
    /// It has a new, good content.
    New(T),
    /// After versions that were refused it is again what the last good one was.
    Restored,
    /// Its new content is not usable.
    Refused(RefusalReason),
}

impl Seen {
    /// Looks at the file in a view, reading it only if it may have changed. Calls `on_read` before reading.
    pub(crate) fn look<T>(
        &mut self,
        files: &dyn Files,
        path: &ConfigPath,
        rules: &Rules<T>,
        on_read: impl FnOnce(),
    ) -> Look<T> {
        match files.identity(path) {
            Ok(Some(identity)) if self.identity == Some(identity) => return Look::Unchanged,
            Ok(Some(_)) => {}
            Ok(None) => return self.miss(),
            Err(error) => return self.fail(error),
        }
        on_read();
        let (identity, content) = match files.read(path) {
            Ok(Some(read)) => read,
            Ok(None) => return self.miss(),
            Err(error) => return self.fail(error),
        };
        self.identity = identity.is_settled(SystemTime::now()).then_some(identity);
        let fingerprint = Some(FINGERPRINTS.hash_one(&content));
        if std::mem::replace(&mut self.fingerprint, fingerprint) == fingerprint {
            return Look::Unchanged;
        }
        if fingerprint == self.good {
            return Look::Restored;
        }
        match rules.apply(path, &content) {
            Ok(value) => {
                self.good = fingerprint;
                Look::New(value)
            }
            Err(reason) => Look::Refused(reason),
        }
    }

    fn miss<T>(&mut self) -> Look<T> {
        self.identity = None;
        self.good = None;
        if self.fingerprint.take().is_some() { Look::Gone } else { Look::Unchanged }
    }

    /// Forgets the identity, so that the next flip tries again.
    fn fail<T>(&mut self, error: std::io::Error) -> Look<T> {
        self.identity = None;
        Look::Refused(RefusalReason::Unreadable(Arc::new(error)))
    }
}

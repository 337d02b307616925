//! Which views may go. The decision is pure; taking a view away from the disk respects readers' pins.

use super::{DiskError, KeptView, RootDisk};
use configbus_model::ViewName;
use rustix::fs::{FlockOperation, flock};
use std::{fs::File, path::PathBuf, time::Duration};

/// How long views stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Newest views that always stay.
    pub views: usize,
    /// Views that were visible within this time stay, because somebody may be reading them without a pin.
    pub age: Duration,
}

impl Default for Retention {
    fn default() -> Self {
        Self { views: 3, age: Duration::from_secs(60) }
    }
}

/// Returns the views nobody needs; `views` is in the order they became visible.
pub(crate) fn expired(views: &[KeptView], now: Duration, retention: Retention) -> Vec<ViewName> {
    let old_enough =
        |view: &&KeptView| view.retired.is_some_and(|retired| now.saturating_sub(retired) >= retention.age);
    let older = views.len().saturating_sub(retention.views);
    views[..older].iter().filter(old_enough).map(|view| view.name().clone()).collect()
}

/// A view taken from its readers: while this lives, nobody can pin it.
#[derive(Debug)]
pub(crate) struct Unpinned {
    folder: PathBuf,
    _lock: Option<File>,
}

impl Unpinned {
    /// Locks a view; `None` while a reader holds it.
    pub(crate) fn lock(disk: &RootDisk, view: &ViewName) -> Result<Option<Self>, DiskError> {
        let folder = disk.root.view(view);
        let opened = match File::open(&folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Some(Self { folder, _lock: None }));
            }
            opened => opened.map_err(DiskError::at("open", &folder))?,
        };
        match flock(&opened, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Self { folder, _lock: Some(opened) })),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
            Err(errno) => Err(DiskError { action: "lock", path: folder, source: errno.into() }),
        }
    }

    /// Returns the folder of the view.
    pub(crate) fn folder(&self) -> &PathBuf {
        &self.folder
    }
}

#[cfg(test)]
mod tests {
    use super::super::views::record_of;
    use super::*;
    use configbus_model::{CommitId, Epoch, Head, Layout, Revision, TreeId};

    fn view(revision: u64, retired_s: Option<u64>) -> KeptView {
        let head = Head {
            epoch: Epoch::FIRST,
            revision: Revision(revision),
            commit: CommitId::from_bytes([1; 20]),
            tree: TreeId::EMPTY,
            time_ms: 0,
            traceparent: None,
        };
        let composed = configbus_model::Composition { root: TreeId::EMPTY, parts: vec![], trees: vec![] };
        let record = record_of(&head.into(), &composed, ViewName::new(Revision(revision), 0), Layout::Plain, 0);
        KeptView::new(record, retired_s.map(Duration::from_secs))
    }

    fn expired_at(now_s: u64, views: &[KeptView]) -> Vec<u64> {
        let names = expired(views, Duration::from_secs(now_s), Retention::default());
        names.iter().map(|name| name.revision().0).collect()
    }

    #[test]
    fn the_newest_views_and_those_seen_lately_stay() {
        let views = [view(1, Some(10)), view(2, Some(20)), view(3, Some(100)), view(4, Some(110)), view(5, None)];
        assert_eq!(expired_at(100, &views), [1, 2]);
        assert_eq!(expired_at(75, &views), [1]);
        assert_eq!(expired_at(60, &views), Vec::<u64>::new());
        assert_eq!(expired_at(1_000, &views), [1, 2], "the last three stay however old they are");
    }

    #[test]
    fn the_visible_view_stays_even_after_falling_back_to_it() {
        let views = [view(1, None), view(2, Some(0)), view(3, Some(0)), view(4, Some(0))];
        assert_eq!(expired_at(1_000, &views), Vec::<u64>::new());
    }
}

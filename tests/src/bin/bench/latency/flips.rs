//! When a host's `current` was replaced, to the microsecond and without spinning.

use anyhow::Context as _;
use configbus_tests::eventually::DEADLINE;
use rustix::fs::inotify::{CreateFlags, Reader, WatchFlags, add_watch, init};
use std::{fs, mem::MaybeUninit, path::Path, sync::mpsc, thread, time::Instant};

/// Moments of flips, in order.
pub(crate) struct Flips {
    moments: mpsc::Receiver<(u64, Instant)>,
}

impl Flips {
    /// Watches an agent's root from now on, until the process ends.
    pub(crate) fn of(root: &Path) -> anyhow::Result<Self> {
        let watch = init(CreateFlags::CLOEXEC)?;
        add_watch(&watch, root, WatchFlags::MOVED_TO)?;
        let (sender, moments) = mpsc::channel();
        let root = root.to_owned();
        thread::spawn(move || {
            let mut buffer = [MaybeUninit::uninit(); 4096];
            let mut events = Reader::new(watch, &mut buffer);
            while let Ok(event) = events.next() {
                let at = Instant::now();
                let flipped = event.file_name().is_some_and(|name| name.to_bytes() == b"current");
                let Some(revision) = flipped.then(|| revision_of(&root)).flatten() else { continue };
                if sender.send((revision, at)).is_err() {
                    break;
                }
            }
        });
        Ok(Self { moments })
    }

    /// Waits until the host shows a revision and returns when that was.
    pub(crate) fn reached(&self, revision: u64) -> anyhow::Result<Instant> {
        loop {
            let (seen, at) = self.moments.recv_timeout(DEADLINE).context("no flip")?;
            if seen >= revision {
                return Ok(at);
            }
        }
    }
}

fn revision_of(root: &Path) -> Option<u64> {
    let view = fs::read_link(root.join("current")).ok()?;
    view.file_name()?.to_str()?.strip_prefix('r')?.split_once('-')?.0.parse().ok()
}

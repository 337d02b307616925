//! The thread that waits for flips.
//!
//! Alternatives that lost: a library for file notifications (it also listens to opens and attribute changes, and would
//! wake every client on the host each time somebody reads `state.json`), and polling alone (a flip would be seen late,
//! or a host full of idle clients would keep a core busy).

use crate::{
    following::follower::Follower,
    following::inotify::{MakeInstance, RootWatch},
};
use rustix::{
    event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll},
    fd::{AsFd as _, OwnedFd},
    io::{Errno, write},
};
use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    time::{Duration, Instant},
};

/// Even with a watch the root is looked at this often: a mount over it or a replaced view folder raise no event.
const CHECK_INTERVAL: Duration = Duration::from_secs(5);

/// While polling, a watch is tried again this often: instances become free.
const REARM_INTERVAL: Duration = Duration::from_secs(60);

/// Share of the time that looking at a plain directory may take.
const SCAN_SHARE: u32 = 50;

/// Ends the thread.
#[derive(Debug)]
pub(crate) struct Stop(OwnedFd);

impl Stop {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?))
    }

    pub(crate) fn signal(&self) {
        // Fails only when the counter is full, and then the thread is awake anyway.
        let _ = write(&self.0, &1_u64.to_ne_bytes());
    }
}

/// How the thread learns of flips.
#[derive(Debug)]
pub(crate) struct Watcher {
    /// The root to watch; polling only when absent.
    root: Option<PathBuf>,
    make: MakeInstance,
    poll_interval: Duration,
    watch: Option<RootWatch>,
    /// When the kernel gave no watch.
    refused: Option<Instant>,
}

#[derive(Debug, PartialEq, Eq)]
enum Woken {
    Look,
    Stop,
}

impl Watcher {
    pub(crate) fn new(root: Option<PathBuf>, make: MakeInstance, poll_interval: Duration) -> Self {
        Self { root, make, poll_interval, watch: None, refused: None }
    }

    /// Runs until stopped.
    pub(crate) fn run(mut self, follower: &Follower, stop: &Stop) {
        let mut failing = false;
        loop {
            // Armed before looking, so that a flip after the look raises an event.
            self.arm();
            let began = Instant::now();
            let outcome = catch_unwind(AssertUnwindSafe(|| follower.refresh()));
            let error = match outcome {
                Ok(Ok(_)) => None,
                Ok(Err(error)) => Some(error.to_string()),
                Err(_) => Some("a value panicked while it was dropped".to_owned()),
            };
            if let Some(error) = error.as_ref().filter(|_| !failing) {
                tracing::warn!(error, "no newer view can be taken; the one before stays");
            }
            failing = error.is_some();
            if self.wait(began.elapsed(), stop) == Woken::Stop {
                return;
            }
        }
    }

    fn arm(&mut self) {
        let Some(root) = &self.root else { return };
        if self.watch.as_ref().is_some_and(|watch| watch.is_on(root)) {
            return;
        }
        self.watch = None;
        if self.refused.is_some_and(|refused| refused.elapsed() < REARM_INTERVAL) {
            return;
        }
        match RootWatch::on(root, self.make) {
            Ok(watch) => self.watch = Some(watch),
            // The root is being replaced: the next look tries again.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                self.refused = Some(Instant::now());
                let interval = self.poll_interval;
                tracing::info!(root = %root.display(), %error, "flips are looked for every {interval:?}");
            }
        }
    }

    fn interval(&self, last_look: Duration) -> Duration {
        match (&self.watch, &self.root) {
            (Some(_), _) => CHECK_INTERVAL,
            (None, Some(_)) => self.poll_interval,
            (None, None) => self.poll_interval.max(last_look * SCAN_SHARE),
        }
    }

    fn wait(&mut self, last_look: Duration, stop: &Stop) -> Woken {
        let end = Instant::now() + self.interval(last_look);
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let timeout = Timespec::try_from(left).expect("intervals are seconds");
            let mut sources = vec![PollFd::new(&stop.0, PollFlags::IN)];
            sources.extend(self.watch.as_ref().map(|watch| PollFd::from_borrowed_fd(watch.as_fd(), PollFlags::IN)));
            match poll(&mut sources, Some(&timeout)) {
                Ok(0) => return Woken::Look,
                Err(Errno::INTR) => continue,
                Ok(_) if !sources[0].revents().is_empty() => return Woken::Stop,
                Ok(_) | Err(_) => {}
            }
            let noticed = self.watch.as_ref().map(RootWatch::noticed).unwrap_or_default();
            if noticed.lost {
                self.watch = None;
            }
            if noticed.flip || noticed.lost {
                return Woken::Look;
            }
        }
    }
}

//! When a change was seen on the host, by somebody who waits for it.

use anyhow::Context as _;
use configbus_client::Subscription;
use configbus_tests::eventually::DEADLINE;
use serde::Deserialize;
use std::{
    fs,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

/// How often the file is read. Spinning would take one of the machine's cores from what is measured.
pub(crate) const POLL: Duration = Duration::from_micros(200);

/// What the file holds that changes.
#[derive(Debug, Deserialize)]
pub(crate) struct Counter {
    pub(crate) n: u64,
}

impl Counter {
    /// Returns what is written.
    pub(crate) fn content(n: u64) -> String {
        format!("{{\"n\": {n}}}")
    }
}

/// Moments at which values were seen, in order.
pub(crate) struct Arrivals {
    seen: mpsc::Receiver<(u64, Instant)>,
    stop: Arc<AtomicBool>,
}

impl Arrivals {
    /// Reads a file again and again, as a program without a client library would.
    pub(crate) fn by_reading(file: PathBuf) -> Self {
        let (sender, seen) = mpsc::channel();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        thread::spawn(move || {
            let mut last = 0;
            while !stopped.load(Ordering::Relaxed) {
                let read = fs::read(&file).ok().and_then(|bytes| serde_json::from_slice::<Counter>(&bytes).ok());
                if let Some(Counter { n }) = read.filter(|counter| counter.n != last) {
                    last = n;
                    // Nobody listens while the bench ends.
                    let _ = sender.send((n, Instant::now()));
                }
                thread::sleep(POLL);
            }
        });
        Self { seen, stop }
    }

    /// Is called back by the client library.
    pub(crate) fn by_callback(subscription: &Subscription<Counter>) -> Self {
        let (sender, seen) = mpsc::channel();
        subscription.on_change(move |change| {
            // Nobody listens while the bench ends.
            let _ = sender.send((change.new.as_ref().map_or(0, |counter| counter.n), Instant::now()));
        });
        Self { seen, stop: Arc::default() }
    }

    /// Waits until a value was seen and returns when that was.
    pub(crate) fn of(&self, n: u64) -> anyhow::Result<Instant> {
        loop {
            let (seen, at) = self.seen.recv_timeout(DEADLINE).with_context(|| format!("value {n} never came"))?;
            if seen >= n {
                return Ok(at);
            }
        }
    }
}

impl Drop for Arrivals {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

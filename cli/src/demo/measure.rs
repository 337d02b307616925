//! A program on the host that waits for changes, and the times it takes.

use super::stage::Figure;
use anyhow::Context as _;
use configbus_client::{ConfigBus, Subscription};
use serde::Deserialize;
use std::{
    path::Path,
    sync::mpsc,
    time::{Duration, Instant},
};

/// Longer than anything takes that works.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Debug, Deserialize)]
struct Limits {
    max_bid: u64,
}

/// One callback.
pub(super) struct Called {
    pub(super) old: Option<u64>,
    pub(super) new: u64,
    pub(super) revision: u64,
    pub(super) at: Instant,
}

/// A program that subscribes to one file with the client library.
pub(super) struct Reader {
    calls: mpsc::Receiver<Called>,
    _subscription: Subscription<Limits>,
    _bus: ConfigBus,
}

impl Reader {
    /// Opens the host's files, waiting for the first revision.
    pub(super) fn open(root: &Path, path: &str) -> anyhow::Result<Self> {
        let bus = ConfigBus::open(root)?;
        let subscription = bus.subscribe::<Limits>(path)?;
        let (sender, calls) = mpsc::channel();
        subscription.on_change(move |change| {
            let value = |limits: &std::sync::Arc<Limits>| limits.max_bid;
            let Some(new) = change.new.as_ref().map(value) else { return };
            let (old, revision) = (change.old.as_ref().map(value), change.revision.0);
            // The tour may be over.
            let _ = sender.send(Called { old, new, revision, at: Instant::now() });
        });
        Ok(Self { calls, _subscription: subscription, _bus: bus })
    }

    /// Waits for the callback that brings a value.
    pub(super) fn wait_for(&self, value: u64) -> anyhow::Result<Called> {
        loop {
            let called = self.calls.recv_timeout(PATIENCE).context("no callback came")?;
            if called.new == value {
                return Ok(called);
            }
        }
    }
}

/// Times by step.
#[derive(Default)]
pub(super) struct Samples {
    acknowledged: Vec<Duration>,
    callback: Vec<Duration>,
    pushed: Vec<Duration>,
}

impl Samples {
    /// Adds a compare-and-set with its callback.
    pub(super) fn api(&mut self, started: Instant, acknowledged: Instant, called: Instant) {
        self.acknowledged.push(acknowledged - started);
        self.callback.push(called.saturating_duration_since(acknowledged));
    }

    /// Adds a push.
    pub(super) fn push(&mut self, took: Duration) {
        self.pushed.push(took);
    }

    /// Returns the table's rows.
    pub(super) fn figures(&self) -> Vec<Figure> {
        vec![
            figure("compare-and-set, durable and acknowledged", &self.acknowledged),
            figure("acknowledged → callback in a process on the host", &self.callback),
            figure("git push of one file, start to exit of git", &self.pushed),
        ]
    }
}

fn figure(step: &'static str, times: &[Duration]) -> Figure {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    let at = |percent: usize| {
        let rank = (sorted.len() * percent).div_ceil(100).max(1) - 1;
        sorted.get(rank).map_or(0.0, |time| time.as_secs_f64() * 1e3)
    };
    Figure { step, samples: times.len(), p50_ms: at(50), p99_ms: at(99) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_samples() {
        let times: Vec<_> = (1..=10).map(Duration::from_millis).collect();
        let figure = figure("step", &times);
        assert_eq!((figure.p50_ms, figure.p99_ms, figure.samples), (5.0, 10.0, 10));
    }
}

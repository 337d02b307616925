//! From the start of `configbus decider set` to a process that goes the other way, and to the event that tells browsers.

use super::DECIDER;
use crate::{progress::Progress, stats::Samples, table::Table};
use anyhow::Context as _;
use configbus_client::{ConfigBus, DeciderHandle, OverlayPlace};
use configbus_tests::{cluster::Cluster, eventually::DEADLINE, ofrep::Events};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

/// How often the handle is asked. Spinning would take one of the machine's cores from what is measured.
const POLL: Duration = Duration::from_micros(100);

const KEY: &str = "new_db";

/// Changes before the first one that counts.
const WARM_UP: u64 = 5;

pub(super) fn run(cluster: &Cluster, samples: u64) -> anyhow::Result<()> {
    let bus = ConfigBus::open(cluster.root())?;
    let handle = bus.decider(DECIDER, &OverlayPlace::default())?.handle(KEY);
    let process = Watch::of_process(handle);
    let events = Watch::of_events(Events::open(cluster.agent.url()));
    let [mut ended, mut changed, mut told] = [(); 3].map(|()| Samples::default());
    let progress = Progress::counting("decider set", samples);
    for n in 1..=WARM_UP + samples {
        // Other than the value before, whatever the number of samples.
        let value = i64::try_from(n % 10_000)? + 1;
        let started = Instant::now();
        let _ = cluster.run(&["decider", "set", DECIDER, KEY, &value.to_string()]).expect_ok();
        let end = started.elapsed();
        let (in_process, in_event) = (process.value(value)? - started, events.next()? - started);
        if n > WARM_UP {
            ended.add(end);
            changed.add(in_process);
            told.add(in_event);
            progress.step();
        }
    }
    drop(progress);
    let mut table = Table::new("from the start of `configbus decider set`, to", ["ms", "n", "p50", "p99", "max"]);
    table.row("the end of the command", ended.cells());
    table.row("is_available in a running process", changed.cells());
    table.row("OFREP change event at a client of the agent", told.cells());
    table.print();
    Ok(())
}

/// Somebody who waits.
struct Watch {
    seen: mpsc::Receiver<(i64, Instant)>,
    stop: Arc<AtomicBool>,
}

impl Watch {
    fn of_process(handle: DeciderHandle) -> Self {
        let (sender, seen) = mpsc::channel();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        thread::spawn(move || {
            let mut last = None;
            while !stopped.load(Ordering::Relaxed) {
                let value = handle.value();
                if value != last {
                    last = value;
                    // Nobody listens while the bench ends.
                    let _ = sender.send((value.unwrap_or(-1), Instant::now()));
                }
                thread::sleep(POLL);
            }
        });
        Self { seen, stop }
    }

    fn of_events(mut events: Events) -> Self {
        let (sender, seen) = mpsc::channel();
        // Ends with the agent.
        thread::spawn(move || while events.next_data().is_some() && sender.send((0, Instant::now())).is_ok() {});
        Self { seen, stop: Arc::default() }
    }

    fn next(&self) -> anyhow::Result<Instant> {
        Ok(self.seen.recv_timeout(DEADLINE).context("no event came")?.1)
    }

    fn value(&self, wanted: i64) -> anyhow::Result<Instant> {
        loop {
            let (value, at) = self.seen.recv_timeout(DEADLINE).context("the value never came")?;
            if value == wanted {
                return Ok(at);
            }
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

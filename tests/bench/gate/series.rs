//! Changes of one kind, and what they cost whom.

use crate::{
    metrics::Timings,
    progress::Progress,
    stats::{Samples, ms},
    table::Table,
    usage,
};
use anyhow::Context as _;
use configbus_tests::{bus::Bus, git::WorkingCopy, ports::fixed_port, rest::Rest};
use std::time::{Duration, Instant};

/// A bus in one process whose host follows.
pub(crate) struct Rig {
    pub(crate) bus: Bus,
    revision: u64,
}

/// One change.
pub(crate) struct Sample {
    client: Duration,
    gate: Duration,
    landing: Duration,
    cpu: Duration,
}

/// Many of them.
#[derive(Default)]
pub(crate) struct Series {
    /// Start of the client → its end.
    pub(crate) client: Samples,
    /// What the gate took of it.
    pub(crate) gate: Samples,
    landing: Samples,
    cpu: Duration,
}

impl Rig {
    /// Starts one at an address that it keeps when it starts again, for clones know it.
    pub(crate) fn start() -> Self {
        let listen = format!("127.0.0.1:{}", fixed_port());
        Self { bus: Bus::with(&["--listen", &listen]), revision: 0 }
    }

    /// Starts the bus again: nothing is warm in it.
    pub(crate) fn restart(&mut self) {
        self.bus.kill();
        self.bus.restart();
    }

    /// Waits until the host shows everything, with so many revisions more than before.
    pub(crate) fn follow(&mut self, revisions: u64) {
        self.revision += revisions;
        let revision = format!("r{}", self.revision);
        let _ = self.bus.run(&["wait", &revision, "--timeout", "120s"]).expect_ok();
    }

    /// Commits what is in the folder and pushes it.
    pub(crate) fn push(&mut self, copy: &WorkingCopy) -> anyhow::Result<Sample> {
        copy.commit("bench");
        self.sample(|_| {
            let _ = copy.push().expect_ok();
            Ok(())
        })
    }

    /// Times one change.
    pub(crate) fn sample(&mut self, change: impl FnOnce(&Self) -> anyhow::Result<()>) -> anyhow::Result<Sample> {
        let server = [Rest::new(self.bus.server())];
        let (before, cpu_before) = (Timings::scrape(&server), usage::cpu(self.bus.pid())?);
        let started = Instant::now();
        change(self)?;
        let client = started.elapsed();
        let (after, cpu) = (Timings::scrape(&server), usage::cpu(self.bus.pid())? - cpu_before);
        self.follow(1);
        let took = |step| after.since(&before, step).map(|(took, times)| took * u32::try_from(times).unwrap_or(1));
        let gate = took("configbus_server_gate_seconds").context("the gate was not asked")?;
        Ok(Sample { client, gate, landing: took("configbus_server_commit_seconds").unwrap_or_default(), cpu })
    }
}

impl Series {
    pub(crate) fn add(&mut self, sample: &Sample) {
        self.client.add(sample.client);
        self.gate.add(sample.gate);
        self.landing.add(sample.landing);
        self.cpu += sample.cpu;
    }

    /// Adds a row to a [`table`].
    pub(crate) fn row(&self, table: &mut Table, name: &str) {
        let count = u32::try_from(self.client.len().max(1)).unwrap_or(u32::MAX);
        let [n, p50, p99, _] = self.client.cells();
        let [_, gate_p50, gate_p99, gate_max] = self.gate.cells();
        let cells = [n, gate_p50, gate_p99, gate_max, ms(self.landing.p50()), p50, p99, ms(self.cpu / count)];
        table.row(name, cells);
    }
}

/// Starts a table of series.
pub(crate) fn table(title: String) -> Table {
    Table::new(title, ["ms", "n", "gate p50", "p99", "max", "landing p50", "client p50", "p99", "server's CPU"])
}

/// Takes samples after a few that do not count.
pub(crate) fn measure(
    name: &str,
    samples: u64,
    mut change: impl FnMut() -> anyhow::Result<Sample>,
) -> anyhow::Result<Series> {
    let progress = Progress::counting(name, samples);
    let mut series = Series::default();
    for number in 0..super::WARM_UP + samples {
        let sample = change()?;
        if number >= super::WARM_UP {
            series.add(&sample);
            progress.step();
        }
    }
    Ok(series)
}

//! From a change to a callback in a running process, by compare-and-set and by push, embedded and with ZooKeeper.

use crate::{
    metrics::Timings,
    print::{row, table},
    stats::{Samples, ms},
    tree::Tree,
    usage::Usage,
};
use anyhow::{Context as _, ensure};
use configbus_api::{ChangeSet, Client, Edit, Expected};
use configbus_client::{ConfigBus, Subscription};
use configbus_coordination::zookeeper_fixture::ZooKeeperFixture;
use configbus_tests::{bus::Bus, eventually::DEADLINE, git::WorkingCopy};
use flips::Flips;
use serde::Deserialize;
use std::{
    sync::mpsc,
    time::{Duration, Instant},
};

mod flips;

const PATH: &str = "bench/value.json";
/// Files beside the one that changes.
const FILES: usize = 1_000;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Compare-and-sets per registry.
    #[arg(long, default_value_t = 300)]
    samples: u64,
    /// Pushes per registry.
    #[arg(long, default_value_t = 60)]
    pushes: u64,
}

impl Default for Args {
    fn default() -> Self {
        Self { samples: 300, pushes: 60 }
    }
}

/// What the subscribed file holds.
#[derive(Debug, Deserialize)]
struct Counter {
    n: u64,
}

/// A bus with a program on its host that waits for each change.
struct Rig {
    bus: Bus,
    reader: ConfigBus,
    _subscription: Subscription<Counter>,
    calls: mpsc::Receiver<(u64, Instant)>,
    flips: Flips,
    _zookeeper: Option<ZooKeeperFixture>,
}

/// Times of one way to change.
#[derive(Default)]
struct Series {
    acknowledged: Samples,
    readable_after: Samples,
    callback_after: Samples,
    callback_in_all: Samples,
    cpu: Duration,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let mut rows = vec![row([
        "ms",
        "n",
        "ack p50",
        "p99",
        "ack→readable p50",
        "p99",
        "ack→callback p50",
        "p99",
        "in all p50",
        "p99",
        "CPU/change",
        "RSS",
    ])];
    let mut steps = Vec::new();
    for registry in ["embedded", "zookeeper"] {
        let mut rig = Rig::start(registry)?;
        for way in ["compare-and-set", "git push"] {
            let before = rig.timings();
            let series = match way {
                "git push" => rig.push(args.samples, args.pushes)?,
                _ => rig.compare_and_set(args.samples)?,
            };
            rows.push(series.describe(&format!("{way}, {registry}"), &rig)?);
            steps.push((format!("{way}, {registry}: mean per step"), rig.timings().since(&before)));
        }
    }
    table("from a change to a callback on the host", &rows);
    for (title, steps) in steps {
        let header = row(["step", "mean ms", "times"]);
        let step = |(name, mean, times): &(String, Duration, u64)| vec![name.clone(), ms(*mean), times.to_string()];
        table(&title, &[vec![header], steps.iter().map(step).collect()].concat());
    }
    Ok(())
}

impl Rig {
    fn start(registry: &str) -> anyhow::Result<Self> {
        let zookeeper = (registry == "zookeeper").then(ZooKeeperFixture::single).transpose()?;
        let flags = zookeeper.as_ref().map(|zookeeper| vec!["--zookeeper".to_owned(), zookeeper.connect_string()]);
        let flags = flags.unwrap_or_default();
        let bus = Bus::with(&flags.iter().map(String::as_str).collect::<Vec<_>>());
        Tree::make(FILES)?.push(bus.git())?;
        let _ = bus.run_with(&["put", PATH], br#"{"n": 0}"#).expect_ok();
        let _ = bus.run(&["wait", "r2", "--timeout", "60s"]).expect_ok();
        let root = &bus.endpoints().agents[0].root;
        let reader = ConfigBus::open(root)?;
        let subscription = reader.subscribe::<Counter>(PATH)?;
        let (sender, calls) = mpsc::channel();
        subscription.on_change(move |change| {
            // The bench may have stopped listening.
            let _ = sender.send((change.new.as_ref().map_or(0, |value| value.n), Instant::now()));
        });
        let flips = Flips::of(root)?;
        Ok(Self { bus, reader, _subscription: subscription, calls, flips, _zookeeper: zookeeper })
    }

    fn timings(&self) -> Timings {
        let endpoints = self.bus.endpoints();
        // One process: every part shows the metrics of all.
        Timings::scrape(&[&endpoints.server])
    }

    fn compare_and_set(&mut self, samples: u64) -> anyhow::Result<Series> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let server = self.bus.server().to_owned();
        let client = runtime.block_on(Client::connect(&server))?;
        let mut series = Series::default();
        let before = Usage::of(self.bus.pid())?;
        for n in 1..=samples {
            let edit = Edit::put(PATH.parse()?, format!("{{\"n\": {n}}}"), Expected::Any);
            let change = ChangeSet::new("bench").with(edit);
            let started = Instant::now();
            let landed = runtime.block_on(client.compare_and_set(&change))?;
            ensure!(landed.committed, "nothing was committed");
            self.record(&mut series, n, landed.head.head.revision.0, started, Instant::now())?;
        }
        series.cpu = (Usage::of(self.bus.pid())?.cpu - before.cpu) / u32::try_from(samples)?;
        Ok(series)
    }

    fn push(&mut self, after: u64, samples: u64) -> anyhow::Result<Series> {
        let copy = WorkingCopy::clone(self.bus.git(), &[]);
        let mut series = Series::default();
        let before = Usage::of(self.bus.pid())?;
        for n in after + 1..=after + samples {
            copy.write(PATH, format!("{{\"n\": {n}}}"));
            copy.commit("bench");
            let revision = self.reader.status().revision.0 + 1;
            let started = Instant::now();
            let _ = copy.push().expect_ok();
            self.record(&mut series, n, revision, started, Instant::now())?;
        }
        series.cpu = (Usage::of(self.bus.pid())?.cpu - before.cpu) / u32::try_from(samples)?;
        Ok(series)
    }

    fn record(
        &mut self,
        series: &mut Series,
        n: u64,
        revision: u64,
        started: Instant,
        acknowledged: Instant,
    ) -> anyhow::Result<()> {
        let readable = self.flips.reached(revision)?;
        let called = loop {
            let (seen, at) = self.calls.recv_timeout(DEADLINE).context("no callback")?;
            if seen >= n {
                break at;
            }
        };
        series.acknowledged.add(acknowledged - started);
        // A push is answered after it has landed: what follows may be over by then, and counts as nothing.
        series.readable_after.add(readable.saturating_duration_since(acknowledged));
        series.callback_after.add(called.saturating_duration_since(acknowledged));
        series.callback_in_all.add(called - started);
        Ok(())
    }
}

impl Series {
    fn describe(&self, name: &str, rig: &Rig) -> anyhow::Result<Vec<String>> {
        let mut cells = vec![name.to_owned(), self.acknowledged.len().to_string()];
        for samples in [&self.acknowledged, &self.readable_after, &self.callback_after, &self.callback_in_all] {
            cells.extend([ms(samples.p50()), ms(samples.p99())]);
        }
        let rss = Usage::of(rig.bus.pid())?.rss_bytes >> 20;
        cells.extend([ms(self.cpu), format!("{rss} MiB")]);
        Ok(cells)
    }
}

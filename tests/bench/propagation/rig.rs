//! A bus of real processes with a polling reader and a subscriber on its host.

use super::{
    FILES,
    arrivals::{Arrivals, Counter},
    log::TimeOfDay,
    series::{Moments, Sample},
};
use crate::{metrics::Timings, tree::Tree, usage};
use anyhow::{Context as _, ensure};
use configbus_api::{ChangeSet, Client, Edit, Expected};
use configbus_client::{ConfigBus, Subscription};
use configbus_coordination::zookeeper_fixture::ZooKeeperFixture;
use configbus_model::{Namespace, ViewRecord, blob_id};
use configbus_tests::{
    bus::{Bus, Run},
    cluster::{Cluster, Plan},
    git::WorkingCopy,
    rest::Rest,
};
use std::{
    fs,
    path::PathBuf,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use tokio::runtime::Runtime;

const PATH: &str = "bench/value.json";

/// Which processes there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Setup {
    /// Everything in one.
    Up,
    /// Server, store and agent; the server coordinates.
    Embedded,
    /// Server, store and agent; ZooKeeper coordinates.
    ZooKeeper,
}

/// One process.
pub(crate) struct Part {
    /// Its role.
    pub(crate) name: &'static str,
    pid: u32,
}

/// See the module.
pub(crate) struct Rig {
    parts: Vec<Part>,
    metrics: Vec<Rest>,
    git: String,
    root: PathBuf,
    runtime: Runtime,
    client: Client,
    n: u64,
    /// As of the last change: some of what it led to is counted only later.
    timings: Timings,
    readings: Arrivals,
    callbacks: Arrivals,
    _subscription: Subscription<Counter>,
    _reader: ConfigBus,
    processes: Processes,
}

/// Kept alive as long as they are measured; what depends on something else comes first.
struct Processes {
    _bus: Option<Bus>,
    cluster: Option<Cluster>,
    _zookeeper: Option<ZooKeeperFixture>,
}

/// Where a bus is.
struct Place {
    server: String,
    git: String,
    root: PathBuf,
    metrics: Vec<String>,
    parts: Vec<Part>,
    processes: Processes,
}

impl Setup {
    pub(crate) const ALL: [Self; 3] = [Self::Up, Self::Embedded, Self::ZooKeeper];

    /// Returns what it is called in tables.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Up => "configbus up (one process)",
            Self::Embedded => "three processes, embedded coordination",
            Self::ZooKeeper => "three processes, ZooKeeper",
        }
    }

    fn start(self) -> anyhow::Result<Place> {
        match self {
            Self::Up => Ok(Place::of_bus(Bus::start())),
            Self::Embedded => Ok(Place::of_cluster(Cluster::start(&Plan::default()), None)),
            Self::ZooKeeper => {
                let zookeeper = ZooKeeperFixture::single()?;
                let plan = Plan { zookeeper: Some(zookeeper.connect_string()), ..Plan::default() };
                Ok(Place::of_cluster(Cluster::start(&plan), Some(zookeeper)))
            }
        }
    }
}

impl Place {
    fn of_bus(bus: Bus) -> Self {
        Self {
            server: bus.server().to_owned(),
            git: bus.git().to_owned(),
            root: bus.endpoints().agents[0].root.clone(),
            metrics: vec![bus.server().to_owned()],
            parts: vec![Part { name: "configbus up", pid: bus.pid() }],
            processes: Processes { _bus: Some(bus), cluster: None, _zookeeper: None },
        }
    }

    fn of_cluster(mut cluster: Cluster, zookeeper: Option<ZooKeeperFixture>) -> Self {
        let part = |name, role: &mut configbus_tests::cluster::Role| Part { name, pid: role.process().pid() };
        Self {
            parts: vec![
                part("server", &mut cluster.server),
                part("store", &mut cluster.store),
                part("agent", &mut cluster.agent),
            ],
            server: cluster.server.url().to_owned(),
            git: cluster.git(),
            root: cluster.root().to_owned(),
            metrics: [&cluster.server, &cluster.store, &cluster.agent].map(|role| role.url().to_owned()).into(),
            processes: Processes { _bus: None, cluster: Some(cluster), _zookeeper: zookeeper },
        }
    }
}

impl Part {
    /// Returns its memory now.
    pub(crate) fn rss_bytes(&self) -> anyhow::Result<u64> {
        usage::rss_bytes(self.pid)
    }
}

impl Rig {
    /// Starts everything and waits until the host follows.
    pub(crate) fn start(setup: Setup) -> anyhow::Result<Self> {
        let place = setup.start()?;
        Tree::make(FILES)?.push(&place.git)?;
        let on_server = |arguments: &[&str], input: &str| {
            let _ = Run::of(&[arguments, &["--server", &place.server]].concat(), input.as_bytes()).expect_ok();
        };
        on_server(&["put", PATH], &Counter::content(0));
        on_server(&["wait", "r2", "--timeout", "60s"], "");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let client = runtime.block_on(Client::connect(&place.server))?;
        let reader = ConfigBus::open(&place.root)?;
        let subscription = reader.subscribe::<Counter>(PATH)?;
        Ok(Self {
            callbacks: Arrivals::by_callback(&subscription),
            readings: Arrivals::by_reading(place.root.join("current").join(PATH)),
            metrics: place.metrics.iter().map(|url| Rest::new(url)).collect(),
            parts: place.parts,
            git: place.git,
            root: place.root,
            runtime,
            client,
            n: 0,
            timings: Timings::default(),
            _subscription: subscription,
            _reader: reader,
            processes: place.processes,
        })
    }

    /// Returns the URL to clone from.
    pub(crate) fn git(&self) -> &str {
        &self.git
    }

    /// Returns its processes.
    pub(crate) fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Changes the file by compare-and-set, over a connection that is there.
    pub(crate) fn compare_and_set(&mut self) -> anyhow::Result<Sample> {
        let expected = Expected::Id(blob_id(Counter::content(self.n).as_bytes())?);
        let edit = Edit::put(PATH.parse()?, Counter::content(self.n + 1), expected);
        let change = ChangeSet::new("bench").with(edit);
        self.sample(|rig| {
            let landed = rig.runtime.block_on(rig.client.compare_and_set(&change))?;
            ensure!(landed.committed, "nothing was committed");
            Ok(())
        })
    }

    /// Changes the file by `git push`.
    pub(crate) fn push(&mut self, copy: &WorkingCopy) -> anyhow::Result<Sample> {
        copy.write(PATH, Counter::content(self.n + 1));
        copy.commit("bench");
        self.sample(|_| {
            let _ = copy.push().expect_ok();
            Ok(())
        })
    }

    /// Times one change until both who wait for it have seen it.
    fn sample(&mut self, change: impl FnOnce(&Self) -> anyhow::Result<()>) -> anyhow::Result<Sample> {
        self.n += 1;
        let cpu_before = self.cpu()?;
        let (started, started_at) = (Instant::now(), SystemTime::now());
        change(self)?;
        let acknowledged = started.elapsed();
        let readable = self.readings.of(self.n)? - started;
        let called_back = self.callbacks.of(self.n)? - started;
        let cpu = self.cpu()?.into_iter().zip(cpu_before).map(|(after, before)| after - before).collect();
        let record = self.record()?;
        let main = record.namespaces.get(&Namespace::main()).context("the view is empty")?;
        let said = |log: &dyn Fn(&Cluster) -> String, phrase: String| {
            TimeOfDay::said(&log(self.processes.cluster.as_ref()?), &phrase)
        };
        let moments = Moments {
            started: TimeOfDay::of(started_at),
            landed: TimeOfDay::of(UNIX_EPOCH + Duration::from_millis(main.landed_ms)),
            shown: said(&|cluster| cluster.server.output(), format!("landed main {} ", main.revision)),
            mirrored: said(&|cluster| cluster.store.output(), format!("mirror of main is at {} ", main.revision)),
            named: TimeOfDay::of(UNIX_EPOCH + Duration::from_millis(record.flipped_ms)),
        };
        let after = Timings::scrape(&self.metrics);
        let before = std::mem::replace(&mut self.timings, after.clone());
        Ok(Sample { acknowledged, readable, called_back, moments, before, after, cpu })
    }

    fn cpu(&self) -> anyhow::Result<Vec<Duration>> {
        self.parts.iter().map(|part| usage::cpu(part.pid)).collect()
    }

    /// Reads what the host says about what it shows.
    fn record(&self) -> anyhow::Result<ViewRecord> {
        let view = fs::read_link(self.root.join("current"))?;
        let view = view.file_name().and_then(|name| name.to_str()).context("current leads nowhere")?;
        Ok(serde_json::from_slice(&fs::read(self.root.join("views").join(format!("{view}.json")))?)?)
    }
}

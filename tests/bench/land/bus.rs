//! A server alone, as a process of its own, with what it costs.

use super::load::Writer;
use crate::{tree::Tree, usage};
use anyhow::ensure;
use configbus_api::{ChangeSet, Client, Edit, Expected};
use configbus_model::blob_id;
use configbus_tests::{
    cluster::{Cluster, Plan},
    git::git,
    rest::Rest,
};
use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// Connections that writers share: HTTP/2 carries many at once.
pub(crate) const CONNECTIONS_MAX: usize = 8;

pub(crate) struct Bus {
    cluster: Cluster,
    pid: u32,
}

/// What has been used up to a moment.
pub(crate) struct Usage {
    cpu: Duration,
    batches: u64,
    pack_bytes: u64,
    packs: usize,
    rss_bytes: u64,
}

impl Bus {
    /// Starts a server with a tree of so many files.
    pub(crate) fn start(files: usize) -> anyhow::Result<Self> {
        let mut cluster = Cluster::plan(&Plan::default());
        cluster.server.start();
        cluster.server.ready();
        Tree::make(files)?.push(&cluster.git())?;
        let pid = cluster.server.process().pid();
        Ok(Self { cluster, pid })
    }

    pub(crate) fn writers(&self, writers: usize) -> anyhow::Result<Vec<BusWriter>> {
        (0..writers.min(CONNECTIONS_MAX)).map(|_| self.client().map(BusWriter)).collect()
    }

    pub(crate) fn usage(&self) -> anyhow::Result<Usage> {
        let metrics = Rest::new(self.cluster.server.url()).get("/metrics", &[]).body;
        let batches = metrics.lines().find_map(|line| line.strip_prefix("configbus_server_batch_commits_count "));
        let (pack_bytes, packs) = packs(&self.repository().join("objects/pack"))?;
        Ok(Usage {
            cpu: usage::cpu(self.pid)?,
            batches: batches.map_or(Ok(0), str::parse)?,
            pack_bytes,
            packs,
            rss_bytes: usage::rss_bytes(self.pid)?,
        })
    }

    /// Stock Git finds nothing wrong with what came about.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        let output = git(&self.repository()).args(["fsck", "--full", "--strict", "--no-dangling"]).output()?;
        ensure!(output.status.success(), "git fsck: {}", String::from_utf8_lossy(&output.stderr));
        println!("  git fsck --strict: clean");
        Ok(())
    }

    /// Kills the server without warning and returns how long it takes until it says that it is ready again.
    pub(crate) fn killed_to_ready(&mut self) -> Duration {
        self.cluster.server.kill();
        let started = Instant::now();
        self.cluster.server.start();
        self.cluster.server.ready();
        self.pid = self.cluster.server.process().pid();
        started.elapsed()
    }

    /// Returns the URL that Git clones from.
    pub(crate) fn git(&self) -> String {
        self.cluster.git()
    }

    /// Returns a client.
    pub(crate) fn client(&self) -> anyhow::Result<Client> {
        Ok(Client::connect_lazy(self.cluster.server.url())?)
    }

    /// Returns the repository on disk.
    pub(crate) fn repository(&self) -> PathBuf {
        self.cluster.server_data().join("namespaces/main.git")
    }
}

impl Usage {
    /// Returns the difference; of memory and packs what there is now.
    pub(crate) fn since(self, before: &Self) -> Self {
        Self {
            cpu: self.cpu.saturating_sub(before.cpu),
            batches: self.batches - before.batches,
            pack_bytes: self.pack_bytes.saturating_sub(before.pack_bytes),
            ..self
        }
    }

    pub(crate) fn cells(&self, commits: usize) -> [String; 5] {
        let per_commit = |amount: f64| format!("{:.0}", amount / commits.max(1) as f64);
        [
            format!("{:.1}", commits as f64 / self.batches.max(1) as f64),
            per_commit(self.pack_bytes as f64),
            self.packs.to_string(),
            per_commit(self.cpu.as_secs_f64() * 1e6),
            (self.rss_bytes >> 20).to_string(),
        ]
    }
}

/// Bytes of packs that can be found, and how many they are.
fn packs(dir: &Path) -> anyhow::Result<(u64, usize)> {
    let (mut bytes, mut count) = (0, 0);
    for entry in fs::read_dir(dir)? {
        let index = entry?.path();
        if index.extension() != Some("idx".as_ref()) {
            continue;
        }
        // Upkeep may have taken it away meanwhile.
        let Ok(metadata) = fs::metadata(index.with_extension("pack")) else { continue };
        bytes += metadata.len();
        count += 1;
    }
    Ok((bytes, count))
}

#[derive(Clone)]
pub(crate) struct BusWriter(Client);

impl Writer for BusWriter {
    async fn write(&self, path: &str, before: &str, content: &str) -> anyhow::Result<()> {
        let edit = Edit::put(path.parse()?, content, Expected::Id(blob_id(before.as_bytes())?));
        let landed = self.0.compare_and_set(&ChangeSet::new("bench").with(edit)).await?;
        ensure!(landed.committed, "nothing was committed");
        Ok(())
    }
}

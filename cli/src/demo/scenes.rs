//! The scenes of the tour. Each does what a user would do and fails loudly when the bus does not keep its word.

use super::{
    clone::Clone,
    measure::{Reader, Samples},
    stage::{Stage, ms, on_host},
};
use crate::up::Endpoints;
use anyhow::{Context as _, bail, ensure};
use configbus_api::{ApiError, ChangeSet, Client, ConfigPath, Edit, Expected, Landed};
use std::{
    fs,
    path::{Path, PathBuf},
    thread,
    time::Instant,
};
use tokio::runtime::Handle;

const LIMITS: &str = "ads/limits.json";
/// Changes that are timed.
const SAMPLES: u64 = 40;
const PUSHES: u64 = 8;

/// Everybody who takes part.
pub(super) struct Scenes {
    stage: Stage,
    runtime: Handle,
    client: Client,
    ada: Clone,
    /// Clones when there is something to clone.
    bob: Option<Clone>,
    folder: PathBuf,
    git: String,
    root: PathBuf,
    reader: Option<Reader>,
    samples: Samples,
}

impl Scenes {
    pub(super) fn open(folder: &Path, endpoints: &Endpoints, runtime: Handle, stage: Stage) -> anyhow::Result<Self> {
        let client = runtime.block_on(Client::connect(&endpoints.server))?;
        let ada = Clone::of(&endpoints.git, folder, "ada")?;
        let (folder, git) = (folder.to_owned(), endpoints.git.clone());
        let root = endpoints.agents[0].root.clone();
        Ok(Self {
            stage,
            runtime,
            client,
            ada,
            bob: None,
            folder,
            git,
            root,
            reader: None,
            samples: Samples::default(),
        })
    }

    pub(super) fn push(&mut self) -> anyhow::Result<()> {
        self.stage.scene("Configuration is pushed with stock Git and is a file on the host");
        self.ada.commit(LIMITS, "{\"max_bid\": 100}\n", "first limits")?;
        self.stage.command("git push origin HEAD:main");
        self.stage.quote(&self.ada.push()?.expect_landed()?.remote_lines());
        let reader = Reader::open(&self.root, LIMITS)?;
        self.stage.command(&format!("cat {}", on_host(LIMITS)));
        self.stage.good(self.on_host(LIMITS)?.trim());
        self.reader = Some(reader);
        self.bob = Some(Clone::of(&self.git, &self.folder, "bob")?);
        Ok(())
    }

    pub(super) fn live_callback(&mut self) -> anyhow::Result<()> {
        self.stage.scene("A running process is called back");
        self.ada.commit(LIMITS, "{\"max_bid\": 120}\n", "raise the limit")?;
        self.stage.command("git push origin HEAD:main");
        let started = Instant::now();
        self.stage.quote(&self.ada.push()?.expect_landed()?.remote_lines());
        let change = self.reader()?.wait_for(120)?;
        let took = ms(change.at.duration_since(started));
        let values =
            format!("max_bid {} → {}", change.old.map_or_else(|| "none".into(), |old| old.to_string()), change.new);
        self.stage.good(&format!("callback in r{}: {values}, {took} after git was started", change.revision));
        Ok(())
    }

    pub(super) fn bad_push(&mut self) -> anyhow::Result<()> {
        self.stage.scene("What does not parse is refused with its place");
        self.ada.commit(LIMITS, "{\n  \"max_bid\": 130,\n}\n", "oops")?;
        self.stage.command("git push origin HEAD:main");
        let pushed = self.ada.push()?;
        ensure!(!pushed.accepted, "a file that does not parse was accepted");
        self.stage.quote(&pushed.remote_lines());
        self.stage.refused("refused; nothing of it is visible");
        self.ada.take_back()?;
        let still = self.on_host(LIMITS)?;
        ensure!(still.contains("120"), "the host changed: {still}");
        self.stage.good(&format!("{} still says {}", on_host(LIMITS), still.trim()));
        Ok(())
    }

    pub(super) fn compare_and_set(&mut self) -> anyhow::Result<()> {
        self.stage.scene("Automation changes a file only if nobody else did");
        let id = self.runtime.block_on(self.client.get(&path(LIMITS)?, None))?.blob_id();
        let short = format!("{id:.8}");
        self.stage.command(&format!("configbus put {LIMITS} --if-match {short}…   # max_bid 150"));
        let landed = self.set(LIMITS, "{\"max_bid\": 150}\n", Expected::Id(id))?;
        self.stage.good(&format!("landed as {}", landed.head.head.revision));
        self.stage
            .command(&format!("configbus put {LIMITS} --if-match {short}…   # max_bid 160, from the same old id"));
        match self.set(LIMITS, "{\"max_bid\": 160}\n", Expected::Id(id)) {
            Ok(_) => bail!("a stale change was accepted"),
            Err(error) => {
                let conflict = error.conflicts().first().context("a conflict names its path")?;
                self.stage.refused(&format!("conflict, exit code 3: {conflict}"));
            }
        }
        self.reader()?.wait_for(150)?;
        Ok(())
    }

    pub(super) fn race(&mut self) -> anyhow::Result<()> {
        self.stage.scene("Two writers race from stale clones; different files never conflict");
        self.ada.commit("ads/colours.json", "{\"button\": \"green\"}\n", "colours")?;
        let bob = self.bob()?;
        bob.commit("search/ranking.yaml", "boost: 3\n", "ranking")?;
        self.stage.command("git push origin HEAD:main   # ada and bob at the same moment, neither has pulled");
        let (ada, bob) = thread::scope(|scope| {
            let other = scope.spawn(|| bob.push());
            (self.ada.push(), other.join())
        });
        let bob = bob.map_err(|_| anyhow::anyhow!("bob's push broke off"))?;
        for pushed in [ada?, bob?] {
            self.stage.quote(&pushed.expect_landed()?.remote_lines());
        }
        for file in ["ads/colours.json", "search/ranking.yaml"] {
            self.runtime.block_on(self.client.get(&path(file)?, None))?;
        }
        self.stage.good("both landed, neither had to pull");
        Ok(())
    }

    pub(super) fn timings(&mut self) -> anyhow::Result<()> {
        self.stage.scene("How long it takes on this machine");
        for n in 1_000..1_000 + SAMPLES {
            let started = Instant::now();
            self.set(LIMITS, &format!("{{\"max_bid\": {n}}}\n"), Expected::Any)?;
            let acknowledged = Instant::now();
            let called = self.reader()?.wait_for(n)?;
            self.samples.api(started, acknowledged, called.at);
        }
        for n in 2_000..2_000 + PUSHES {
            let bob = self.bob()?;
            bob.commit("search/ranking.yaml", &format!("boost: {n}\n"), "tune")?;
            let started = Instant::now();
            let _ = bob.push()?.expect_landed()?;
            self.samples.push(started.elapsed());
        }
        self.samples.figures().into_iter().for_each(|figure| self.stage.figure(figure));
        self.stage.close()
    }

    fn bob(&self) -> anyhow::Result<&Clone> {
        self.bob.as_ref().context("bob cloned in the first scene")
    }

    fn reader(&mut self) -> anyhow::Result<&mut Reader> {
        self.reader.as_mut().context("the reader was opened in the first scene")
    }

    fn set(&self, file: &str, content: &str, expected: Expected) -> Result<Landed, ApiError> {
        let change =
            ChangeSet::new("tour").with(Edit::put(path(file).expect("it is fixed and valid"), content, expected));
        self.runtime.block_on(self.client.compare_and_set(&change))
    }

    fn on_host(&self, file: &str) -> anyhow::Result<String> {
        Ok(fs::read_to_string(self.root.join("current").join(file))?)
    }
}

fn path(path: &str) -> anyhow::Result<ConfigPath> {
    Ok(path.parse()?)
}

//! A host that follows a tree through the agent's own delivery.

use super::objects::Objects;
use crate::{stats::Samples, usage};
use anyhow::ensure;
use configbus_agent::{
    Moment, Root,
    delivery::{ApplyTimings, Delivery as _, DiskDelivery, DiskOptions},
};
use configbus_model::Layout;
use std::{
    fs, process,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// Changes before the first one that counts.
const WARM_UP: usize = 2;

/// When changes come, by the clock the agent is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// One a second, faster than upkeep.
    Burst,
    /// One every two minutes, with all upkeep in between.
    Calm,
}

/// See the module.
pub(crate) struct Host {
    series: Series,
    pace: Pace,
    now: Moment,
    delivery: DiskDelivery,
    last: Option<(String, String)>,
    folder: TempDir,
}

/// Times of one row.
pub(crate) struct Series {
    /// What it is called.
    pub(crate) name: &'static str,
    /// From the delta to the flip.
    pub(crate) took: Samples,
    /// The same by step: hashing, finding what is new, contents, directories, record, flip.
    pub(crate) steps: [Samples; 6],
    /// Processor time of all changes.
    pub(crate) cpu: Duration,
    /// How long the first revision took.
    pub(crate) fill: Duration,
}

impl Host {
    /// Gives a new host everything, and as many changes as it takes until it is in its stride.
    pub(crate) fn start(name: &'static str, layout: Layout, pace: Pace, objects: &Objects) -> anyhow::Result<Self> {
        let folder = TempDir::with_prefix("host-")?;
        let options = DiskOptions { layout, ..DiskOptions::default() };
        let mut delivery = DiskDelivery::open(Root::new(folder.path()), options, Moment::default())?;
        let snapshot = objects.snapshot()?;
        let started = Instant::now();
        delivery.deliver(&snapshot, Moment::default())?;
        let series = Series {
            name,
            took: Samples::default(),
            steps: Default::default(),
            cpu: Duration::ZERO,
            fill: started.elapsed(),
        };
        Ok(Self { series, pace, now: Moment::default(), delivery, last: None, folder })
    }

    /// Follows a few changes that do not count.
    pub(crate) fn warm_up(&mut self, objects: &mut Objects) -> anyhow::Result<()> {
        let counted = (self.series.took.clone(), self.series.steps.clone(), self.series.cpu);
        (0..WARM_UP).try_for_each(|_| self.follow(objects))?;
        (self.series.took, self.series.steps, self.series.cpu) = counted;
        Ok(())
    }

    /// Times one change.
    pub(crate) fn follow(&mut self, objects: &mut Objects) -> anyhow::Result<()> {
        self.pass_time()?;
        let change = objects.change()?;
        let (started, cpu_before) = (Instant::now(), usage::cpu(process::id())?);
        let applied = self.delivery.deliver(&change.delta, self.now)?;
        let took = started.elapsed();
        self.series.cpu += usage::cpu(process::id())? - cpu_before;
        self.series.add(took, applied.timings);
        self.last = Some((change.path, change.content));
        Ok(())
    }

    /// Returns what was measured, if the host shows what it should.
    pub(crate) fn finish(self) -> anyhow::Result<Series> {
        if let Some((path, content)) = self.last {
            let shown = fs::read_to_string(self.folder.path().join("current").join(path))?;
            ensure!(shown == content, "the host shows {shown:?} instead of {content:?}");
        }
        Ok(self.series)
    }

    fn pass_time(&mut self) -> anyhow::Result<()> {
        self.now = self.now.after(match self.pace {
            Pace::Burst => Duration::from_secs(1),
            Pace::Calm => Duration::from_secs(120),
        });
        while self.pace == Pace::Calm && self.delivery.tidy(self.now)?.more {}
        Ok(())
    }
}

impl Series {
    fn add(&mut self, took: Duration, timings: ApplyTimings) {
        let ApplyTimings { verify, contents, directories, record, flip } = timings;
        let hashing = took.saturating_sub(timings.total());
        for (samples, step) in self.steps.iter_mut().zip([hashing, verify, contents, directories, record, flip]) {
            samples.add(step);
        }
        self.took.add(took);
    }
}

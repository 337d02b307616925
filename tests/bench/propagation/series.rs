//! Times of one way to change a file, by step.

use crate::{metrics::Timings, stats::Samples};
use std::time::Duration;

/// Steps the product measures itself, with what they are.
const STEPS: [(&str, &str); 4] = [
    ("configbus_server_commit_seconds", "· server: taken by the committer → durable and shown"),
    ("configbus_store_fetch_seconds", "· store: pack fetched over gRPC, indexed, mirror moved"),
    ("configbus_agent_apply_seconds", "· agent: delta's arrival → flip"),
    ("configbus_propagation_seconds", "· shown by the server → acknowledged by the host"),
];

/// One change.
#[derive(Debug)]
pub(crate) struct Sample {
    /// Start of the client → its end.
    pub(crate) acknowledged: Duration,
    /// Start of the client → the polling reader has it.
    pub(crate) readable: Duration,
    /// Start of the client → the callback runs.
    pub(crate) called_back: Duration,
    /// Start → landed → flipped, as the view's record tells, in whole milliseconds.
    pub(crate) landed: Duration,
    pub(crate) flipped: Duration,
    /// What the parts had measured after the change before and after this one.
    pub(crate) before: Timings,
    pub(crate) after: Timings,
    /// Processor time of each part.
    pub(crate) cpu: Vec<Duration>,
}

/// Many of them.
#[derive(Debug, Default)]
pub(crate) struct Series {
    /// Start of the client → its end.
    pub(crate) acknowledged: Samples,
    /// End of the client → callback.
    pub(crate) to_callback: Samples,
    to_reader: Samples,
    in_all: Samples,
    landed: Samples,
    flipped: Samples,
    noticed: Samples,
    steps: [Samples; STEPS.len()],
    cpu: Vec<Duration>,
}

impl Series {
    /// Adds a change. What was seen before the client ended counts as no time after its end.
    pub(crate) fn add(&mut self, sample: Sample) {
        self.acknowledged.add(sample.acknowledged);
        self.to_reader.add(sample.readable.saturating_sub(sample.acknowledged));
        self.to_callback.add(sample.called_back.saturating_sub(sample.acknowledged));
        self.in_all.add(sample.called_back);
        self.landed.add(sample.landed);
        self.flipped.add(sample.flipped.saturating_sub(sample.landed));
        self.noticed.add(sample.called_back.saturating_sub(sample.flipped));
        for (samples, (step, _)) in self.steps.iter_mut().zip(STEPS) {
            if let Some((mean, times)) = sample.after.since(&sample.before, step) {
                (0..times).for_each(|_| samples.add(mean));
            }
        }
        self.cpu.resize(sample.cpu.len(), Duration::ZERO);
        self.cpu.iter_mut().zip(sample.cpu).for_each(|(sum, cpu)| *sum += cpu);
    }

    /// Returns the rows of its table.
    pub(crate) fn rows(&self) -> impl Iterator<Item = (&'static str, &Samples)> {
        let seen = [
            ("client's start → acknowledged", &self.acknowledged),
            ("acknowledged → readable on the host", &self.to_reader),
            ("acknowledged → callback", &self.to_callback),
            ("client's start → callback", &self.in_all),
            ("· client's start → landed (the head's time_ms)", &self.landed),
            ("· landed → view named (its record's flipped_ms)", &self.flipped),
            ("· view named → callback", &self.noticed),
        ];
        seen.into_iter().chain(STEPS.iter().map(|(_, name)| *name).zip(&self.steps))
    }

    /// Returns the mean processor time of a change for each part.
    pub(crate) fn cpu_by_part(&self) -> impl Iterator<Item = Duration> {
        let changes = u32::try_from(self.acknowledged.len().max(1)).unwrap_or(u32::MAX);
        self.cpu.iter().map(move |sum| *sum / changes)
    }
}

//! Times of one way to change a file, by step.

use super::log::TimeOfDay;
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
    /// What happened in between.
    pub(crate) moments: Moments,
    /// What the parts had measured after the change before and after this one.
    pub(crate) before: Timings,
    pub(crate) after: Timings,
    /// Processor time of each part.
    pub(crate) cpu: Vec<Duration>,
}

/// When a change was where. A part that logs nothing leaves its moment out.
#[derive(Debug)]
pub(crate) struct Moments {
    /// The client starts.
    pub(crate) started: TimeOfDay,
    /// The server stamps the head with its time, in whole milliseconds.
    pub(crate) landed: TimeOfDay,
    /// The server shows it, durable.
    pub(crate) shown: Option<TimeOfDay>,
    /// The store has it in its mirror.
    pub(crate) mirrored: Option<TimeOfDay>,
    /// The agent has built the view and names it, in whole milliseconds.
    pub(crate) named: TimeOfDay,
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
    shown: Samples,
    mirrored: Samples,
    named_after_mirror: Samples,
    named_after_landing: Samples,
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
        self.add_moments(&sample.moments, sample.called_back);
        for (samples, (step, _)) in self.steps.iter_mut().zip(STEPS) {
            if let Some((mean, times)) = sample.after.since(&sample.before, step) {
                (0..times).for_each(|_| samples.add(mean));
            }
        }
        self.cpu.resize(sample.cpu.len(), Duration::ZERO);
        self.cpu.iter_mut().zip(sample.cpu).for_each(|(sum, cpu)| *sum += cpu);
    }

    fn add_moments(&mut self, at: &Moments, called_back: Duration) {
        self.landed.add(at.landed.since(at.started));
        self.named_after_landing.add(at.named.since(at.landed));
        self.noticed.add(called_back.saturating_sub(at.named.since(at.started)));
        if let (Some(shown), Some(mirrored)) = (at.shown, at.mirrored) {
            self.shown.add(shown.since(at.started));
            self.mirrored.add(mirrored.since(shown));
            self.named_after_mirror.add(at.named.since(mirrored));
        }
    }

    /// Returns the rows of its table.
    pub(crate) fn rows(&self) -> impl Iterator<Item = (&'static str, &Samples)> {
        let seen = [
            ("client's start → acknowledged", &self.acknowledged),
            ("acknowledged → readable on the host", &self.to_reader),
            ("acknowledged → callback", &self.to_callback),
            ("client's start → callback", &self.in_all),
            ("· client's start → landed, by the head's time_ms", &self.landed),
            ("· client's start → durable and shown, by the server's log", &self.shown),
            ("· shown → in the store's mirror, by its log", &self.mirrored),
            ("· in the mirror → view named, by its record's flipped_ms", &self.named_after_mirror),
            ("· landed → view named", &self.named_after_landing),
            ("· view named → callback", &self.noticed),
        ];
        seen.into_iter().chain(STEPS.iter().map(|(_, name)| *name).zip(&self.steps))
    }

    /// Returns how long landing took; the gate is not reported by itself.
    pub(crate) fn landing(&self) -> &Samples {
        &self.steps[0]
    }

    /// Returns the mean processor time of a change for each part.
    pub(crate) fn cpu_by_part(&self) -> impl Iterator<Item = Duration> {
        let changes = u32::try_from(self.acknowledged.len().max(1)).unwrap_or(u32::MAX);
        self.cpu.iter().map(move |sum| *sum / changes)
    }
}

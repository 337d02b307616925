//! Now, in both of the senses the agent needs.

use configbus_runtime::Clock;
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

/// A point in time: the host's clock for what is shown to people, elapsed time for everything that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Moment {
    /// Since the process started counting; never goes back.
    pub elapsed: Duration,
    /// Milliseconds since the Unix epoch by the host's clock, which may be set back.
    pub wall_ms: u64,
}

impl Moment {
    /// Returns the moment `step` later.
    #[must_use]
    pub fn after(self, step: Duration) -> Self {
        let step_ms = u64::try_from(step.as_millis()).unwrap_or(u64::MAX);
        Self { elapsed: self.elapsed.saturating_add(step), wall_ms: self.wall_ms.saturating_add(step_ms) }
    }
}

/// Tells moments.
#[derive(Clone)]
pub(crate) struct Timeline {
    clock: Arc<dyn Clock>,
    started: Instant,
}

impl Timeline {
    pub(crate) fn start(clock: Arc<dyn Clock>) -> Self {
        Self { clock, started: Instant::now() }
    }

    pub(crate) fn now(&self) -> Moment {
        Moment { elapsed: self.started.elapsed(), wall_ms: self.clock.now_ms() }
    }

    /// Returns the instant at which this much time has elapsed.
    pub(crate) fn instant(&self, elapsed: Duration) -> Instant {
        self.started + elapsed
    }
}

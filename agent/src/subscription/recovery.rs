//! What to do after updates that failed. Pure.

use super::Failure;
use crate::delivery::Remedy;
use configbus_runtime::Backoff;
use std::time::Duration;

const RETRY_MIN: Duration = Duration::from_millis(500);
const RETRY_MAX: Duration = Duration::from_secs(60);

/// Failures after which a difference is not asked for any more.
const ATTEMPTS_BEFORE_FULL: u32 = 2;

/// The way back from failed updates.
#[derive(Debug)]
pub(crate) struct Recovery {
    failures: u32,
    backoff: Backoff,
    retry_at: Option<Duration>,
    full: bool,
}

/// What a failure asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Say at once what is held.
    Now,
    /// Say it after a while.
    Later,
    /// Another store may do better.
    Elsewhere,
}

impl Recovery {
    pub(crate) fn new() -> Self {
        Self { failures: 0, backoff: Backoff::new(RETRY_MIN, RETRY_MAX), retry_at: None, full: false }
    }

    /// Asks for everything from now on, until something was delivered.
    pub(crate) fn ask_for_everything(&mut self) {
        self.full = true;
    }

    /// Returns whether everything is to be asked for.
    pub(crate) fn wants_everything(&self) -> bool {
        self.full
    }

    /// Returns when to ask again.
    pub(crate) fn retry_at(&self) -> Option<Duration> {
        self.retry_at
    }

    /// Decides after an update failed.
    pub(crate) fn failed(&mut self, failure: &Failure, was_full: bool, now: Duration) -> Step {
        self.failures += 1;
        let repeated = self.failures >= ATTEMPTS_BEFORE_FULL;
        self.full |= failure.remedy == Remedy::FullSync || (failure.remedy == Remedy::AskAgain && repeated);
        let step = match failure.remedy {
            Remedy::Later => Step::Later,
            Remedy::FullSync if !was_full => Step::Now,
            Remedy::AskAgain if !repeated => Step::Now,
            Remedy::FullSync | Remedy::AskAgain => Step::Elsewhere,
        };
        self.retry_at = (step != Step::Now).then(|| now + self.backoff.next());
        step
    }

    /// Notes that what is held was said.
    pub(crate) fn asked(&mut self) {
        self.retry_at = None;
    }

    /// Notes that an update was delivered.
    pub(crate) fn delivered(&mut self) {
        *self = Self::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(remedy: Remedy) -> Failure {
        Failure { remedy, reason: String::new() }
    }

    #[test]
    fn missing_objects_bring_a_full_sync_at_once_and_then_patience() {
        let mut recovery = Recovery::new();
        assert_eq!(recovery.failed(&failure(Remedy::FullSync), false, Duration::ZERO), Step::Now);
        assert!(recovery.wants_everything());
        assert_eq!(recovery.failed(&failure(Remedy::FullSync), true, Duration::ZERO), Step::Elsewhere);
        assert!(recovery.retry_at().is_some_and(|at| at <= RETRY_MIN));
        recovery.delivered();
        assert!(!recovery.wants_everything() && recovery.retry_at().is_none());
    }

    #[test]
    fn broken_updates_are_asked_for_again_once() {
        let mut recovery = Recovery::new();
        assert_eq!(recovery.failed(&failure(Remedy::AskAgain), false, Duration::ZERO), Step::Now);
        assert!(!recovery.wants_everything());
        assert_eq!(recovery.failed(&failure(Remedy::AskAgain), false, Duration::ZERO), Step::Elsewhere);
        assert!(recovery.wants_everything());
    }

    #[test]
    fn a_full_disk_is_tried_again_later_with_the_same_difference() {
        let mut recovery = Recovery::new();
        for _ in 0..20 {
            assert_eq!(recovery.failed(&failure(Remedy::Later), false, Duration::ZERO), Step::Later);
        }
        assert!(!recovery.wants_everything());
        assert!(recovery.retry_at().is_some_and(|at| at >= RETRY_MAX / 2 && at <= RETRY_MAX));
    }
}

//! How many retries all calls of a client together may make.
//!
//! When a server is down for everybody, retries multiply the load on whatever is left. The budget lets a burst through
//! and then only a share of the calls: what a client may ask twice grows with what it asks once, and slowly with time.

use std::time::{Duration, Instant};

/// Token bucket of retries.
#[derive(Debug)]
pub(crate) struct RetryBudget {
    tokens: f64,
    refilled: Instant,
}

impl RetryBudget {
    const TOKENS_MAX: f64 = 20.0;
    const PER_CALL: f64 = 0.2;
    const PER_SECOND: f64 = 1.0;

    pub(crate) fn full(now: Instant) -> Self {
        Self { tokens: Self::TOKENS_MAX, refilled: now }
    }

    /// Counts a call.
    pub(crate) fn deposit(&mut self) {
        self.tokens = (self.tokens + Self::PER_CALL).min(Self::TOKENS_MAX);
    }

    /// Returns whether one retry may be made, and takes it.
    pub(crate) fn withdraw(&mut self, now: Instant) -> bool {
        let idle: Duration = now.saturating_duration_since(self.refilled);
        self.tokens = (self.tokens + idle.as_secs_f64() * Self::PER_SECOND).min(Self::TOKENS_MAX);
        self.refilled = now;
        let allowed = self.tokens >= 1.0;
        if allowed {
            self.tokens -= 1.0;
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_only_a_share_of_the_calls() {
        let now = Instant::now();
        let mut budget = RetryBudget::full(now);
        assert_eq!((0..100).filter(|_| budget.withdraw(now)).count(), 20);
        let granted = (0..100).filter(|_| {
            budget.deposit();
            budget.withdraw(now)
        });
        assert!((19..=20).contains(&granted.count()));
    }

    #[test]
    fn time_refills_it() {
        let now = Instant::now();
        let mut budget = RetryBudget::full(now);
        while budget.withdraw(now) {}
        assert!(budget.withdraw(now + Duration::from_secs(1)));
        assert!(!budget.withdraw(now + Duration::from_secs(1)));
    }
}

//! Growing delays between attempts, jittered so that many waiters do not come back at once.

use std::time::Duration;

/// Delays that double from `min` to `max`; each is drawn from the upper half of its range.
#[derive(Debug, Clone)]
pub struct Backoff {
    min: Duration,
    max: Duration,
    ceiling: Duration,
}

impl Backoff {
    /// Starts at `min`.
    pub fn new(min: Duration, max: Duration) -> Self {
        Self { min, max: max.max(min), ceiling: min }
    }

    /// Returns how long to wait before the next attempt, and doubles the one after.
    #[expect(clippy::should_implement_trait, reason = "a backoff never ends, so the option of an iterator would lie")]
    pub fn next(&mut self) -> Duration {
        let ceiling = self.ceiling;
        self.ceiling = (ceiling * 2).min(self.max);
        ceiling.mul_f64(0.5 + fastrand::f64() / 2.0)
    }

    /// Starts again after a success.
    pub fn reset(&mut self) {
        self.ceiling = self.min;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_to_the_bound_and_start_again_after_success() {
        let (min, max) = (Duration::from_millis(100), Duration::from_secs(1));
        let mut backoff = Backoff::new(min, max);
        let delays: Vec<_> = (0..8).map(|_| backoff.next()).collect();
        assert!(delays[0] >= min / 2 && delays[0] <= min);
        assert!(delays[7] >= max / 2 && delays[7] <= max);
        backoff.reset();
        assert!(backoff.next() <= min);
    }
}

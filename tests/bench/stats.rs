//! Samples of one figure.

use std::time::{Duration, Instant};

/// Times of one step, in the order they were taken.
#[derive(Debug, Clone, Default)]
pub(crate) struct Samples {
    micros: Vec<u64>,
}

impl Samples {
    /// Adds a sample.
    pub(crate) fn add(&mut self, time: Duration) {
        self.micros.push(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
    }

    /// Does something and adds how long it took.
    pub(crate) fn time<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let started = Instant::now();
        let value = work();
        self.add(started.elapsed());
        value
    }

    /// Returns all of them together.
    pub(crate) fn total(&self) -> Duration {
        Duration::from_micros(self.micros.iter().sum())
    }

    /// Adds the samples of another.
    pub(crate) fn extend(&mut self, other: &Self) {
        self.micros.extend_from_slice(&other.micros);
    }

    /// Returns the time that this share of the samples did not exceed; zero without samples.
    pub(crate) fn percentile(&self, percent: usize) -> Duration {
        let mut sorted = self.micros.clone();
        sorted.sort_unstable();
        let rank = (sorted.len() * percent).div_ceil(100).max(1) - 1;
        Duration::from_micros(sorted.get(rank).copied().unwrap_or(0))
    }

    /// Returns the median.
    pub(crate) fn p50(&self) -> Duration {
        self.percentile(50)
    }

    /// Returns the 99th percentile.
    pub(crate) fn p99(&self) -> Duration {
        self.percentile(99)
    }

    /// Returns how many samples there are.
    pub(crate) fn len(&self) -> usize {
        self.micros.len()
    }

    /// Returns count, median, 99th percentile and longest as cells of a table.
    pub(crate) fn cells(&self) -> [String; 4] {
        [self.len().to_string(), ms(self.p50()), ms(self.p99()), ms(self.percentile(100))]
    }
}

/// Prints milliseconds with as many digits as they deserve.
pub(crate) fn ms(time: Duration) -> String {
    let ms = time.as_secs_f64() * 1e3;
    if ms < 10.0 {
        format!("{ms:.2}")
    } else if ms < 100.0 {
        format!("{ms:.1}")
    } else {
        format!("{ms:.0}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_samples() {
        let mut samples = Samples::default();
        assert_eq!(samples.p50(), Duration::ZERO);
        (1..=100).for_each(|ms| samples.add(Duration::from_millis(ms)));
        assert_eq!((samples.p50(), samples.p99()), (Duration::from_millis(50), Duration::from_millis(99)));
        assert_eq!(samples.percentile(100), Duration::from_millis(100));
    }
}

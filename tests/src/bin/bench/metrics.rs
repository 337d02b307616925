//! Reads `/metrics` of the parts, so that the bench shows the same steps an operator sees.

use configbus_tests::rest::Rest;
use std::{collections::BTreeMap, time::Duration};

/// Sums and counts of every `…_seconds` histogram at one moment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Timings {
    sums: BTreeMap<String, (f64, u64)>,
}

impl Timings {
    /// Scrapes the parts.
    pub(crate) fn scrape(bases: &[&str]) -> Self {
        let mut sums = BTreeMap::<String, (f64, u64)>::new();
        for base in bases {
            let text = Rest::new(base).get("/metrics", &[]).body;
            for (name, value) in text.lines().filter_map(sample) {
                if let Some(name) = name.strip_suffix("_seconds_sum") {
                    sums.entry(name.to_owned()).or_default().0 += value;
                } else if let Some(name) = name.strip_suffix("_seconds_count") {
                    sums.entry(name.to_owned()).or_default().1 += value as u64;
                }
            }
        }
        Self { sums }
    }

    /// Returns the mean of each step since `earlier`, with how often it happened.
    pub(crate) fn since(&self, earlier: &Self) -> Vec<(String, Duration, u64)> {
        let step = |(name, &(sum, count)): (&String, &(f64, u64))| {
            let (sum_before, count_before) = earlier.sums.get(name).copied().unwrap_or_default();
            let times = count.saturating_sub(count_before);
            let mean = Duration::try_from_secs_f64((sum - sum_before) / times as f64).ok()?;
            (times > 0).then(|| (name.clone(), mean, times))
        };
        self.sums.iter().filter_map(step).collect()
    }

    /// Returns the total of one step in seconds.
    pub(crate) fn total(&self, name: &str) -> (f64, u64) {
        self.sums.get(name).copied().unwrap_or_default()
    }
}

fn sample(line: &str) -> Option<(&str, f64)> {
    let (name, value) = line.rsplit_once(' ').filter(|_| !line.starts_with('#'))?;
    Some((name.split('{').next().unwrap_or(name), value.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_exposition_format_are_read() {
        assert_eq!(sample("a_seconds_sum{b=\"c\"} 0.5"), Some(("a_seconds_sum", 0.5)));
        assert_eq!(sample("# HELP a"), None);
    }
}

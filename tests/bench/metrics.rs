//! Reads `/metrics` of the parts, so that the bench shows the same steps an operator sees.

use configbus_tests::rest::Rest;
use std::{collections::BTreeMap, time::Duration};

/// Sums in seconds and counts of every `…_seconds` histogram at one moment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Timings {
    sums: BTreeMap<String, (f64, u64)>,
}

impl Timings {
    /// Scrapes parts; one metric is not in two of them.
    pub(crate) fn scrape(parts: &[Rest]) -> Self {
        let mut sums = BTreeMap::<String, (f64, u64)>::new();
        for part in parts {
            let text = part.get("/metrics", &[]).body;
            for (name, value) in text.lines().filter_map(sample) {
                if let Some(name) = name.strip_suffix("_sum").filter(|name| name.ends_with("_seconds")) {
                    sums.entry(name.to_owned()).or_default().0 += value;
                } else if let Some(name) = name.strip_suffix("_count").filter(|name| name.ends_with("_seconds")) {
                    sums.entry(name.to_owned()).or_default().1 += value as u64;
                }
            }
        }
        Self { sums }
    }

    /// Returns the mean time of a step since `earlier` and how often it was taken; `None` if it was not.
    pub(crate) fn since(&self, earlier: &Self, step: &str) -> Option<(Duration, u64)> {
        let (sum, count) = self.sums.get(step)?;
        let (sum_before, count_before) = earlier.sums.get(step).copied().unwrap_or_default();
        let times = count.checked_sub(count_before).filter(|times| *times > 0)?;
        Some((Duration::try_from_secs_f64((sum - sum_before) / times as f64).ok()?, times))
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

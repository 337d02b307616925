//! The design's budgets, held against what was measured.

use crate::stats::ms;
use std::time::Duration;

/// Says whether a time keeps its budget.
pub(crate) fn at_most(name: &str, found: Duration, most_ms: u64) -> String {
    let verdict = if found <= Duration::from_millis(most_ms) { "met" } else { "MISSED" };
    format!("{name} {} ≤ {most_ms} ms: {verdict}", ms(found))
}

/// Says whether a ratio is as large as its budget asks.
pub(crate) fn at_least(name: &str, found: f64, least: f64) -> String {
    let verdict = if found >= least { "met" } else { "MISSED" };
    format!("{name} {found:.1}× ≥ {least}×: {verdict}")
}

/// Says whether a ratio is as small as its budget asks.
pub(crate) fn within(name: &str, found: f64, most: f64) -> String {
    let verdict = if found <= most { "met" } else { "MISSED" };
    format!("{name} {found:.1}× ≤ {most:.0}×: {verdict}")
}

/// Returns how many times longer one time is than another.
pub(crate) fn ratio(longer: Duration, shorter: Duration) -> f64 {
    longer.as_secs_f64() / shorter.as_secs_f64().max(f64::EPSILON)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_names_figure_and_budget() {
        assert_eq!(at_most("p50", Duration::from_millis(61), 60), "p50 61.0 ≤ 60 ms: MISSED");
        assert_eq!(at_least("rsync -c", 120.0, 100.0), "rsync -c 120.0× ≥ 100×: met");
        assert_eq!(within("100,000 files", 1.5, 2.0), "100,000 files 1.5× ≤ 2×: met");
    }
}

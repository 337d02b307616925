//! What a process costs, as the kernel counts it.

use std::{fs, time::Duration};

/// Kernel's clock ticks a second, the same on every Linux that Rust runs on.
const TICKS_PER_SECOND: f64 = 100.0;

/// CPU and memory of a process so far.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Usage {
    /// User and system time.
    pub(crate) cpu: Duration,
    /// Resident memory now.
    pub(crate) rss_bytes: u64,
}

impl Usage {
    /// Reads `/proc`. The process is alive.
    pub(crate) fn of(pid: u32) -> anyhow::Result<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        // The program's name may hold anything, so fields are counted after its closing parenthesis.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks: f64 =
            fields.get(11..13).unwrap_or_default().iter().filter_map(|field| field.parse::<f64>().ok()).sum();
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        let rss = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
        let rss_kib: u64 = rss.trim().trim_end_matches(" kB").parse().unwrap_or(0);
        Ok(Self { cpu: Duration::from_secs_f64(ticks / TICKS_PER_SECOND), rss_bytes: rss_kib * 1024 })
    }
}

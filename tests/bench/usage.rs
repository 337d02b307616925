//! What a process costs, as the kernel counts it.

use anyhow::Context as _;
use std::{fs, process, time::Duration};

/// Kernel's clock ticks a second, the same on every Linux that Rust runs on.
const TICKS_PER_SECOND: f64 = 100.0;

/// Places in `/proc/<pid>/stat` after the program's name: user and system time of the process, then of its children.
const OWN: std::ops::Range<usize> = 11..13;
const CHILDREN: std::ops::Range<usize> = 13..15;

/// Returns user and system time of a living process.
pub(crate) fn cpu(pid: u32) -> anyhow::Result<Duration> {
    ticks(pid, OWN)
}

/// Returns user and system time of all processes this one started and waited for.
pub(crate) fn cpu_of_children() -> anyhow::Result<Duration> {
    ticks(process::id(), CHILDREN)
}

/// Returns the resident memory of a living process.
pub(crate) fn rss_bytes(pid: u32) -> anyhow::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
}

fn ticks(pid: u32, fields: std::ops::Range<usize>) -> anyhow::Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The program's name may hold anything, so fields are counted after its closing parenthesis.
    let all: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks: f64 =
        all.get(fields).context("stat is short")?.iter().filter_map(|field| field.parse::<f64>().ok()).sum();
    Ok(Duration::from_secs_f64(ticks / TICKS_PER_SECOND))
}

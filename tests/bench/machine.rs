//! What the figures were taken on.

use crate::stats::{Samples, ms};
use anyhow::Context as _;
use std::{
    env,
    fs::{self, File},
    io::Write as _,
    thread,
    time::Instant,
};
use tempfile::TempDir;

const SYNCS: usize = 100;

/// Names of file systems by the number `statfs` gives them.
const FILE_SYSTEMS: [(i64, &str); 5] = [
    (0xef53, "ext4"),
    (0x5846_5342, "xfs"),
    (0x9123_683e, "btrfs"),
    (0x0102_1994, "tmpfs"),
    (0x794c_7630, "overlayfs"),
];

/// Prints the machine's facts.
pub(crate) fn print() -> anyhow::Result<()> {
    let cpus = thread::available_parallelism().map_or(0, usize::from);
    let profile = if cfg!(debug_assertions) { "debug build: the figures say nothing" } else { "release build" };
    println!("{cpus} CPUs ({}), Linux {}, {profile}", model(), read("/proc/sys/kernel/osrelease"));
    let syncs = time_syncs()?;
    println!(
        "{} in {}, fdatasync of 4 KiB p50 {} ms, p99 {} ms",
        file_system()?,
        env::temp_dir().display(),
        ms(syncs.p50()),
        ms(syncs.p99()),
    );
    println!("load average at the start: {}", load());
    Ok(())
}

/// Returns the load averages of 1, 5 and 15 minutes.
pub(crate) fn load() -> String {
    read("/proc/loadavg").split(' ').take(3).collect::<Vec<_>>().join(" ")
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default().trim().to_owned()
}

fn model() -> String {
    let info = read("/proc/cpuinfo");
    let model = info.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("unknown");
    model.trim_start_matches(['\t', ' ', ':']).to_owned()
}

fn file_system() -> anyhow::Result<&'static str> {
    let kind = rustix::fs::statfs(env::temp_dir()).context("the temporary folder cannot be looked at")?.f_type;
    let name = FILE_SYSTEMS.iter().find(|(number, _)| i128::from(*number) == i128::from(kind)).map(|(_, name)| *name);
    Ok(match name {
        Some("tmpfs") => "tmpfs, which syncs nothing: set TMPDIR to a disk;",
        name => name.unwrap_or("an unknown file system"),
    })
}

fn time_syncs() -> anyhow::Result<Samples> {
    let folder = TempDir::with_prefix("sync-")?;
    let mut file = File::create(folder.path().join("file"))?;
    let mut samples = Samples::default();
    for _ in 0..SYNCS {
        file.write_all(&[1; 4096])?;
        let started = Instant::now();
        file.sync_data()?;
        samples.add(started.elapsed());
    }
    Ok(samples)
}

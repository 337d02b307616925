//! What waiting for this disk costs at least: the floor under every durable change.

use crate::{stats::Samples, table::Table};
use std::{
    fs::{self, File},
    os::unix::fs::FileExt as _,
    path::Path,
    time::Instant,
};
use tempfile::TempDir;

const ROUNDS: u64 = 200;
const BYTES: usize = 64 << 10;
const FILE_BYTES: u64 = 16 << 20;

/// Measures the syncs that a landing may be made of, one after the other.
pub(crate) fn print() -> anyhow::Result<()> {
    let folder = TempDir::with_prefix("disk-")?;
    let content = vec![7; BYTES];
    let file = File::create_new(folder.path().join("journal"))?;
    file.write_all_at(&vec![0; usize::try_from(FILE_BYTES)?], 0)?;
    file.sync_all()?;
    let overwrite = |round: u64| {
        file.write_all_at(&content, round * BYTES as u64 % FILE_BYTES)?;
        file.sync_data()
    };
    let create = |round: u64| create(folder.path(), round, &content);
    let mut table = Table::new("this disk, 64 KiB at a time", ["", "p50 ms", "p99 ms", "max ms"]);
    for (name, times) in
        [("overwrite and fdatasync", series(overwrite)?), ("new file, rename, both synced", series(create)?)]
    {
        let [_, p50, p99, max] = times.cells();
        table.row(name, [p50, p99, max]);
    }
    table.print();
    Ok(())
}

fn create(folder: &Path, round: u64, content: &[u8]) -> std::io::Result<()> {
    let (path, name) = (folder.join("new"), folder.join(round.to_string()));
    let file = File::create_new(&path)?;
    file.write_all_at(content, 0)?;
    file.sync_all()?;
    fs::rename(path, name)?;
    File::open(folder)?.sync_all()
}

fn series(mut wait: impl FnMut(u64) -> std::io::Result<()>) -> std::io::Result<Samples> {
    let mut times = Samples::default();
    for round in 0..ROUNDS {
        let started = Instant::now();
        wait(round)?;
        times.add(started.elapsed());
    }
    Ok(times)
}

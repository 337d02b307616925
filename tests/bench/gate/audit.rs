//! What the audit log adds to a compare-and-set: the same changes with the log on the disk, and in memory, where syncing
//! costs nothing. There is no way to run without one.

use crate::{
    budget,
    progress::Progress,
    stats::{Samples, ms},
    table::Table,
};
use configbus_tests::{
    cluster::{Cluster, Plan},
    rest::Rest,
};
use std::{path::Path, time::Instant};
use tempfile::TempDir;

/// Where files are in memory.
const MEMORY: &str = "/dev/shm";

pub(crate) fn run(samples: u64) -> anyhow::Result<()> {
    if !Path::new(MEMORY).is_dir() {
        println!("  {MEMORY} is not there, so that the audit log cannot be kept in memory for comparison");
        return Ok(());
    }
    let in_memory = TempDir::with_prefix_in("audit-", MEMORY)?;
    let open = "auth = \"none\"\n";
    let settings = format!("{open}[audit]\nfile = \"{}\"\n", in_memory.path().join("audit.jsonl").display());
    let on_disk =
        changes("audit log on the disk", &Plan { server_settings: Some(open.to_owned()), ..Plan::default() }, samples)?;
    let plan = Plan { server_settings: Some(settings), ..Plan::default() };
    let in_memory = changes("audit log in memory", &plan, samples)?;
    let mut table = Table::new("PUT of one file, one after the other", ["ms", "n", "p50", "p99", "max"]);
    table.row("audit log on the disk, synced before each answer", on_disk.cells());
    table.row("audit log in memory", in_memory.cells());
    table.print();
    let added = on_disk.p50().saturating_sub(in_memory.p50());
    println!("  the audit log adds {} ms, {:.2}×", ms(added), budget::ratio(on_disk.p50(), in_memory.p50()));
    Ok(())
}

fn changes(name: &str, plan: &Plan, samples: u64) -> anyhow::Result<Samples> {
    let cluster = Cluster::start(plan);
    let (rest, progress) = (Rest::new(cluster.server.url()), Progress::counting(name, samples));
    let mut times = Samples::default();
    for number in 0..super::WARM_UP + samples {
        let started = Instant::now();
        let answer = rest.put("/v1/files/bench/value.json", &[], format!("{{\"n\": {number}}}\n"));
        let took = started.elapsed();
        anyhow::ensure!(matches!(answer.status, 200 | 201), "{}: {}", answer.status, answer.body);
        if number >= super::WARM_UP {
            times.add(took);
            progress.step();
        }
    }
    Ok(times)
}

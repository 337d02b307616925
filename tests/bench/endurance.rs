//! Many small changes through the API: whether a write costs as much at the end as at the beginning, what is on disk, whether
//! stock Git finds nothing wrong and can clone, and how soon a killed server is back.

use crate::{
    budget,
    land::{
        bus::Bus,
        load::{Load, Outcome, Until},
    },
    progress::Progress,
    stats::ms,
    table::Table,
};
use anyhow::ensure;
use configbus_tests::git::WorkingCopy;
use std::time::Instant;
use tokio::runtime::Runtime;

const FILES: usize = 1_000;
const WRITERS: usize = 64;
/// Writes at the beginning and at the end that are held against each other.
const COMPARED: usize = 1_000;
/// How much slower the last may be.
const SLOWER_MAX: f64 = 2.0;
const READY_MS_MAX: u64 = 2_000;

pub(crate) fn run(commits: u64) -> anyhow::Result<()> {
    println!("\nEndurance: {commits} compare-and-sets on {FILES} files by {WRITERS} writers.");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    // Connections belong to a runtime, also those that are made when they are needed.
    let _entered = runtime.enter();
    let mut bus = Bus::start(FILES)?;
    write(&bus, usize::try_from(commits)?, &runtime)?;
    bus.check()?;
    let cloning = Progress::waiting("cloning");
    let started = Instant::now();
    let clone = WorkingCopy::clone(&bus.git(), &["--bare"]);
    let cloned = started.elapsed();
    drop(cloning);
    let count: u64 = clone.git(&["rev-list", "--count", "main"]).expect_ok().stdout.trim().parse()?;
    ensure!(count > commits, "the clone has {count} commits");
    println!("  git clone: {} ms", ms(cloned));
    let ready = bus.killed_to_ready();
    println!("  budget, kill -9: {}", budget::at_most("ready again", ready, READY_MS_MAX));
    Ok(())
}

/// Writes as many commits, and compares the first with the last.
fn write(bus: &Bus, commits: usize, runtime: &Runtime) -> anyhow::Result<()> {
    let load = Load::new(FILES);
    let connections = bus.writers(WRITERS)?;
    let mut table = Table::new(
        "compare-and-set, one commit each",
        ["", "commits/s", "p50 ms", "p99 ms", "max ms", "batch", "bytes/commit", "packs", "CPU µs/commit", "RSS MiB"],
    );
    let mut row = |name: &str, writes: usize| -> anyhow::Result<Outcome> {
        let progress = Progress::waiting(&format!("{writes} commits"));
        let before = bus.usage()?;
        let outcome = runtime.block_on(load.run(WRITERS, &connections, Until::Written(writes)))?;
        let cost = bus.usage()?.since(&before);
        drop(progress);
        let [_, p50, p99, max] = outcome.times.cells();
        let rate = [format!("{:.0}", outcome.per_second()), p50, p99, max];
        table.row(format!("{name} {writes}"), rate.into_iter().chain(cost.cells(outcome.done())));
        Ok(outcome)
    };
    let first = row("first", COMPARED)?;
    let between = row("next", commits - 2 * COMPARED)?;
    let last = row("last", COMPARED)?;
    table.print();
    let slower = budget::ratio(last.times.p99(), first.times.p99());
    println!("  budget: {}", budget::within("last p99 ÷ first", slower, SLOWER_MAX));
    let slower = budget::ratio(last.times.p99(), between.times.p99());
    println!("  last p99 ÷ that between: {slower:.1}×");
    Ok(())
}

//! Durable changes a second: many writers on files of their own, beside etcd on the same disk in the same run, and beside
//! what plain Git does.
//!
//! Every write is one request over gRPC by a writer that waits for its answer: a compare-and-set of one file against the
//! content it had before, one commit each, and for etcd a put of the same bytes, synced as etcd does by default. Load and
//! servers share the machine, so ratios count.

pub(crate) mod bus;
mod etcd;
pub(crate) mod load;
mod plain_git;

use crate::{
    budget, disk,
    progress::Progress,
    stats::{Samples, ms},
    table::Table,
};
use bus::Bus;
use etcd::Etcd;
use load::{Load, Outcome, Until};
use std::time::Duration;

/// Where the budget is set.
const BUDGET_FILES: usize = 100_000;
const BUDGET_WRITERS: usize = 64;
const BUDGET_RATIO: f64 = 1.5;
const BUDGET_P99_MS: u64 = 50;

/// What to measure.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) sizes: Vec<u64>,
    pub(crate) writers: Vec<u64>,
    pub(crate) seconds: u64,
}

pub(crate) fn run(plan: &Plan) -> anyhow::Result<()> {
    println!("\nLanding: writers on files of their own, {} s a row, each waits for its answer.", plan.seconds);
    disk::print()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    for &files in &plan.sizes {
        measure(usize::try_from(files)?, plan, &runtime)?;
    }
    plain_git::run(plan.seconds)
}

/// One row of ours and the row of etcd that was taken right after it.
fn measure(files: usize, plan: &Plan, runtime: &tokio::runtime::Runtime) -> anyhow::Result<()> {
    // Connections belong to a runtime, also those that are made when they are needed.
    let _entered = runtime.enter();
    let preparing = Progress::waiting(&format!("{files} files: preparing"));
    let bus = Bus::start(files)?;
    let etcd = Etcd::start()?;
    drop(preparing);
    let header =
        ["", "commits/s", "p50 ms", "p99 ms", "max ms", "batch", "bytes/commit", "packs", "CPU µs/commit", "RSS MiB"];
    let mut ours = Table::new(format!("{files} files: compare-and-set, one commit each"), header);
    let mut theirs =
        Table::new("etcd on the same disk: puts", ["", "puts/s", "p50 ms", "p99 ms", "max ms", "ours ÷ etcd"]);
    let mut verdict = None;
    let (our_load, their_load) = (Load::new(files), Load::new(files));
    let until = Until::Passed(Duration::from_secs(plan.seconds));
    for &writers in &plan.writers {
        let writers = usize::try_from(writers)?;
        rustix::fs::sync();
        let before = bus.usage()?;
        let progress = Progress::waiting(&format!("{files} files, {writers} writers"));
        let landed = runtime.block_on(our_load.run(writers, &bus.writers(writers)?, until))?;
        let cost = bus.usage()?.since(&before);
        rustix::fs::sync();
        let put = runtime.block_on(their_load.run(writers, &etcd.writers(writers)?, until))?;
        drop(progress);
        let cells = rate(&landed).into_iter().chain(cost.cells(landed.done()));
        ours.row(format!("{writers} writers"), cells);
        let ratio = landed.per_second() / put.per_second().max(f64::EPSILON);
        theirs.row(format!("{writers} writers"), rate(&put).into_iter().chain([format!("{ratio:.2}×")]));
        if files >= BUDGET_FILES && writers == BUDGET_WRITERS {
            let ratio = budget::at_least("ours ÷ etcd", ratio, BUDGET_RATIO);
            verdict = Some(format!("{ratio}; {}", budget::at_most("p99", landed.times.p99(), BUDGET_P99_MS)));
        }
    }
    ours.print();
    theirs.print();
    if let Some(verdict) = verdict {
        println!("  budget, {BUDGET_WRITERS} writers: {verdict}");
    }
    bus.check()
}

fn rate(outcome: &Outcome) -> [String; 4] {
    let [_, p50, p99, max] = outcome.times.cells();
    [format!("{:.0}", outcome.per_second()), p50, p99, max]
}

/// A row of changes that took so long each, by so many at once.
fn slow_row(table: &mut Table, name: &str, times: &Samples, took: Duration) {
    let rate = times.len() as f64 / took.as_secs_f64();
    table.row(name, [format!("{rate:.1}"), ms(times.p50()), ms(times.p99()), ms(times.percentile(100))]);
}

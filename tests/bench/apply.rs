//! One changed file in trees of several sizes: what it costs on a host, beside rsync and Git on the same files.
//!
//! Ours is the agent's own delivery, called as the agent calls it: from the decoded delta in memory to the flip, hashing
//! and every sync included. In the layout `plain` the next view is prepared in quiet times, so that a change after some
//! quiet costs its difference; changes that follow each other at once each build a view. Both are shown.

mod host;
mod objects;

use crate::{
    budget,
    peers::Peer,
    progress::Progress,
    stats::{Samples, ms},
    table::Table,
    tree::Tree,
};
use anyhow::ensure;
use configbus_model::Layout;
use host::{Host, Pace, Series};
use objects::Objects;
use std::time::{Duration, Instant};

/// A row takes no longer than this, but for its first [`SAMPLES_MIN`].
const ROW_TIME_MAX: Duration = Duration::from_secs(30);
const SAMPLES_MIN: u64 = 10;

/// The size the budgets beside the peers are set for.
const BUDGET_FILES: usize = 100_000;

/// Ways to follow, fastest first; ratios are to each of them.
const OURS: [(&str, Layout, Pace); 3] = [
    ("linked", Layout::Linked, Pace::Burst),
    ("plain, after some quiet", Layout::Plain, Pace::Calm),
    ("plain, one after the other", Layout::Plain, Pace::Burst),
];

pub(crate) fn run(sizes: &[u64], samples: u64) -> anyhow::Result<()> {
    println!("\nApply: one changed file, from the delta's arrival to the flip, everything synced. Peers sync nothing.");
    let mut all = Vec::new();
    for &files in sizes {
        let ours = measure(usize::try_from(files)?, samples)?;
        all.push((files, ours));
    }
    if let [(fewest, small), .., (most, large)] = &all[..] {
        println!("\nFrom {fewest} to {most} files, p50 (budget: within 2×)");
        for (name, small, large) in small.iter().zip(large).map(|(a, b)| (a.name, &a.took, &b.took)) {
            println!("  {name}: {}", budget::within("", budget::ratio(large.p50(), small.p50()), 2.0).trim());
        }
    }
    Ok(())
}

/// Measures one size and prints its tables.
fn measure(files: usize, samples: u64) -> anyhow::Result<Vec<Series>> {
    let preparing = Progress::waiting(&format!("{files} files: preparing"));
    let mut tree = Tree::make(files)?;
    let mut objects = Objects::new(files)?;
    ensure!(objects.head()?.tree.to_string() == tree.id()?, "Git sees other files");
    let mut peers = Peer::all(&tree)?;
    drop(preparing);
    let mut ours = Vec::new();
    for (name, layout, pace) in OURS {
        let preparing = Progress::waiting(&format!("{files} files, {name}: preparing"));
        let mut host = Host::start(name, layout, pace, &objects)?;
        host.warm_up(&mut objects)?;
        drop(preparing);
        settle();
        sample(&format!("{files} files, {name}"), samples, || host.follow(&mut objects))?;
        ours.push(host.finish()?);
    }
    for peer in &mut peers {
        settle();
        let name = format!("{files} files, {}", peer.name);
        sample(&name, samples, || tree.change().and_then(|()| peer.follow(&tree)))?;
    }
    compare(files, &ours, &peers);
    steps(files, &ours);
    Ok(ours)
}

/// Writes back what preparation left, so that nobody pays for it while being timed.
fn settle() {
    rustix::fs::sync();
}

fn sample(name: &str, samples: u64, mut one: impl FnMut() -> anyhow::Result<()>) -> anyhow::Result<()> {
    let (progress, started) = (Progress::counting(name, samples), Instant::now());
    for taken in 0..samples {
        if taken >= SAMPLES_MIN && started.elapsed() > ROW_TIME_MAX {
            break;
        }
        one()?;
        progress.step();
    }
    Ok(())
}

fn compare(files: usize, ours: &[Series], peers: &[Peer; 3]) {
    let header = ["ms", "n", "p50", "p99", "max", "CPU", "÷ linked", "÷ plain, quiet", "÷ plain, burst"];
    let mut table = Table::new(format!("{files} files, one changes"), header);
    let mut row = |name: &str, samples: &Samples, cpu: Duration| {
        let mean = cpu / u32::try_from(samples.len().max(1)).unwrap_or(u32::MAX);
        let ratios = ours.iter().map(|ours| format!("{:.1}×", budget::ratio(samples.p50(), ours.took.p50())));
        table.row(name, samples.cells().into_iter().chain([ms(mean)]).chain(ratios));
    };
    ours.iter().for_each(|ours| row(&format!("configbus, {}", ours.name), &ours.took, ours.cpu));
    peers.iter().for_each(|peer| row(peer.name, &peer.samples, peer.cpu));
    table.print();
    if files >= BUDGET_FILES {
        verdicts(ours, peers);
    }
}

fn verdicts(ours: &[Series], peers: &[Peer; 3]) {
    let [checksums, _, reset] = peers;
    for ours in ours {
        let times = |peer: &Peer| budget::ratio(peer.samples.p50(), ours.took.p50());
        let checksums = budget::at_least("rsync -c", times(checksums), 100.0);
        let reset = budget::at_least("git", times(reset), 30.0);
        println!("  budget, {}: {checksums}; {reset}", ours.name);
    }
}

fn steps(files: usize, ours: &[Series]) {
    let header = ["ms, p50", "hash", "find what is new", "contents", "directories", "record", "flip", "first fill"];
    let mut table = Table::new(format!("{files} files: where the time goes"), header);
    for ours in ours {
        let steps = ours.steps.iter().map(Samples::p50).chain([ours.fill]);
        table.row(ours.name, steps.map(ms));
    }
    table.print();
}

//! From a change to a callback in a running process on a host: real processes, stock Git, real ZooKeeper.

mod arrivals;
mod log;
mod rig;
mod series;

use crate::{
    budget,
    content::{content_of, path_of},
    progress::Progress,
    stats::{Samples, ms},
    table::Table,
    tree::Tree,
};
use configbus_tests::git::WorkingCopy;
use rig::{Rig, Setup};
use series::Series;
use std::time::{Duration, Instant};

/// Files beside the one that changes.
const FILES: usize = 1_000;

/// Changes before the first one that counts.
const WARM_UP: u64 = 5;

pub(crate) fn run(samples: u64) -> anyhow::Result<()> {
    println!("\nPropagation: one of {FILES} files changes, one change after the other, layout plain, one host.");
    println!(
        "A reader polls the file every {} µs; a callback runs in the bench's process.",
        arrivals::POLL.as_micros()
    );
    for setup in Setup::ALL {
        let starting = Progress::waiting(&format!("starting {}", setup.name()));
        let mut rig = Rig::start(setup)?;
        drop(starting);
        let by_set = measure(&format!("compare-and-set, {}", setup.name()), samples, || rig.compare_and_set())?;
        report(&format!("compare-and-set over gRPC, {}", setup.name()), &by_set, &rig)?;
        if setup == Setup::ZooKeeper {
            verdict(&[("p50", by_set.to_callback.p50(), 60), ("p99", by_set.to_callback.p99(), 250)]);
        }
        let copy = WorkingCopy::clone(rig.git(), &[]);
        let by_push = measure(&format!("git push, {}", setup.name()), samples, || rig.push(&copy))?;
        report(&format!("git push over HTTP, {}", setup.name()), &by_push, &rig)?;
        verdict(&[("p50", by_push.acknowledged.p50(), 150), ("landing alone p50", by_push.landing().p50(), 40)]);
    }
    floor(samples)
}

fn verdict(figures: &[(&str, Duration, u64)]) {
    let verdicts: Vec<_> = figures.iter().map(|(name, found, most)| budget::at_most(name, *found, *most)).collect();
    println!("  budget: {}", verdicts.join("; "));
}

fn measure(
    name: &str,
    samples: u64,
    mut change: impl FnMut() -> anyhow::Result<series::Sample>,
) -> anyhow::Result<Series> {
    let progress = Progress::counting(name, samples);
    let mut series = Series::default();
    for number in 0..WARM_UP + samples {
        let sample = change()?;
        if number >= WARM_UP {
            series.add(sample);
            progress.step();
        }
    }
    Ok(series)
}

fn report(title: &str, series: &Series, rig: &Rig) -> anyhow::Result<()> {
    let mut table = Table::new(title, ["ms", "n", "p50", "p99", "max"]);
    for (name, samples) in series.rows().filter(|(_, samples)| samples.len() > 0) {
        table.row(name, samples.cells());
    }
    table.print();
    let cpu = series.cpu_by_part();
    for (part, cpu) in rig.parts().iter().zip(cpu) {
        println!("  {}: CPU {} ms a change, RSS {} MiB", part.name, ms(cpu), part.rss_bytes()? >> 20);
    }
    Ok(())
}

/// What stock Git needs without any bus: the same push to a bare repository on the same disk.
fn floor(samples: u64) -> anyhow::Result<()> {
    let tree = Tree::make(FILES)?;
    let (folder, bare) = tree.sibling("bare-")?;
    let bare = bare.to_string_lossy().into_owned();
    let copy = WorkingCopy::init(&bare);
    let _ = copy.git(&["init", "--quiet", "--bare", &bare]).expect_ok();
    tree.push(&bare)?;
    copy.pull();
    let mut pushes = Samples::default();
    for version in 1..=samples {
        copy.write(&path_of(0), content_of(0, usize::try_from(version)?));
        copy.commit("bench");
        let started = Instant::now();
        let _ = copy.push().expect_ok();
        pushes.add(started.elapsed());
    }
    let mut table = Table::new("for comparison", ["ms", "n", "p50", "p99", "max"]);
    table.row("git push to a bare repository by path, no gate, nothing synced", pushes.cells());
    table.print();
    drop(folder);
    Ok(())
}

//! What the gate costs: a push of 2,000 files with schemas on most of them, one file in a tree of 100,000, beside
//! `check-jsonschema` on the same files and a push to a bare repository that checks nothing.
//!
//! The gate's own time is what the server says in `configbus_server_gate_seconds`; the client's is from the start of `git
//! push` to its end. After each change the host has to follow before the next one is made, so that nothing else is measured.

mod audit;
mod checker;
mod files;
mod series;

use crate::{
    budget,
    progress::Progress,
    stats::{Samples, ms},
    table::Table,
    tree::Tree,
    usage,
};
use checker::Checker;
use configbus_tests::{git::WorkingCopy, rest::Rest};
use files::{FILES, Policy};
use series::{Rig, Series};
use std::time::Instant;

/// Pushes of many files take long; so many are enough.
const LARGE_PUSHES_MAX: u64 = 20;

/// Starts of a server, each followed by one push.
const STARTS: u64 = 5;

/// Runs of each peer over all files.
const CHECKS: u64 = 3;

/// Changes before the first one that counts.
const WARM_UP: u64 = 3;

/// Files in the large tree.
const TREE_FILES: usize = 100_000;

pub(crate) fn run(samples: u64) -> anyhow::Result<()> {
    println!(
        "\nGate: what it adds to a change. Schemas are warm when the server has compiled them for an earlier change."
    );
    many_files(samples.min(LARGE_PUSHES_MAX))?;
    one_file(samples)?;
    audit::run(samples)
}

fn many_files(samples: u64) -> anyhow::Result<()> {
    let mut table = series::table(format!("push of {FILES} files, {} of them held to schemas", files::governed()));
    let mut warm_gate = None;
    for policy in Policy::ALL {
        let waiting = Progress::waiting(&format!("{}: preparing", policy.name()));
        let mut rig = Rig::start();
        let copy = WorkingCopy::init(rig.bus.git());
        files::write(&copy, policy, 0);
        rig.push(&copy)?;
        drop(waiting);
        let mut version = 0;
        let mut change = |rig: &mut Rig| {
            version += 1;
            files::write(&copy, policy, version);
            rig.push(&copy)
        };
        if policy == Policy::Schemas {
            let mut cold = Series::default();
            for _ in 0..STARTS {
                rig.restart();
                cold.add(&change(&mut rig)?);
            }
            cold.row(&mut table, &format!("{}, cold", policy.name()));
        }
        let warm = series::measure(&format!("{FILES} files, {}", policy.name()), samples, || change(&mut rig))?;
        warm.row(&mut table, &format!("{}, warm", policy.name()));
        if policy == Policy::Schemas {
            warm_gate = Some((warm.gate.p50(), usage::rss_bytes(rig.bus.pid())?));
            beside(&copy, &warm)?;
        }
    }
    table.print();
    if let Some((gate, rss)) = warm_gate {
        println!("  budget: {}", budget::at_most(&format!("{FILES} files, warm, gate p50"), gate, 500));
        println!("  server, store and agent in one process: RSS {} MiB after these pushes", rss >> 20);
    }
    Ok(())
}

/// The same files in a folder, by a program that does nothing but check them.
fn beside(copy: &WorkingCopy, warm: &Series) -> anyhow::Result<()> {
    let mut table =
        Table::new(format!("the same {FILES} files in a folder"), ["ms", "n", "p50", "p99", "max", "÷ gate"]);
    for checker in Checker::ALL {
        let Some(command) = checker.find() else {
            println!("  {} is not there, so that nothing stands beside: {}", checker.name(), checker.remedy());
            continue;
        };
        let (progress, mut samples) = (Progress::counting(checker.name(), CHECKS), Samples::default());
        for _ in 0..CHECKS {
            let started = Instant::now();
            checker.check(&command, copy.path())?;
            samples.add(started.elapsed());
            progress.step();
        }
        let ratio = format!("{:.1}×", budget::ratio(samples.p50(), warm.gate.p50()));
        table.row(checker.name(), samples.cells().into_iter().chain([ratio]));
    }
    table.print();
    Ok(())
}

fn one_file(samples: u64) -> anyhow::Result<()> {
    let waiting = Progress::waiting(&format!("{TREE_FILES} files: preparing"));
    let mut rig = Rig::start();
    Tree::make(TREE_FILES)?.push(rig.bus.git())?;
    rig.follow(1);
    let copy = WorkingCopy::clone(rig.bus.git(), &["--depth=1"]);
    copy.write(".configbus/schemas.yaml", "- {files: 'd00/**', schema: schemas/file.json}\n");
    copy.write("schemas/file.json", files::small_schema());
    rig.push(&copy)?;
    drop(waiting);
    let mut table = series::table(format!("one of {TREE_FILES} files, held to a schema"));
    let path = crate::content::path_of(0);
    let mut version = 0;
    let pushed = series::measure(&format!("one of {TREE_FILES} files, push"), samples, || {
        version += 1;
        copy.write(&path, crate::content::content_of(0, version));
        rig.push(&copy)
    })?;
    let rest = Rest::new(rig.bus.server());
    let put = series::measure(&format!("one of {TREE_FILES} files, put"), samples, || {
        version += 1;
        rig.sample(|_| {
            let answer = rest.put(&format!("/v1/files/{path}"), &[], crate::content::content_of(0, version));
            anyhow::ensure!(answer.status == 200, "{}: {}", answer.status, answer.body);
            Ok(())
        })
    })?;
    let bare = bare_pushes(&copy, samples, &mut version)?;
    pushed.row(&mut table, "git push over HTTP");
    put.row(&mut table, "PUT over HTTP");
    table.print();
    let header = ["ms", "n", "p50", "p99", "max"];
    let mut beside = Table::new("for comparison", header);
    beside.row("git push to a bare repository by path, no gate, nothing synced", bare.cells());
    beside.print();
    let share = budget::ratio(pushed.gate.p50(), pushed.client.p50()) * 100.0;
    println!("  the gate adds {} ms to a push of {} ms: {share:.1} %", ms(pushed.gate.p50()), ms(pushed.client.p50()));
    let verdicts = [("push", &pushed), ("put", &put)]
        .map(|(name, series)| budget::at_most(&format!("one file, {name}, gate p50"), series.gate.p50(), 20));
    println!("  budget: {}", verdicts.join("; "));
    Ok(())
}

/// The same change of the same tree, to a repository on the same disk that lets in everything.
fn bare_pushes(copy: &WorkingCopy, samples: u64, version: &mut usize) -> anyhow::Result<Samples> {
    let folder = tempfile::TempDir::with_prefix("bare-")?;
    let bare = folder.path().join("copy.git");
    let bare = bare.to_string_lossy();
    let _ = copy.git(&["init", "--quiet", "--bare", &bare]).expect_ok();
    // A shallow clone may push only to who takes its cut, so that history has to be whole.
    let _ = copy.git(&["fetch", "--quiet", "--unshallow", "origin"]).expect_ok();
    let _ = copy.git(&["push", "--quiet", &bare, "HEAD:main"]).expect_ok();
    let mut pushes = Samples::default();
    for _ in 0..samples {
        *version += 1;
        copy.write(&crate::content::path_of(0), crate::content::content_of(0, *version));
        copy.commit("bench");
        let started = Instant::now();
        let _ = copy.git(&["push", "--quiet", &bare, "HEAD:main"]).expect_ok();
        pushes.add(started.elapsed());
    }
    Ok(pushes)
}

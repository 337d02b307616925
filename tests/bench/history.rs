//! What questions about a long history cost: the log and the line origins of one file after many commits of API traffic,
//! beside `git log` and `git blame` on the same history without an index, with a commit-graph, and with its filters of
//! changed paths.

mod traffic;

use crate::{
    budget,
    progress::Progress,
    stats::{Samples, ms},
    table::Table,
    usage,
};
use configbus_api::{BlameQuery, Client, LogQuery};
use configbus_tests::{bus::Bus, eventually::eventually, git::git};
use std::{fs, path::Path, time::Duration};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use traffic::{CHANGES, PATH};

/// Questions that take stock Git a second each; so many are enough.
const PEER_SAMPLES_MAX: u64 = 10;

/// How long the index must not have changed to count as finished.
const QUIET: Duration = Duration::from_secs(3);

const HEADER: [&str; 5] = ["ms", "n", "p50", "p99", "max"];

pub(crate) fn run(commits: u64, samples: u64) -> anyhow::Result<()> {
    println!("\nHistory: {commits} commits through one stream of compare-and-set, {CHANGES} of them of {PATH}.");
    let bus = Bus::start();
    let runtime = Runtime::new()?;
    let client = {
        let _inside = runtime.enter();
        Client::connect_lazy(bus.server())?
    };
    let repository = bus.data().join("server/namespaces/main.git");
    traffic::make(&repository, &runtime, &client, usize::try_from(commits)?)?;
    let index = repository.join("objects/info/commit-graphs/commit-graph-chain");
    let waiting = Progress::waiting("waiting for the index of changed paths");
    eventually("the index of changed paths is there", || {
        let changed = fs::metadata(&index).ok()?.modified().ok()?;
        (changed.elapsed().ok()? > QUIET).then_some(())
    });
    drop(waiting);
    println!("  index of changed paths: {} KiB", size(index.parent().unwrap_or(&index))? >> 10);
    let asked = ask(&bus, &runtime, &client, samples)?;
    beside(&repository, samples.min(PEER_SAMPLES_MAX), &asked)
}

/// What the server answers.
struct Asked {
    log: Samples,
    blame: Samples,
}

fn ask(bus: &Bus, runtime: &Runtime, client: &Client, samples: u64) -> anyhow::Result<Asked> {
    let path: configbus_model::ConfigPath = PATH.parse()?;
    let log = |path: Option<_>, limit| LogQuery { path, limit: Some(limit), ..LogQuery::default() };
    let measure = |name: &str, query: &LogQuery, expected: usize| -> anyhow::Result<Samples> {
        let (progress, mut times) = (Progress::counting(name, samples), Samples::default());
        for _ in 0..samples {
            let history = times.time(|| runtime.block_on(client.log(query)))?;
            anyhow::ensure!(history.commits.len() == expected, "{} commits", history.commits.len());
            progress.step();
        }
        Ok(times)
    };
    let cpu = usage::cpu(bus.pid())?;
    let newest = measure("log", &log(None, 50), 50)?;
    let few = measure("log of a path", &log(Some(path.clone()), 5), 5)?;
    let all = measure("whole log of a path", &log(Some(path.clone()), 1_000), CHANGES)?;
    let (progress, mut blame) = (Progress::counting("blame", samples), Samples::default());
    for _ in 0..samples {
        let lines = blame.time(|| runtime.block_on(client.blame(&BlameQuery::of(path.clone()))))?.lines;
        anyhow::ensure!(lines.len() == traffic::LINES, "{} lines", lines.len());
        progress.step();
    }
    drop(progress);
    let cpu = usage::cpu(bus.pid())? - cpu;
    let mut table = Table::new("asked of the server over gRPC", HEADER);
    table.row("log, newest 50 of everything", newest.cells());
    table.row("log of the file, newest 5", few.cells());
    table.row(format!("log of the file, all {CHANGES}"), all.cells());
    table.row("blame of the file", blame.cells());
    table.print();
    println!("  the server itself took {} ms of processor time for all of these, its Git children apart", ms(cpu));
    Ok(Asked { log: all, blame })
}

/// The same questions to stock Git, from its start to its end.
fn beside(repository: &Path, samples: u64, asked: &Asked) -> anyhow::Result<()> {
    let folder = TempDir::with_prefix("history-")?;
    let copy = folder.path().join("copy.git");
    run_git(folder.path(), &["clone", "--quiet", "--bare", "--no-local", &repository.to_string_lossy(), "copy.git"])?;
    let mut table =
        Table::new("stock Git on a packed copy on the same disk", ["ms", "n", "p50", "p99", "max", "÷ server"]);
    let mut row = |name: &str, args: &[&str], of: &Samples| -> anyhow::Result<()> {
        let (progress, mut times) = (Progress::counting(name, samples), Samples::default());
        for _ in 0..samples {
            times.time(|| run_git(&copy, args))?;
            progress.step();
        }
        let ratio = format!("{:.1}×", budget::ratio(times.p50(), of.p50()));
        table.row(name, times.cells().into_iter().chain([ratio]));
        Ok(())
    };
    let log = ["log", "--first-parent", "--format=%H", "main", "--", PATH];
    let blame = ["blame", "--incremental", "main", "--", PATH];
    for (index, make) in [
        ("no index", None),
        ("commit-graph", Some(&["commit-graph", "write", "--reachable"][..])),
        ("changed paths", Some(&["commit-graph", "write", "--reachable", "--changed-paths"][..])),
    ] {
        if let Some(make) = make {
            run_git(&copy, make)?;
        }
        row(&format!("git log of the file, {index}"), &log, &asked.log)?;
        row(&format!("git blame of the file, {index}"), &blame, &asked.blame)?;
    }
    table.print();
    Ok(())
}

fn run_git(folder: &Path, args: &[&str]) -> anyhow::Result<()> {
    let output = git(folder).args(args).output()?;
    anyhow::ensure!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// Returns the bytes of all files in and below a folder.
fn size(folder: &Path) -> anyhow::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        // Packs that were joined go while this looks.
        let Ok(metadata) = entry.metadata() else { continue };
        bytes += if metadata.is_dir() { size(&entry.path())? } else { metadata.len() };
    }
    Ok(bytes)
}

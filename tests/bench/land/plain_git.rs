//! What the same costs with `git push`: to the bus, from clones that never pull, and to a plain repository, where whoever
//! is refused pulls and tries again.

use super::slow_row;
use crate::{
    content::{content_of, path_of},
    stats::Samples,
    table::Table,
    tree::Tree,
};
use configbus_tests::{
    cluster::{Cluster, Plan},
    git::WorkingCopy,
};
use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

const FILES: usize = 1_000;
const WRITERS: usize = 4;

pub(crate) fn run(seconds: u64) -> anyhow::Result<()> {
    let time = Duration::from_secs(seconds);
    let mut cluster = Cluster::plan(&Plan::default());
    cluster.server.start();
    cluster.server.ready();
    let tree = Tree::make(FILES)?;
    tree.push(&cluster.git())?;
    let (_folder, bare) = tree.sibling("bare-")?;
    let bare = bare.to_string_lossy().into_owned();
    let _ = WorkingCopy::init(&bare).git(&["init", "--quiet", "--bare", &bare]).expect_ok();
    tree.push(&bare)?;
    let title = format!("git push, {FILES} files, {WRITERS} writers on files of their own");
    let mut table = Table::new(title, ["", "changes/s", "p50 ms", "p99 ms", "max ms"]);
    let refused = AtomicUsize::new(0);
    for (name, url) in
        [("to the bus over HTTP, never pulling", cluster.git()), ("to a bare repository, pull and retry", bare)]
    {
        let started = Instant::now();
        let times = push_for(time, &url, &refused);
        slow_row(&mut table, name, &times, started.elapsed());
        println!("  {name}: {} of {} pushes refused", refused.swap(0, Ordering::Relaxed), times.len());
    }
    table.print();
    Ok(())
}

/// Every writer changes its file, commits and pushes until it is in.
fn push_for(time: Duration, url: &str, refused: &AtomicUsize) -> Samples {
    let copies: Vec<_> = (0..WRITERS).map(|_| WorkingCopy::clone(url, &[])).collect();
    let end = Instant::now() + time;
    thread::scope(|scope| {
        let writers: Vec<_> =
            copies.iter().zip(0..).map(|(copy, file)| scope.spawn(move || write(copy, file, end, refused))).collect();
        let mut times = Samples::default();
        writers.into_iter().for_each(|writer| times.extend(&writer.join().expect("a writer does not panic")));
        times
    })
}

fn write(copy: &WorkingCopy, file: usize, end: Instant, refused: &AtomicUsize) -> Samples {
    let mut times = Samples::default();
    for version in (1..).take_while(|_| Instant::now() < end) {
        let file = file * FILES / WRITERS;
        copy.write(&path_of(file), content_of(file, version));
        copy.commit("bench");
        let started = Instant::now();
        while !copy.push().ok {
            refused.fetch_add(1, Ordering::Relaxed);
            let _ = copy.git(&["pull", "--quiet", "--rebase", "origin", "main"]);
        }
        times.add(started.elapsed());
    }
    times
}

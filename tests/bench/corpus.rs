//! Real configuration with real schemas through every door: the same verdicts, how many and how long.

use crate::{
    progress::Progress,
    stats::{Samples, ms},
    table::Table,
};
use anyhow::ensure;
use configbus_hooks::testing::SchemaStore;
use configbus_tests::{
    cluster::{Cluster, Plan},
    doors::{Doors, commit_each, files_told, is_shortened, rules_of, rules_told, validate_until_clean, write_files},
    git::WorkingCopy,
};
use std::{collections::BTreeSet, time::Instant};
use tempfile::TempDir;

const HEADER: [&str; 6] = ["door", "files", "accepted", "refused", "p50 ms", "all together s"];

pub(crate) fn run() -> anyhow::Result<()> {
    let mut cluster = Cluster::plan(&Plan::default());
    cluster.server.start();
    cluster.server.ready();
    let (store, copy) = (SchemaStore::unpack(), WorkingCopy::init(&cluster.git()));
    let (schemas, valid, invalid) = (store.schemas(), store.valid(), store.invalid());
    let title =
        format!("{} schemas, one schemas.yaml; each invalid file alone on top of the valid ones", schemas.len());
    let mut table = Table::new(title, HEADER);

    copy.write(SchemaStore::POLICY, store.policy());
    write_files(copy.path(), &[schemas.clone(), valid.clone()].concat());
    copy.commit("all that is valid");
    let started = Instant::now();
    let pushed = copy.push();
    ensure!(pushed.ok, "{}", pushed.stderr);
    let seconds = format!("{:.2}", started.elapsed().as_secs_f64());
    table.row(
        "git push, all that is valid",
        [valid.len().to_string(), valid.len().to_string(), "0".into(), "".into(), seconds],
    );

    commit_each(&copy, &invalid);
    let doors = Doors::of(cluster.server.url());
    let [mut by_push, mut by_rest, mut by_grpc] = [(); 3].map(|()| Samples::default());
    let progress = Progress::counting("invalid files", invalid.len() as u64);
    for (number, (path, content)) in invalid.iter().enumerate() {
        let rest = by_rest.time(|| doors.put(path, content));
        ensure!(files_told(&rest) == [path.as_str()].into(), "{path}: {rest:?}");
        let grpc = by_grpc.time(|| doors.validate(path, content));
        ensure!(is_shortened(&grpc, &rest), "{path}: {grpc:?}, over REST {rest:?}");
        let refspec = format!("refs/each/{number}:refs/heads/main");
        let pushed = by_push.time(|| copy.git(&["push", "origin", &refspec]));
        let told = pushed.remote_lines();
        ensure!(!pushed.ok && told.contains(path.as_str()), "{path}: {told}");
        ensure!(rules_told(&told) == rules_of(&rest), "{path}: {told}");
        progress.step();
    }
    drop(progress);
    let count = invalid.len().to_string();
    for (door, samples) in [
        ("git push over HTTP", &by_push),
        ("PUT over REST", &by_rest),
        ("CompareAndSet over gRPC, validate_only", &by_grpc),
    ] {
        let total = format!("{:.2}", samples.total().as_secs_f64());
        table.row(door, [count.clone(), "0".into(), count.clone(), ms(samples.p50()), total]);
    }

    let folder = TempDir::with_prefix("copy-")?;
    write_files(folder.path(), &[(SchemaStore::POLICY.to_owned(), store.policy().into_bytes())]);
    write_files(folder.path(), &[schemas, invalid.clone()].concat());
    let started = Instant::now();
    let (told, asked) = validate_until_clean(folder.path());
    ensure!(told == invalid.into_iter().map(|(path, _)| path).collect::<BTreeSet<_>>(), "not all are named");
    let seconds = format!("{:.2}", started.elapsed().as_secs_f64());
    let door = format!("configbus validate, {asked} times, without what was told of before");
    table.row(door, [count.clone(), "0".into(), count, String::new(), seconds]);
    table.print();
    Ok(())
}

//! Real configuration with real schemas through every door of a real server: the same verdicts everywhere.
//!
//! All valid files are pushed at once; of the invalid ones a sample is taken, each through every door.
//! `bench -- corpus` takes all of them.

use configbus_hooks::testing::{NamedFiles, SchemaStore};
use configbus_tests::{
    cluster::{Cluster, Plan},
    doors::{Doors, commit_each, files_told, is_shortened, rules_of, rules_told, validate_until_clean, write_files},
    git::WorkingCopy,
};
use std::collections::BTreeSet;
use tempfile::TempDir;

/// Every so many of the invalid files is taken.
const SAMPLE_EVERY: usize = 11;

fn sample(store: &SchemaStore) -> NamedFiles {
    store.invalid().into_iter().step_by(SAMPLE_EVERY).collect()
}

#[test]
fn valid_files_land_in_one_push_and_an_invalid_one_is_refused_by_name_at_every_door() {
    let mut cluster = Cluster::plan(&Plan::default());
    cluster.server.start();
    cluster.server.ready();
    let (store, copy) = (SchemaStore::unpack(), WorkingCopy::init(&cluster.git()));
    let (schemas, valid) = (store.schemas(), store.valid());
    assert_eq!((schemas.len(), valid.len()), (249, 811));
    copy.write(SchemaStore::POLICY, store.policy());
    write_files(copy.path(), &[schemas, valid.clone()].concat());
    copy.commit("all that is valid");
    let _ = copy.push().expect_ok();

    let sample = sample(&store);
    commit_each(&copy, &sample);
    let doors = Doors::of(cluster.server.url());
    for (number, (path, content)) in sample.iter().enumerate() {
        let by_rest = doors.put(path, content);
        assert_eq!(files_told(&by_rest), [path.as_str()].into(), "it is refused by its name, and nothing else is");
        let by_grpc = doors.validate(path, content);
        assert!(is_shortened(&by_grpc, &by_rest), "{path}: {by_grpc:#?}, over REST {by_rest:#?}");
        let pushed = copy.git(&["push", "origin", &format!("refs/each/{number}:refs/heads/main")]).expect_refused();
        let told = pushed.remote_lines();
        assert!(told.contains(path.as_str()), "{path} is not named: {told}");
        assert_eq!(rules_told(&told), rules_of(&by_rest), "{path}: {told}");
    }
    let (path, content) = &valid[0];
    assert!(doors.put(path, content).is_accepted() && doors.validate(path, content).is_accepted());
    assert_eq!(cluster.run(&["log", "--output", "json"]).expect_ok().json()["head"], 1, "nothing else has landed");
}

#[test]
fn every_invalid_file_of_a_working_copy_is_named() {
    let (store, folder) = (SchemaStore::unpack(), TempDir::new().unwrap());
    let sample = sample(&store);
    // Schemas of what is not there cost time only.
    let is_used = |name: &str| sample.iter().any(|(path, _)| path.starts_with(&format!("invalid/{name}/")));
    let name_of = |path: &str| path.trim_start_matches("schemas/").trim_end_matches(".json").to_owned();
    let schemas: NamedFiles = store.schemas().into_iter().filter(|(path, _)| is_used(&name_of(path))).collect();
    let is_kept = |line: &&str| schemas.iter().any(|(path, _)| line.ends_with(&format!(" {path}}}")));
    let policy: String = store.policy().lines().filter(is_kept).map(|line| format!("{line}\n")).collect();
    write_files(folder.path(), &[(SchemaStore::POLICY.to_owned(), policy.into_bytes())]);
    write_files(folder.path(), &[schemas, sample.clone()].concat());
    let (told, _) = validate_until_clean(folder.path());
    let expected: BTreeSet<_> = sample.into_iter().map(|(path, _)| path).collect();
    assert_eq!(told, expected);
}

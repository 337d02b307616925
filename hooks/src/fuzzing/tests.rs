//! Seeds and past findings, without a fuzzer.

use super::*;
use std::{
    fs,
    panic::catch_unwind,
    path::{Path, PathBuf},
    thread,
};

/// Stack of what is run here without optimisation; the fuzzers get as much by `ulimit`.
const STACK_BYTES: usize = 64 << 20;

fn inputs(name: &str) -> Vec<PathBuf> {
    let folder = |kind: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz").join(kind).join(name);
    let files = ["seeds", "findings"].map(|kind| fs::read_dir(folder(kind)).into_iter().flatten());
    files.into_iter().flatten().map(|file| file.unwrap().path()).collect()
}

#[test]
fn nothing_that_was_ever_found_is_found_again() {
    let replay = || {
        let mut found = Vec::new();
        for (name, target) in TARGETS {
            let inputs = inputs(name);
            assert!(!inputs.is_empty(), "{name} has no seeds");
            let fails = |path: &PathBuf| catch_unwind(|| target(&fs::read(path).unwrap())).is_err();
            found.extend(inputs.into_iter().filter(fails));
        }
        found
    };
    let found = thread::Builder::new().stack_size(STACK_BYTES).spawn(replay).unwrap().join().unwrap();
    assert!(found.is_empty(), "{found:#?}");
}

//! Files of the store's mirror rot on disk.

use configbus_tests::{
    cluster::{Cluster, Plan},
    git::WorkingCopy,
};
use std::{fs, os::unix::fs::FileExt as _, path::Path};

#[test]
fn a_corrupt_mirror_is_rebuilt_and_hosts_go_on() {
    let mut cluster = Cluster::start(&Plan::default());
    let copy = WorkingCopy::init(&cluster.git());
    for number in 0..3 {
        let _ = copy.change("a.json", format!("{number}")).expect_ok();
    }
    cluster.shows("a.json", "2");

    assert!(corrupt_packs_below(&cluster.store_data()) > 0, "the mirror has no packs");
    let _ = copy.change("a.json", "3").expect_ok();
    cluster.shows("a.json", "3");

    corrupt_packs_below(&cluster.store_data());
    cluster.store.kill();
    cluster.agent.kill();
    fs::remove_dir_all(cluster.root()).unwrap();
    let _ = copy.change("b.json", "4").expect_ok();
    cluster.store.start();
    cluster.agent.start();
    cluster.shows("b.json", "4");
    assert_eq!(cluster.read("a.json").as_deref(), Some(&b"3"[..]));
}

/// Overwrites the middle of every pack without changing its size.
fn corrupt_packs_below(folder: &Path) -> usize {
    let mut count = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            count += corrupt_packs_below(&path);
        } else if path.extension().is_some_and(|extension| extension == "pack") {
            let file = fs::File::options().write(true).open(&path).unwrap();
            let size = file.metadata().unwrap().len();
            file.write_all_at(&vec![0xa5; usize::try_from(size - 20).unwrap()], 12).unwrap();
            count += 1;
        }
    }
    count
}

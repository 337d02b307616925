//! What a killed server leaves behind, planted by hand.

use configbus_tests::{
    cluster::{Cluster, Plan},
    git::WorkingCopy,
};
use std::{fs, path::PathBuf};

#[test]
fn leftovers_of_a_killed_server_stop_nobody() {
    let mut cluster = Cluster::start(&Plan::default());
    let copy = WorkingCopy::init(&cluster.git());
    let _ = copy.change("a.json", "1").expect_ok();
    cluster.server.kill();

    let repository = cluster.server_data().join("namespaces/main.git");
    let plant = |path: &str| -> PathBuf {
        let file = repository.join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, "torn").unwrap();
        file
    };
    let leftovers = [
        "refs/heads/main.lock",
        "packed-refs.lock",
        "objects/pack/tmp_pack_Kt4f2a",
        "objects/pack/tmp_idx_Kt4f2a",
        "objects/tmp_objdir-incoming-x7Q2ab/pack/tmp_pack_1",
        "objects/17/tmp_obj_a81bc2",
    ]
    .map(plant);

    cluster.server.start();
    cluster.server.ready();
    for leftover in &leftovers {
        assert!(!leftover.exists(), "{} is still there", leftover.display());
    }
    let _ = copy.change("a.json", "2").expect_ok();
    let _ = cluster.run_with(&["put", "b.json"], b"3").expect_ok();
    cluster.shows("b.json", "3");
    assert_eq!(cluster.read("a.json").as_deref(), Some(&b"2"[..]));
}

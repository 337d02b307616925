//! A server that dies between landing a change and announcing it.

use configbus_tests::{
    cluster::{Cluster, Plan},
    git::{WorkingCopy, git},
};

#[test]
fn a_head_that_was_not_announced_is_announced_at_the_next_start() {
    let mut cluster = Cluster::start(&Plan::default());
    let copy = WorkingCopy::init(&cluster.git());
    let _ = copy.change("a.json", "1").expect_ok();
    cluster.shows("a.json", "1");
    cluster.server.kill();

    // What the disk looks like when the process dies right after the ref was moved.
    copy.write("a.json", "2");
    copy.commit("landed and never announced");
    let repository = cluster.server_data().join("namespaces/main.git");
    let source = copy.path().to_str().unwrap();
    let fetched = git(&repository).args(["fetch", "--quiet", source, "+HEAD:refs/heads/main"]).output().unwrap();
    assert!(fetched.status.success(), "{}", String::from_utf8_lossy(&fetched.stderr));

    cluster.server.start();
    cluster.shows("a.json", "2");
}

//! ZooKeeper dies, comes back, loses its leader, or is not there yet. Nothing is lost and no head moves back.

use configbus_coordination::zookeeper_fixture::{FixtureError, ZooKeeperFixture};
use configbus_tests::{
    cluster::{Cluster, Plan},
    eventually::eventually,
    git::WorkingCopy,
};

/// Returns `None` where ZooKeeper is not installed and may be missing.
fn installed(fixture: Result<ZooKeeperFixture, FixtureError>) -> Option<ZooKeeperFixture> {
    match fixture {
        Ok(fixture) => Some(fixture),
        Err(error @ FixtureError::NotInstalled { .. }) if std::env::var_os("CONFIGBUS_TESTS_COMPLETE").is_none() => {
            eprintln!("skipped: {error}");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

fn plan(zookeeper: &ZooKeeperFixture) -> Plan {
    Plan { zookeeper: Some(zookeeper.connect_string() + "/test"), ..Plan::default() }
}

#[test]
fn writes_go_on_while_zookeeper_is_away_and_hosts_get_them() {
    let Some(mut zookeeper) = installed(ZooKeeperFixture::single()) else { return };
    let mut cluster = Cluster::start(&plan(&zookeeper));
    let copy = WorkingCopy::init(&cluster.git());
    let _ = copy.change("a.json", "1").expect_ok();
    cluster.shows("a.json", "1");

    zookeeper.kill(0);
    let _ = copy.change("a.json", "2").expect_ok();
    cluster.shows("a.json", "2");
    // Accepted, not announced, and then the server dies: the hook that would announce is gone.
    let _ = cluster.run_with(&["put", "b.json"], b"3").expect_ok();
    cluster.server.kill();
    zookeeper.start(0).unwrap();
    zookeeper.wait_ready().unwrap();
    cluster.server.start();
    cluster.server.ready();
    cluster.shows("b.json", "3");
    eventually("everything is announced", || {
        let status = cluster.run(&["status", "--output", "json"]).expect_ok().json();
        let coordination = &status["coordination"];
        (coordination["connected"] == true && coordination["unannounced"].as_object()?.is_empty()).then_some(())
    });
}

#[test]
fn an_ensemble_that_loses_its_leader_stops_nobody() {
    let Some(mut zookeeper) = installed(ZooKeeperFixture::ensemble(3)) else { return };
    let cluster = Cluster::start(&plan(&zookeeper));
    let copy = WorkingCopy::init(&cluster.git());
    for round in 0..2 {
        let leader = zookeeper.leader().unwrap();
        zookeeper.kill(leader);
        for number in 0..10 {
            let content = format!("{{\"round\": {round}, \"number\": {number}}}");
            let _ = copy.change("a.json", &content).expect_ok();
            cluster.shows("a.json", &content);
        }
        zookeeper.start(leader).unwrap();
        zookeeper.wait_ready().unwrap();
    }
}

#[test]
fn everything_starts_without_zookeeper_and_uses_it_later() {
    let Some(mut zookeeper) = installed(ZooKeeperFixture::prepared(1)) else { return };
    let mut cluster = Cluster::plan(&plan(&zookeeper));
    cluster.server.start();
    cluster.server.ready();
    cluster.store.start();
    cluster.agent.start();
    let _ = cluster.run_with(&["put", "a.json"], b"1").expect_ok();
    cluster.shows("a.json", "1");
    let status = cluster.run(&["status", "--output", "json"]).expect_ok().json();
    assert_eq!(status["coordination"]["connected"], false, "{status}");

    zookeeper.start(0).unwrap();
    eventually("the head is announced", || {
        let status = cluster.run(&["status", "--output", "json"]).expect_ok().json();
        (status["coordination"]["connected"] == true && status["coordination"]["unannounced"] == serde_json::json!({}))
            .then_some(())
    });
    let _ = cluster.run_with(&["put", "a.json"], b"2").expect_ok();
    cluster.shows("a.json", "2");
}

//! Everything upstream is away while agents and readers start.

use configbus_client::ConfigBus;
use configbus_tests::{
    cluster::{Cluster, Plan},
    eventually::eventually,
    git::WorkingCopy,
    rest::Rest,
};

#[test]
fn hosts_and_readers_start_with_everything_else_down() {
    let mut cluster = Cluster::start(&Plan::default());
    let copy = WorkingCopy::init(&cluster.git());
    let _ = copy.change("a.json", "{\"n\": 1}").expect_ok();
    cluster.shows("a.json", "{\"n\": 1}");
    cluster.agent.kill();
    cluster.store.kill();
    cluster.server.kill();

    assert_eq!(cluster.read("a.json").as_deref(), Some(&b"{\"n\": 1}"[..]), "without an agent");
    cluster.agent.start();
    let rest = Rest::new(cluster.agent.url());
    eventually("the agent says that it is disconnected", || {
        rest.is_ok("/status")
            .then(|| rest.get("/status", &[]).json())
            .filter(|status| !status.to_string().contains("\"fresh\""))
    });
    let bus = ConfigBus::open(cluster.root()).unwrap();
    let snapshot = bus.snapshot().unwrap();
    assert_eq!(snapshot.read("a.json").unwrap(), b"{\"n\": 1}");

    cluster.store.start();
    cluster.server.start();
    cluster.server.ready();
    let _ = copy.change("a.json", "{\"n\": 2}").expect_ok();
    cluster.shows("a.json", "{\"n\": 2}");
}

#[test]
fn an_agent_may_be_first_of_all() {
    let mut cluster = Cluster::plan(&Plan::default());
    cluster.agent.start();
    cluster.store.start();
    cluster.server.start();
    cluster.server.ready();
    let copy = WorkingCopy::init(&cluster.git());
    let _ = copy.change("a.json", "1").expect_ok();
    cluster.shows("a.json", "1");
}

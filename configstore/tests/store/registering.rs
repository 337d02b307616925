//! A store with a registry of its own.

use crate::{agent::DEADLINE, bench::Bench};
use configbus_configstore::{Settings, Store};
use configbus_coordination::{HeadRegistry, ZooKeeperRegistry, ZooKeeperSettings, zookeeper_fixture::ZooKeeperFixture};
use configbus_model::{Head, Member, Namespace};
use configbus_runtime::{SystemClock, Tasks};
use std::sync::Arc;

/// Waits until the members are as wanted, seen from elsewhere.
async fn check_members(registry: &dyn HeadRegistry, wanted: impl Fn(&[Member]) -> bool) {
    let mut members = registry.members();
    let reached = members.wait_for(|members| wanted(members));
    tokio::time::timeout(DEADLINE, reached).await.expect("members get there").unwrap();
}

fn holds(members: &[Member], head: &Head) -> bool {
    let has = |member: &Member| member.id == "store-1" && member.heads.get(&Namespace::main()) == Some(head);
    members.iter().any(has)
}

/// Announces as a server does: again until the registry has it.
async fn announce(registry: &dyn HeadRegistry, head: &Head) {
    let mut connection = registry.connection();
    let announced = async {
        connection.mark_unchanged();
        while registry.announce(&Namespace::main(), head).await.is_err() {
            connection.changed().await.unwrap();
        }
    };
    tokio::time::timeout(DEADLINE, announced).await.expect("the head is announced");
}

async fn start(bench: &mut Bench, settings: Settings) {
    let store = Store::build(settings).await.unwrap();
    bench.run(store);
}

#[tokio::test]
async fn without_zookeeper_the_server_is_asked_and_registered_with() {
    let mut bench = Bench::without_store().await;
    let (registry, tasks) = (bench.server.registry(), Tasks::new("registry"));
    registry.clone().start(&tasks);
    let settings = bench.settings();
    start(&mut bench, settings).await;
    let head = bench.server.land(&[("a.json", "1")]);
    announce(&*registry, &head).await;
    bench.store_reaches(&head).await;
    check_members(&*registry, |members| holds(members, &head)).await;
    bench.stop_store().await;
    check_members(&*registry, <[Member]>::is_empty).await;
    bench.stop().await;
    tasks.shutdown();
    tasks.join(DEADLINE).await.unwrap();
}

#[tokio::test]
async fn with_zookeeper_a_store_is_listed_and_follows_while_it_is_away() {
    let mut zookeeper = ZooKeeperFixture::single().unwrap();
    let mut bench = Bench::without_store().await;
    let zookeeper_settings =
        ZooKeeperSettings { session_timeout_ms: 2_000, ..ZooKeeperSettings::for_servers(zookeeper.connect_string()) };
    let tasks = Tasks::new("registry");
    let registry = ZooKeeperRegistry::new(&zookeeper_settings, Arc::new(SystemClock)).unwrap();
    registry.clone().start(&tasks);
    let settings = Settings { zookeeper: zookeeper_settings, ..bench.settings() };
    start(&mut bench, settings).await;
    let first = bench.server.land(&[("a.json", "1")]);
    announce(&*registry, &first).await;
    bench.store_reaches(&first).await;
    check_members(&*registry, |members| holds(members, &first)).await;

    zookeeper.kill(0);
    let second = bench.server.land(&[("a.json", "2")]);
    bench.store_reaches(&second).await;
    zookeeper.start(0).unwrap();
    announce(&*registry, &second).await;
    check_members(&*registry, |members| holds(members, &second)).await;
    let third = bench.server.land(&[("a.json", "3")]);
    announce(&*registry, &third).await;
    bench.store_reaches(&third).await;
    bench.stop_store().await;
    check_members(&*registry, <[Member]>::is_empty).await;
    bench.stop().await;
    tasks.shutdown();
    tasks.join(DEADLINE).await.unwrap();
}

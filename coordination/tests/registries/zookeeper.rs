use super::support::{Server, Store, finish, zookeeper, zookeeper_with};
use async_trait::async_trait;
use configbus_coordination::{
    HeadRegistry, RegistrationState, RegistryError, ZooKeeperSettings,
    contract::{
        Fixture, check_becomes, check_connects, check_members, check_registry, check_state, check_yields, head, member,
    },
    zookeeper_fixture::ZooKeeperFixture,
};
use configbus_model::{ErrorKind, MemberRole, Namespace};
use configbus_runtime::Tasks;
use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};
use tokio::sync::watch;
use zookeeper_client as zk;

/// A part of a ZooKeeper in which nothing has happened.
struct Chroot {
    connect: String,
    server: Arc<dyn HeadRegistry>,
    tasks: Tasks,
}

impl Chroot {
    async fn fresh(address: &str, tasks: &Tasks) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let connect = format!("{address}/test-{}/deeper", NEXT.fetch_add(1, Ordering::Relaxed));
        let server = zookeeper(&connect, tasks);
        check_connects(server.as_ref()).await;
        Self { connect, server, tasks: tasks.clone() }
    }

    /// Connects without this crate, as an operator or an intruder would.
    async fn raw(&self) -> zk::Client {
        let client = zk::Client::connect(&self.connect.replace("/deeper", "/deeper/configbus")).await.unwrap();
        assert!(client.check_stat("/ns").await.unwrap().is_some());
        client
    }
}

#[async_trait]
impl Fixture for Chroot {
    async fn server(&self) -> Arc<dyn HeadRegistry> {
        Arc::clone(&self.server)
    }

    async fn observer(&self) -> Arc<dyn HeadRegistry> {
        let registry = zookeeper(&self.connect, &self.tasks);
        check_connects(registry.as_ref()).await;
        registry
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn zookeeper_keeps_the_contract_and_its_layout() {
    let zookeeper = ZooKeeperFixture::single().unwrap_or_else(|error| panic!("{error}"));
    let address = zookeeper.address(0);
    let tasks = Tasks::new("test");
    check_registry(async || Chroot::fresh(&address, &tasks).await).await;
    check_layout(&Chroot::fresh(&address, &tasks).await).await;
    check_foreign_values_are_corrected(&Chroot::fresh(&address, &tasks).await).await;
    check_a_node_that_somebody_deletes_comes_back(&Chroot::fresh(&address, &tasks).await).await;
    check_announcing_beside_a_live_server_is_refused(&Chroot::fresh(&address, &tasks).await).await;
    check_who_leaves_is_gone_at_once(&Chroot::fresh(&address, &tasks).await).await;
    check_credentials_protect_the_nodes(&Chroot::fresh(&address, &tasks).await).await;
    finish(tasks).await;
}

async fn check_layout(bus: &Chroot) {
    bus.server.announce(&Namespace::main(), &head(42, 0xab)).await.unwrap();
    let server = Server::start(bus.server().await, "1", &bus.tasks).await;
    let store = Store::start(bus.observer().await, "store-1").await;
    check_members(bus.server.as_ref(), &["server-1", "store-1-1"]).await;
    let raw = bus.raw().await;
    let (data, _) = raw.get_data("/ns/main/head").await.unwrap();
    let json: serde_json::Value = serde_json::from_slice(&data).unwrap();
    assert_eq!(json, serde_json::to_value(head(42, 0xab)).unwrap());
    for path in ["/ns/main/server", "/stores/store-1-1"] {
        assert_ne!(raw.get_data(path).await.unwrap().1.ephemeral_owner, 0, "{path} is ephemeral");
    }
    drop((server, store));
}

async fn check_foreign_values_are_corrected(bus: &Chroot) {
    let (server, observer) = (Server::start(bus.server().await, "1", &bus.tasks).await, bus.observer().await);
    let (raw, main) = (bus.raw().await, Namespace::main());
    server.accept(&head(42, 1));
    check_yields(observer.as_ref(), &main, &head(42, 1)).await;

    let wrong = serde_json::to_vec(&head(999_999_999_999, 9)).unwrap();
    raw.set_data("/ns/main/head", &wrong, None).await.unwrap();
    check_yields(observer.as_ref(), &main, &head(999_999_999_999, 9)).await;
    check_yields(observer.as_ref(), &main, &head(42, 1)).await;

    let diverged = serde_json::to_vec(&head(42, 7)).unwrap();
    raw.set_data("/ns/main/head", &diverged, None).await.unwrap();
    check_yields(observer.as_ref(), &main, &head(42, 7)).await;
    check_yields(observer.as_ref(), &main, &head(42, 1)).await;

    raw.set_data("/ns/main/head", b"not json", None).await.unwrap();
    server.accept(&head(43, 2));
    check_yields(observer.as_ref(), &main, &head(43, 2)).await;

    raw.delete("/ns/main/head", None).await.unwrap();
    server.accept(&head(44, 3));
    check_yields(observer.as_ref(), &main, &head(44, 3)).await;
}

async fn check_a_node_that_somebody_deletes_comes_back(bus: &Chroot) {
    let store = Store::start(bus.observer().await, "a").await;
    check_members(bus.server.as_ref(), &["a-1"]).await;
    let raw = bus.raw().await;
    let before = raw.get_data("/stores/a-1").await.unwrap().1.czxid;
    raw.delete("/stores/a-1", None).await.unwrap();
    // Only what is re-created can carry a later change.
    store.member.send_modify(|member| member.subscribers = 5);
    check_becomes("members", bus.server.members(), |members| members.iter().any(|member| member.subscribers == 5))
        .await;
    assert!(raw.get_data("/stores/a-1").await.unwrap().1.czxid > before);
}

async fn check_announcing_beside_a_live_server_is_refused(bus: &Chroot) {
    let server = Server::start(bus.server().await, "1", &bus.tasks).await;
    check_state(&server.claim, |state| *state == RegistrationState::Held).await;
    let refusal = bus.observer().await.announce(&Namespace::main(), &head(1, 1)).await.unwrap_err();
    assert!(matches!(refusal, RegistryError::ServedByAnother { by, .. } if by == "server-1"));
}

/// With a session timeout far beyond the deadline of the test.
async fn check_who_leaves_is_gone_at_once(bus: &Chroot) {
    let tasks = Tasks::new("leaving");
    let settings = ZooKeeperSettings { session_timeout_ms: 60_000, ..ZooKeeperSettings::for_servers(&bus.connect) };
    let _store = Store::start(zookeeper_with(&settings, &tasks), "a").await;
    check_members(bus.server.as_ref(), &["a-1"]).await;
    finish(tasks).await;
    check_members(bus.server.as_ref(), &[]).await;
}

async fn check_credentials_protect_the_nodes(bus: &Chroot) {
    let main = Namespace::main();
    bus.server.announce(&main, &head(1, 1)).await.unwrap();
    let settings =
        ZooKeeperSettings { digest: "configbus:secret".into(), ..ZooKeeperSettings::for_servers(&bus.connect) };
    let trusted = zookeeper_with(&settings, &bus.tasks);
    check_connects(trusted.as_ref()).await;
    assert!(trusted.announce(&main, &head(2, 2)).await.unwrap().is_held());
    check_yields(bus.server.as_ref(), &main, &head(2, 2)).await;

    let refusal = bus.server.announce(&main, &head(3, 3)).await.unwrap_err();
    assert_eq!(refusal.kind(), ErrorKind::Denied, "{refusal}");
    let raw = bus.raw().await;
    for path in ["/ns/main/head", "/ns/main", "/ns"] {
        assert_eq!(raw.set_data(path, b"{}", None).await.unwrap_err(), zk::Error::NoAuth, "{path}");
    }
    let (_member, receiver) = watch::channel(member(MemberRole::Store, "intruder", "1"));
    let intruder = bus.observer().await;
    let _listed = intruder.register(receiver).await.unwrap();
    check_becomes("connection", intruder.connection(), |connection| {
        connection.reason().is_some_and(|reason| reason.contains("access"))
    })
    .await;
    assert!(trusted.members().borrow().is_empty());
}

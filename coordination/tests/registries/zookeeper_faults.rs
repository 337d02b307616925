use super::support::{Server, Store, finish, zookeeper};
use configbus_coordination::{
    Connection, Heads, RegistrationState,
    contract::{check_becomes, check_connects, check_members, check_state, check_yields, head},
    zookeeper_fixture::ZooKeeperFixture,
};
use configbus_model::Namespace;
use configbus_runtime::Tasks;
use tokio::sync::watch;

/// A server and a store on a ZooKeeper that misbehaves.
struct Bus {
    zookeeper: ZooKeeperFixture,
    server: Server,
    store: Store,
    accepted: u64,
}

impl Bus {
    async fn start(zookeeper: ZooKeeperFixture, tasks: &Tasks) -> Self {
        let connect = zookeeper.connect_string();
        let server = Server::start(self::zookeeper(&connect, tasks), "1", tasks).await;
        let store = Store::start(self::zookeeper(&connect, tasks), "a").await;
        Self { zookeeper, server, store, accepted: 0 }
    }

    /// Lands some revisions at the server, whatever ZooKeeper is doing.
    fn accept(&mut self, count: u64) {
        for _ in 0..count {
            self.accepted += 1;
            self.server.accept(&head(self.accepted, 1));
        }
    }

    /// Waits until ZooKeeper's absence has been noticed by everybody.
    async fn check_disconnected(&self, expected: impl Fn(&str) -> bool + Copy) {
        for registry in [&self.server.registry, &self.store.registry] {
            let is_expected = |connection: &Connection| connection.reason().is_some_and(expected);
            check_becomes("connection", registry.connection(), is_expected).await;
        }
    }

    /// Waits until everything is as if nothing had happened.
    async fn check_recovers(&self) {
        self.server.check_announced().await;
        check_yields(self.store.registry.as_ref(), &Namespace::main(), &head(self.accepted, 1)).await;
        for registration in [&self.server.claim, &self.store.registration] {
            check_state(registration, |state| *state == RegistrationState::Held).await;
        }
        for registry in [&self.server.registry, &self.store.registry] {
            check_connects(registry.as_ref()).await;
            check_members(registry.as_ref(), &["server-1", "a-1"]).await;
        }
    }

    /// Proves that watches work again: these heads come by no other way within the deadline.
    async fn check_follows(&mut self) {
        for _ in 0..3 {
            self.accept(1);
            check_yields(self.store.registry.as_ref(), &Namespace::main(), &head(self.accepted, 1)).await;
        }
    }
}

/// Collects the revisions a registry yields, until told to stop.
async fn revisions(mut heads: watch::Receiver<Heads>, stop: impl Future<Output = ()>) -> Vec<u64> {
    let mut seen = vec![];
    tokio::pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => return seen,
            changed = heads.changed() => changed.expect("the registry outlives its channels"),
        }
        seen.extend(heads.borrow_and_update().get(&Namespace::main()).map(|head| head.revision.0));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_while_zookeeper_comes_and_goes() {
    let zookeeper = ZooKeeperFixture::prepared(1).unwrap_or_else(|error| panic!("{error}"));
    let tasks = Tasks::new("test");
    let mut bus = Bus::start(zookeeper, &tasks).await;
    let watched = tasks.shutdown_token();
    let heads = bus.store.registry.heads();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let watching = revisions(heads, async { drop(stopped.await) });
    let faults = async {
        check_away_at_start(&mut bus).await;
        check_a_short_absence(&mut bus).await;
        check_a_long_absence(&mut bus).await;
        check_a_frozen_server(&mut bus).await;
        check_loss_of_all_data(&mut bus).await;
        drop(stop);
    };
    let (seen, ()) = tokio::join!(watching, faults);
    assert!(seen.is_sorted(), "a head moved back: {seen:?}");
    assert!(!watched.is_cancelled());
    finish(tasks).await;
}

async fn check_away_at_start(bus: &mut Bus) {
    bus.accept(2);
    check_becomes("unannounced", bus.server.announcer.unannounced(), |unannounced| {
        let main = unannounced.get(&Namespace::main());
        main.is_some_and(|main| main.head == head(2, 1) && main.attempts > 0 && main.reason.is_some())
    })
    .await;
    bus.check_disconnected(|reason| reason.contains("127.0.0.1")).await;
    bus.accept(1);
    bus.zookeeper.start(0).unwrap();
    bus.check_recovers().await;
    bus.check_follows().await;
}

/// Shorter than the session timeout: the session survives, but watches have to be set again.
async fn check_a_short_absence(bus: &mut Bus) {
    bus.zookeeper.kill(0);
    bus.check_disconnected(|_| true).await;
    bus.accept(2);
    bus.zookeeper.start(0).unwrap();
    bus.check_recovers().await;
    bus.check_follows().await;
}

/// Longer than the session timeout: clients give their sessions up, and their nodes are still there when the server
/// comes back, because it grants all sessions a fresh timeout.
async fn check_a_long_absence(bus: &mut Bus) {
    bus.zookeeper.kill(0);
    bus.check_disconnected(|reason| reason.contains("no available hosts")).await;
    bus.accept(2);
    bus.zookeeper.start(0).unwrap();
    bus.check_recovers().await;
    bus.check_follows().await;
}

/// Connections stay open and nothing answers. When the server goes on, it has missed everybody's heartbeats.
async fn check_a_frozen_server(bus: &mut Bus) {
    bus.zookeeper.pause(0);
    bus.accept(2);
    bus.check_disconnected(|reason| !reason.contains("Disconnected")).await;
    bus.zookeeper.resume(0);
    bus.check_recovers().await;
    bus.check_follows().await;
}

async fn check_loss_of_all_data(bus: &mut Bus) {
    bus.zookeeper.kill(0);
    bus.check_disconnected(|_| true).await;
    bus.zookeeper.wipe(0).unwrap();
    bus.zookeeper.start(0).unwrap();
    bus.check_recovers().await;
    let newcomer = zookeeper(&bus.zookeeper.connect_string(), &Tasks::new("newcomer"));
    check_yields(newcomer.as_ref(), &Namespace::main(), &head(bus.accepted, 1)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ensemble_that_loses_its_leader_loses_nothing_else() {
    let zookeeper = ZooKeeperFixture::ensemble(3).unwrap_or_else(|error| panic!("{error}"));
    let tasks = Tasks::new("test");
    let mut bus = Bus::start(zookeeper, &tasks).await;
    let heads = bus.store.registry.heads();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let watching = revisions(heads, async { drop(stopped.await) });
    let faults = async {
        bus.accept(1);
        bus.check_recovers().await;
        for _ in 0..2 {
            let leader = bus.zookeeper.leader().unwrap();
            bus.zookeeper.kill(leader);
            bus.accept(3);
            bus.check_recovers().await;
            bus.check_follows().await;
            bus.zookeeper.start(leader).unwrap();
            bus.zookeeper.wait_ready().unwrap();
        }
        drop(stop);
    };
    let (seen, ()) = tokio::join!(watching, faults);
    assert!(seen.is_sorted(), "a head moved back: {seen:?}");
    finish(tasks).await;
}

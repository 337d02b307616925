//! Processes of a bus in one test: each has its tasks and ends with the test.

use configbus_coordination::{
    Announcer, HeadRegistry, Registration, ZooKeeperRegistry, ZooKeeperSettings,
    contract::{check_becomes, member},
};
use configbus_model::{Head, Member, MemberRole, Namespace};
use configbus_runtime::{SystemClock, Tasks};
use std::{sync::Arc, time::Duration};
use tokio::sync::watch;

/// Starts a registry.
pub(super) fn started<R: HeadRegistry>(registry: Arc<R>, tasks: &Tasks) -> Arc<dyn HeadRegistry> {
    let registry: Arc<dyn HeadRegistry> = registry;
    Arc::clone(&registry).start(tasks);
    registry
}

/// Prepares a registry in ZooKeeper with short timeouts.
pub(super) fn zookeeper(connect: &str, tasks: &Tasks) -> Arc<dyn HeadRegistry> {
    zookeeper_with(&ZooKeeperSettings { session_timeout_ms: 2_000, ..ZooKeeperSettings::for_servers(connect) }, tasks)
}

pub(super) fn zookeeper_with(settings: &ZooKeeperSettings, tasks: &Tasks) -> Arc<dyn HeadRegistry> {
    started(ZooKeeperRegistry::new(settings, Arc::new(SystemClock)).unwrap(), tasks)
}

/// A server as far as coordination goes: registry, claim and announcer.
pub(super) struct Server {
    pub(super) registry: Arc<dyn HeadRegistry>,
    pub(super) announcer: Arc<Announcer>,
    pub(super) claim: Registration,
    _member: watch::Sender<Member>,
}

impl Server {
    pub(super) async fn start(registry: Arc<dyn HeadRegistry>, incarnation: &str, tasks: &Tasks) -> Self {
        let (member, receiver) = watch::channel(member(MemberRole::Server, "server", incarnation));
        let claim = registry.claim(&Namespace::main(), receiver).await.unwrap();
        let announcer = Announcer::new(Arc::clone(&registry), Arc::new(SystemClock));
        Arc::clone(&announcer).start(tasks);
        Self { registry, announcer, claim, _member: member }
    }

    pub(super) fn accept(&self, head: &Head) {
        self.announcer.accept(&Namespace::main(), head);
    }

    /// Waits until everything that was accepted is announced.
    pub(super) async fn check_announced(&self) {
        check_becomes("unannounced", self.announcer.unannounced(), |unannounced| unannounced.is_empty()).await;
    }
}

/// A store as far as coordination goes.
pub(super) struct Store {
    pub(super) registry: Arc<dyn HeadRegistry>,
    pub(super) registration: Registration,
    pub(super) member: watch::Sender<Member>,
}

impl Store {
    pub(super) async fn start(registry: Arc<dyn HeadRegistry>, id: &str) -> Self {
        let (member, receiver) = watch::channel(member(MemberRole::Store, id, "1"));
        let registration = registry.register(receiver).await.unwrap();
        Self { registry, registration, member }
    }
}

/// Ends all tasks and checks that none of them failed.
pub(super) async fn finish(tasks: Tasks) {
    tasks.shutdown_token().cancel();
    tasks.join(Duration::from_secs(20)).await.unwrap();
}

//! One store between a double of the server and a registry that can be cut off.

use crate::{
    agent::{Agent, DEADLINE, Disk},
    server_double::ServerDouble,
};
use configbus_configstore::{BuildError, Limits, Settings, Store};
use configbus_coordination::{Embedded, HeadRegistry, Heads, Unreliable};
use configbus_model::{Head, Namespace};
use configbus_runtime::{
    Readiness, SystemClock, Tasks,
    telemetry::{self, LogFormat},
};
use std::{path::PathBuf, sync::Arc, time::Duration};
use tempfile::TempDir;
use tokio::sync::watch;

pub(crate) struct Bench {
    pub(crate) server: ServerDouble,
    pub(crate) registry: Arc<Unreliable>,
    pub(crate) data: TempDir,
    pub(crate) limits: Limits,
    coordination: Tasks,
    store: Option<Running>,
}

struct Running {
    tasks: Tasks,
    url: String,
    heads: watch::Receiver<Heads>,
    readiness: Readiness,
}

impl Bench {
    /// Starts a server without revisions and a store that follows it.
    pub(crate) async fn start() -> Self {
        let mut bench = Self::without_store().await;
        bench.start_store().await;
        bench
    }

    pub(crate) async fn without_store() -> Self {
        // Silent unless CONFIGBUS_LOG asks for more.
        telemetry::init_tracing(LogFormat::Text, "off");
        let (coordination, clock) = (Tasks::new("coordination"), Arc::new(SystemClock));
        let registry = Unreliable::new(Embedded::new(), clock);
        registry.clone().start(&coordination);
        let (server, data) = (ServerDouble::start().await, tempfile::tempdir().unwrap());
        Self { server, registry, data, limits: Limits::default(), coordination, store: None }
    }

    pub(crate) fn settings(&self) -> Settings {
        Settings {
            id: Some("store-1".into()),
            data: self.data.path().join("store"),
            listen: "127.0.0.1:0".parse().unwrap(),
            server: self.server.url(),
            limits: self.limits.clone(),
            ..Settings::default()
        }
    }

    pub(crate) async fn build(&self) -> Result<Store, BuildError> {
        Store::build_with(self.settings(), self.registry.clone()).await
    }

    pub(crate) async fn start_store(&mut self) {
        let store = self.build().await.unwrap();
        self.run(store);
    }

    pub(crate) fn run(&mut self, store: Store) {
        let tasks = Tasks::new("store");
        let (url, heads, readiness) = (store.url(), store.heads(), store.readiness());
        store.run(&tasks);
        self.store = Some(Running { tasks, url, heads, readiness });
    }

    pub(crate) async fn stop_store(&mut self) {
        if let Some(store) = self.store.take() {
            store.tasks.shutdown();
            store.tasks.join(Duration::from_secs(10)).await.unwrap();
        }
    }

    /// Tells the store to stop without waiting.
    pub(crate) fn begin_to_stop_store(&self) {
        self.running().tasks.shutdown();
    }

    pub(crate) async fn stop(mut self) {
        self.stop_store().await;
        self.server.pause().await;
        self.coordination.shutdown();
        self.coordination.join(Duration::from_secs(10)).await.unwrap();
    }

    /// Lands a change and announces it.
    pub(crate) async fn land(&self, files: &[(&str, &str)]) -> Head {
        let head = self.server.land(files);
        self.announce(&head).await;
        head
    }

    pub(crate) async fn announce(&self, head: &Head) {
        self.registry.announce(&Namespace::main(), head).await.unwrap();
    }

    /// Waits until the store serves a head.
    pub(crate) async fn store_reaches(&self, head: &Head) {
        self.store_serves(|held| held == head).await;
    }

    /// Waits until the store serves a head that is as wanted.
    pub(crate) async fn store_serves(&self, wanted: impl Fn(&Head) -> bool) -> Head {
        let mut heads = self.running().heads.clone();
        let main = Namespace::main();
        let reached = heads.wait_for(|heads| heads.get(&main).is_some_and(&wanted));
        let heads = tokio::time::timeout(DEADLINE, reached).await.expect("the store gets there").unwrap();
        heads[&main].clone()
    }

    /// Waits until the store serves a head of a namespace, or serves the namespace no more.
    pub(crate) async fn store_serves_in(&self, namespace: &Namespace, head: Option<&Head>) {
        let mut heads = self.running().heads.clone();
        let reached = heads.wait_for(|heads| heads.get(namespace) == head);
        tokio::time::timeout(DEADLINE, reached).await.expect("the store gets there").unwrap();
    }

    pub(crate) fn store_head(&self) -> Option<Head> {
        self.running().heads.borrow().get(&Namespace::main()).cloned()
    }

    pub(crate) async fn store_is_ready(&self) {
        tokio::time::timeout(DEADLINE, self.running().readiness.wait()).await.expect("the store becomes ready");
    }

    pub(crate) fn url(&self) -> &str {
        &self.running().url
    }

    pub(crate) async fn subscribe(&self, host: &str) -> Agent {
        Agent::subscribe(self.url(), host, Disk::default()).await
    }

    pub(crate) fn mirror(&self) -> PathBuf {
        self.data.path().join("store/namespaces/main.git")
    }

    fn running(&self) -> &Running {
        self.store.as_ref().expect("the store runs")
    }
}

//! A registry that can be cut off, for tests of those who depend on one.

use crate::{Announcement, Connection, HeadRegistry, Heads, Registration, RegistryError, connection::ConnectionCell};
use async_trait::async_trait;
use configbus_model::{Head, Member, Namespace};
use configbus_runtime::{CancellationToken, Clock, Tasks};
use std::{convert::Infallible, sync::Arc};
use tokio::sync::watch;

const KIND: &str = "unreliable";

/// Wraps a registry. While cut off it yields what it yielded last and refuses announcements, as a registry does whose
/// backend is away; registrations stay with the registry inside.
pub struct Unreliable {
    inner: Arc<dyn HeadRegistry>,
    clock: Arc<dyn Clock>,
    is_cut: watch::Sender<bool>,
    heads: watch::Sender<Heads>,
    members: watch::Sender<Vec<Member>>,
    connection: ConnectionCell,
}

impl Unreliable {
    /// Wraps `inner`, which is started together with the wrapper.
    pub fn new(inner: Arc<dyn HeadRegistry>, clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self {
            inner,
            clock,
            is_cut: watch::Sender::new(false),
            heads: watch::Sender::default(),
            members: watch::Sender::default(),
            connection: ConnectionCell::connected(KIND),
        })
    }

    /// Cuts it off.
    pub fn cut(&self) {
        self.is_cut.send_replace(true);
        self.connection.down(self.clock.as_ref(), "a test has cut it off");
    }

    /// Connects it again.
    pub fn mend(&self) {
        self.is_cut.send_replace(false);
        self.connection.up();
    }

    fn check_connected(&self) -> Result<(), RegistryError> {
        if self.connection.is_connected() {
            return Ok(());
        }
        Err(RegistryError::Disconnected { registry: KIND, reason: self.connection.reason() })
    }

    async fn forward(&self, shutdown: &CancellationToken) {
        let (mut heads, mut members) = (self.inner.heads(), self.inner.members());
        let mut is_cut = self.is_cut.subscribe();
        while !shutdown.is_cancelled() {
            if !*is_cut.borrow_and_update() {
                self.heads.send_replace(heads.borrow_and_update().clone());
                self.members.send_replace(members.borrow_and_update().clone());
            }
            tokio::select! {
                () = shutdown.cancelled() => {}
                Ok(()) = is_cut.changed() => {}
                Ok(()) = heads.changed() => {}
                Ok(()) = members.changed() => {}
            }
        }
    }
}

#[async_trait]
impl HeadRegistry for Unreliable {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn start(self: Arc<Self>, tasks: &Tasks) {
        Arc::clone(&self.inner).start(tasks);
        let shutdown = tasks.shutdown_token();
        tasks.spawn("unreliable-registry", async move {
            self.forward(&shutdown).await;
            Ok::<(), Infallible>(())
        });
    }

    async fn announce(&self, namespace: &Namespace, head: &Head) -> Result<Announcement, RegistryError> {
        self.check_connected()?;
        self.inner.announce(namespace, head).await
    }

    async fn correct(&self, namespace: &Namespace, head: &Head) -> Result<Announcement, RegistryError> {
        self.check_connected()?;
        self.inner.correct(namespace, head).await
    }

    fn heads(&self) -> watch::Receiver<Heads> {
        self.heads.subscribe()
    }

    async fn register(&self, member: watch::Receiver<Member>) -> Result<Registration, RegistryError> {
        self.inner.register(member).await
    }

    async fn claim(
        &self,
        namespace: &Namespace,
        member: watch::Receiver<Member>,
    ) -> Result<Registration, RegistryError> {
        self.inner.claim(namespace, member).await
    }

    fn members(&self) -> watch::Receiver<Vec<Member>> {
        self.members.subscribe()
    }

    fn connection(&self) -> watch::Receiver<Connection> {
        self.connection.subscribe()
    }
}

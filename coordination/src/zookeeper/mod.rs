//! The registry in ZooKeeper.
//!
//! A background task owns the session: [`session`] connects, watches and reads, [`reconciler`] keeps our nodes as
//! they should be. Announcements go through [`head_node`] on the caller's task. ZooKeeper may be away at any time,
//! at start included; nothing here waits for it except the calls that need it, and these are bounded.

mod access;
mod calls;
mod claim;
mod head_node;
mod layout;
mod listing;
mod reconciler;
mod session;
mod settings;

pub use settings::{ZooKeeperSettings, ZooKeeperSettingsError};

use crate::{
    Announcement, Connection, HeadRegistry, Heads, Registration, RegistryError,
    connection::ConnectionCell,
    head_book::{HeadBook, count_correction, count_divergence},
    head_record::HeadRecord,
    member_rules::checked,
    registrations::{Place, Registrations},
};
use access::Access;
use async_trait::async_trait;
use calls::KIND;
use configbus_model::{Head, Member, Namespace};
use configbus_runtime::{Clock, Tasks};
use head_node::{Decide, HeadNode, Written, timed_out};
use settings::Ensemble;
use std::{
    convert::Infallible,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::sync::watch;
use zookeeper_client as zk;

/// Longest a request may take; shorter session timeouts make it shorter.
const REQUEST_TIMEOUT_MAX: Duration = Duration::from_secs(5);

/// Heads and members in ZooKeeper.
pub struct ZooKeeperRegistry {
    shared: Arc<Shared>,
    access: Access,
}

/// What the session's task and the callers' tasks share.
struct Shared {
    ensemble: Ensemble,
    clock: Arc<dyn Clock>,
    heads: HeadBook,
    members: watch::Sender<Vec<Member>>,
    registrations: Arc<Registrations>,
    connection: ConnectionCell,
    /// The session's client while it is up to date.
    client: Mutex<Option<zk::Client>>,
}

impl Shared {
    fn request_timeout(&self) -> Duration {
        self.ensemble.session_timeout.min(REQUEST_TIMEOUT_MAX)
    }

    fn publish(&self, members: Vec<Member>) {
        self.members.send_if_modified(|published| {
            let changed = *published != members;
            *published = members;
            changed
        });
    }

    fn up(&self, client: &zk::Client) {
        *self.client.lock().unwrap_or_else(PoisonError::into_inner) = Some(client.clone());
        self.connection.up();
    }

    fn down(&self, reason: String) {
        self.connection.down(self.clock.as_ref(), reason);
        self.registrations.report_all_pending();
    }

    fn lose_client(&self, reason: String) {
        self.down(reason);
        *self.client.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn client(&self) -> Result<zk::Client, RegistryError> {
        let client = self.client.lock().unwrap_or_else(PoisonError::into_inner).clone();
        client
            .filter(|_| self.connection.is_connected())
            .ok_or_else(|| RegistryError::Disconnected { registry: KIND, reason: self.connection.reason() })
    }
}

impl ZooKeeperRegistry {
    /// Prepares a registry; connects when started.
    pub fn new(settings: &ZooKeeperSettings, clock: Arc<dyn Clock>) -> Result<Arc<Self>, ZooKeeperSettingsError> {
        let ensemble = settings.checked()?;
        let access = Access::new(ensemble.digest.is_some());
        let shared = Shared {
            ensemble,
            heads: HeadBook::default(),
            members: watch::Sender::default(),
            registrations: Arc::default(),
            connection: ConnectionCell::disconnected(KIND, clock.as_ref()),
            client: Mutex::new(None),
            clock,
        };
        Ok(Arc::new(Self { shared: Arc::new(shared), access }))
    }

    async fn write(&self, namespace: &Namespace, decide: Decide<'_>) -> Result<Written, RegistryError> {
        let client = self.shared.client()?;
        let place = Place::Server(namespace.clone());
        let claim = self.shared.registrations.wishes().into_iter().find(|wish| wish.place == place);
        let node = HeadNode {
            client: &client,
            layout: &self.shared.ensemble.layout,
            access: &self.access,
            heads: &self.shared.heads,
            namespace,
            claimant: claim.as_ref().map(|wish| &wish.member),
        };
        let timeout = self.shared.request_timeout();
        let written = tokio::time::timeout(timeout, node.write(decide)).await.map_err(|_| timed_out(timeout))??;
        if let Some(record) = written.after.clone() {
            self.shared.heads.observe(namespace, record);
        }
        Ok(written)
    }
}

#[async_trait]
impl HeadRegistry for ZooKeeperRegistry {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn start(self: Arc<Self>, tasks: &Tasks) {
        let (shared, shutdown) = (Arc::clone(&self.shared), tasks.shutdown_token());
        tasks.spawn("zookeeper-session", async move {
            session::run(&shared, &shutdown).await;
            Ok::<(), Infallible>(())
        });
    }

    async fn announce(&self, namespace: &Namespace, head: &Head) -> Result<Announcement, RegistryError> {
        let written = self.write(namespace, &|found| HeadRecord::announce(found, head)).await?;
        if let Announcement::Diverged(held) = &written.answer {
            count_divergence(namespace, Some(held), head);
        }
        Ok(written.answer)
    }

    async fn correct(&self, namespace: &Namespace, head: &Head) -> Result<Announcement, RegistryError> {
        let written = self.write(namespace, &|found| HeadRecord::correct(found, head)).await?;
        if let (Some(before), Some(after)) = (&written.before, &written.after)
            && after.corrections > before.corrections
        {
            count_correction(namespace, &before.head, head);
        }
        Ok(written.answer)
    }

    fn heads(&self) -> watch::Receiver<Heads> {
        self.shared.heads.subscribe()
    }

    async fn register(&self, member: watch::Receiver<Member>) -> Result<Registration, RegistryError> {
        checked(&member.borrow())?;
        Ok(self.shared.registrations.add(Place::Store, member))
    }

    async fn claim(
        &self,
        namespace: &Namespace,
        member: watch::Receiver<Member>,
    ) -> Result<Registration, RegistryError> {
        checked(&member.borrow())?;
        Ok(self.shared.registrations.add(Place::Server(namespace.clone()), member))
    }

    fn members(&self) -> watch::Receiver<Vec<Member>> {
        self.shared.members.subscribe()
    }

    fn connection(&self) -> watch::Receiver<Connection> {
        self.shared.connection.subscribe()
    }
}

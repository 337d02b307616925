//! The registry inside the server: memory, rebuilt from Git and from who connects at each start.
//!
//! It needs no persistence of its own, because heads are rebuilt from Git by the announcer and members register
//! again. [`crate::EmbeddedService`] offers it to other processes, [`crate::EmbeddedClient`] is their side.

use crate::{
    Announcement, Connection, HeadRegistry, Heads, Registration, RegistrationState, RegistryError,
    connection::ConnectionCell,
    head_book::{HeadBook, count_correction, count_divergence},
    head_record::HeadRecord,
    live_members::live_members,
    member_rules::checked,
    registrations::{Place, Registrations, SlotKey, Wish},
};
use async_trait::async_trait;
use configbus_model::{Head, Member, Namespace};
use configbus_runtime::Tasks;
use std::{collections::BTreeMap, convert::Infallible, sync::Arc};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Name of this implementation.
pub(crate) const KIND: &str = "embedded";

/// Registry of a server that runs without ZooKeeper.
pub struct Embedded {
    heads: HeadBook,
    members: watch::Sender<Vec<Member>>,
    registrations: Arc<Registrations>,
    connection: ConnectionCell,
}

impl Embedded {
    /// Returns an empty registry.
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            heads: HeadBook::default(),
            members: watch::Sender::default(),
            registrations: Arc::default(),
            connection: ConnectionCell::connected(KIND),
        })
    }

    pub(crate) fn record(&self, namespace: &Namespace) -> Option<HeadRecord> {
        self.heads.record(namespace)
    }

    /// Returns whether a server is listed as the one that serves a namespace, or waits to be.
    pub(crate) fn is_claimed(&self, namespace: &Namespace) -> bool {
        self.registrations.wishes().iter().any(|wish| wish.place == Place::Server(namespace.clone()))
    }

    pub(crate) fn list_store(&self, member: watch::Receiver<Member>) -> Registration {
        self.registrations.add(Place::Store, member)
    }

    /// Makes the published members equal to the registrations, again after each change of theirs.
    async fn follow_registrations(&self, shutdown: &CancellationToken) {
        let mut seen = self.registrations.subscribe();
        while !shutdown.is_cancelled() {
            let (states, members) = settle(&self.registrations.snapshot(&mut seen));
            self.members.send_if_modified(|published| {
                let changed = *published != members;
                *published = members;
                changed
            });
            for (key, state) in states {
                self.registrations.report(key, state);
            }
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = self.registrations.changed(&seen) => {}
            }
        }
    }
}

#[async_trait]
impl HeadRegistry for Embedded {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn start(self: Arc<Self>, tasks: &Tasks) {
        self.connection.up();
        let shutdown = tasks.shutdown_token();
        tasks.spawn("embedded-members", async move {
            self.follow_registrations(&shutdown).await;
            Ok::<(), Infallible>(())
        });
    }

    async fn announce(&self, namespace: &Namespace, head: &Head) -> Result<Announcement, RegistryError> {
        let (_, written) = self.heads.replace(namespace, |found| HeadRecord::announce(found, head));
        if let Err(Announcement::Diverged(held)) = &written {
            count_divergence(namespace, Some(held), head);
        }
        Ok(written.err().unwrap_or(Announcement::Written))
    }

    async fn correct(&self, namespace: &Namespace, head: &Head) -> Result<Announcement, RegistryError> {
        let (before, written) = self.heads.replace(namespace, |found| HeadRecord::correct(found, head));
        if let (Some(before), Ok(after)) = (&before, &written)
            && after.corrections > before.corrections
        {
            count_correction(namespace, &before.head, head);
        }
        Ok(written.err().unwrap_or(Announcement::Written))
    }

    fn heads(&self) -> watch::Receiver<Heads> {
        self.heads.subscribe()
    }

    async fn register(&self, member: watch::Receiver<Member>) -> Result<Registration, RegistryError> {
        checked(&member.borrow())?;
        Ok(self.list_store(member))
    }

    async fn claim(
        &self,
        namespace: &Namespace,
        member: watch::Receiver<Member>,
    ) -> Result<Registration, RegistryError> {
        checked(&member.borrow())?;
        Ok(self.registrations.add(Place::Server(namespace.clone()), member))
    }

    fn members(&self) -> watch::Receiver<Vec<Member>> {
        self.members.subscribe()
    }

    fn connection(&self) -> watch::Receiver<Connection> {
        self.connection.subscribe()
    }
}

/// Decides who is listed: every store, and of several servers of one namespace the first, unless a later one has
/// the same id, which makes it the same server's next life.
fn settle(wishes: &[Wish]) -> (Vec<(SlotKey, RegistrationState)>, Vec<Member>) {
    let mut servers: BTreeMap<&Namespace, &Wish> = BTreeMap::new();
    for wish in wishes {
        if let Place::Server(namespace) = &wish.place {
            let holder = servers.entry(namespace).or_insert(wish);
            if holder.member.id == wish.member.id {
                *holder = wish;
            }
        }
    }
    let state = |wish: &Wish| match &wish.place {
        Place::Store => RegistrationState::Held,
        Place::Server(namespace) if servers[namespace].key == wish.key => RegistrationState::Held,
        Place::Server(namespace) => RegistrationState::Refused { by: servers[namespace].member.node_name() },
    };
    let states: Vec<_> = wishes.iter().map(|wish| (wish.key, state(wish))).collect();
    let held = wishes.iter().zip(&states).filter(|(_, (_, state))| *state == RegistrationState::Held);
    let members = live_members(held.map(|(wish, _)| (wish.key.cast_signed(), wish.member.clone())));
    (states, members)
}

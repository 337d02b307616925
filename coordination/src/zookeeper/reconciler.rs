//! Makes the ephemeral nodes in ZooKeeper equal to this process's registrations.
//!
//! Runs after each connect, at each change of a registration and on an interval; the next run is the retry.

use super::{
    access::Access,
    calls::{failed, found, make_dirs, read},
    claim::{self, Step},
    layout::{Layout, Node},
};
use crate::{
    RegistrationState, RegistryError,
    registrations::{Place, Registrations, SlotKey, Wish},
};
use configbus_model::Member;
use std::{collections::BTreeMap, sync::Arc};
use tokio::sync::watch;
use zookeeper_client as zk;

/// What this process has put into ZooKeeper. Lives longer than a session.
pub(super) struct Reconciler {
    registrations: Arc<Registrations>,
    seen: watch::Receiver<u64>,
    held: BTreeMap<SlotKey, (Node, Member)>,
}

impl Reconciler {
    pub(super) fn new(registrations: Arc<Registrations>) -> Self {
        let seen = registrations.subscribe();
        Self { registrations, seen, held: BTreeMap::new() }
    }

    /// Waits until a run has something to do. Cancel-safe.
    pub(super) async fn changed(&self) {
        self.registrations.changed(&self.seen).await;
    }

    /// Returns whether one of our nodes is among `nodes`.
    pub(super) fn concerns(&self, mut nodes: impl Iterator<Item = Node>, layout: &Layout) -> bool {
        let wishes = self.registrations.wishes();
        let ours: Vec<Node> = wishes.iter().map(|wish| node_of(wish, layout)).collect();
        nodes.any(|node| ours.contains(&node))
    }

    /// Compares and repairs once.
    pub(super) async fn run(
        &mut self,
        client: &zk::Client,
        layout: &Layout,
        access: &Access,
    ) -> Result<(), RegistryError> {
        let wishes = self.registrations.snapshot(&mut self.seen);
        self.withdraw_others(client, layout, &wishes).await?;
        for wish in &wishes {
            let node = node_of(wish, layout);
            let state = self.list(client, layout, access, wish, &node).await?;
            if state == RegistrationState::Held {
                self.held.insert(wish.key, (node, wish.member.clone()));
            }
            self.registrations.report(wish.key, state);
        }
        Ok(())
    }

    /// Removes what nobody wishes any more, if it is still ours.
    async fn withdraw_others(
        &mut self,
        client: &zk::Client,
        layout: &Layout,
        wishes: &[Wish],
    ) -> Result<(), RegistryError> {
        let is_wished = |key: &SlotKey| wishes.iter().any(|wish| wish.key == *key);
        while let Some(key) = self.held.keys().find(|key| !is_wished(key)).copied() {
            let (node, member) = &self.held[&key];
            let path = layout.path(node);
            if let Some(data) = read(client, &path).await? {
                let found = found(&data);
                if found.member.is_some_and(|there| claim::is_same_life(&there, member)) {
                    match client.delete(&path, Some(found.version)).await {
                        Ok(()) | Err(zk::Error::NoNode | zk::Error::BadVersion) => {}
                        Err(error) => return Err(failed("remove", &path, error)),
                    }
                }
            }
            self.held.remove(&key);
        }
        Ok(())
    }

    async fn list(
        &self,
        client: &zk::Client,
        layout: &Layout,
        access: &Access,
        wish: &Wish,
        node: &Node,
    ) -> Result<RegistrationState, RegistryError> {
        let path = layout.path(node);
        let there = read(client, &path).await?.as_ref().map(found);
        let session = client.session_id().0;
        let step = claim::step(&wish.member, there.as_ref(), session, self.held.contains_key(&wish.key));
        let data = serde_json::to_vec(&wish.member).expect("a member's maps have strings as keys");
        let outcome = match step {
            Step::Nothing => Ok(()),
            Step::Refused { by } => return Ok(RegistrationState::Refused { by }),
            Step::Create => create(client, layout, access, wish, &path, &data).await,
            Step::Update => client.set_data(&path, &data, None).await.map(drop),
            Step::Replace { version } => replace(client, access, &path, &data, version).await,
        };
        match outcome {
            Ok(()) => Ok(RegistrationState::Held),
            // Somebody was faster; the next run, which the change itself triggers, sees whom.
            Err(zk::Error::NodeExists | zk::Error::NoNode | zk::Error::BadVersion) => Ok(RegistrationState::Pending),
            Err(error) => Err(failed("register at", &path, error)),
        }
    }
}

fn node_of(wish: &Wish, layout: &Layout) -> Node {
    match &wish.place {
        Place::Store => layout.store(&wish.member),
        Place::Server(namespace) => Node::Server(namespace.clone()),
    }
}

async fn create(
    client: &zk::Client,
    layout: &Layout,
    access: &Access,
    wish: &Wish,
    path: &str,
    data: &[u8],
) -> Result<(), zk::Error> {
    if let Place::Server(namespace) = &wish.place {
        client.mkdir(&layout.namespace(namespace), &access.persistent()).await?;
    }
    client.create(path, data, &access.ephemeral()).await.map(drop)
}

/// Deletes and creates in one transaction, so that nobody can step in between.
async fn replace(client: &zk::Client, access: &Access, path: &str, data: &[u8], version: i32) -> Result<(), zk::Error> {
    let mut writer = client.new_multi_writer();
    writer.add_delete(path, Some(version))?;
    writer.add_create(path, data, &access.ephemeral())?;
    match writer.commit().await {
        Ok(_) => Ok(()),
        Err(zk::MultiWriteError::OperationFailed { source, .. } | zk::MultiWriteError::RequestFailed { source }) => {
            Err(source)
        }
    }
}

/// Makes the nodes that are always there.
pub(super) async fn make_layout(client: &zk::Client, layout: &Layout, access: &Access) -> Result<(), RegistryError> {
    for path in [layout.namespaces(), layout.stores()] {
        make_dirs(client, &path, &access.persistent()).await?;
    }
    Ok(())
}

//! What is listed in ZooKeeper, as last read.

use super::{
    calls::{Data, children, read},
    layout::{Layout, Node},
};
use crate::{RegistryError, head_book::HeadBook, head_record::HeadRecord, live_members::live_members};
use configbus_model::{Member, Namespace};
use futures_util::future::join_all;
use std::collections::{BTreeMap, BTreeSet};
use zookeeper_client as zk;

/// Members by node, with the transaction that created each.
#[derive(Debug, Default)]
pub(super) struct Listing {
    namespaces: Vec<Namespace>,
    members: BTreeMap<Node, (i64, Member)>,
}

impl Listing {
    /// Returns the members that count.
    pub(super) fn members(&self) -> Vec<Member> {
        live_members(self.members.values().cloned())
    }

    /// Returns the namespaces that have nodes, with or without a head.
    pub(super) fn namespaces(&self) -> &[Namespace] {
        &self.namespaces
    }

    /// Reads everything anew. Answers are at least as new as the last write that was acknowledged to anybody before.
    pub(super) async fn read_all(
        &mut self,
        client: &zk::Client,
        layout: &Layout,
        heads: &HeadBook,
    ) -> Result<(), RegistryError> {
        let (namespaces, stores) = (layout.namespaces(), layout.stores());
        let (namespaces, stores) = futures_util::try_join!(children(client, &namespaces), children(client, &stores))?;
        self.namespaces = namespaces.iter().filter_map(|name| Namespace::parse(name).ok()).collect();
        let nodes = self.namespaces.iter().flat_map(|ns| [Node::Head(ns.clone()), Node::Server(ns.clone())]);
        let nodes: BTreeSet<Node> = nodes.chain(stores.into_iter().map(Node::Store)).collect();
        self.members.retain(|node, _| nodes.contains(node));
        self.read_some(client, layout, heads, &nodes).await
    }

    /// Reads some nodes anew, in one round trip.
    pub(super) async fn read_some(
        &mut self,
        client: &zk::Client,
        layout: &Layout,
        heads: &HeadBook,
        nodes: &BTreeSet<Node>,
    ) -> Result<(), RegistryError> {
        let paths: Vec<String> = nodes.iter().map(|node| layout.path(node)).collect();
        let reads: Vec<_> = paths.iter().map(|path| read(client, path)).collect();
        for (node, data) in nodes.iter().zip(join_all(reads).await) {
            self.take(node, data?, heads);
        }
        Ok(())
    }

    fn take(&mut self, node: &Node, data: Option<Data>, heads: &HeadBook) {
        match node {
            Node::Head(namespace) => {
                if let Some(record) = data.and_then(|(data, _)| parsed::<HeadRecord>(node, &data)) {
                    heads.observe(namespace, record);
                }
            }
            Node::Server(_) | Node::Store(_) => {
                // Only sessions keep members alive; what no session owns is debris.
                let alive = data.filter(|(_, stat)| stat.ephemeral_owner != 0);
                let member = alive.and_then(|(data, stat)| Some((stat.czxid, parsed(node, &data)?)));
                match member {
                    Some(member) => self.members.insert(node.clone(), member),
                    None => self.members.remove(node),
                };
            }
        }
    }
}

fn parsed<T: serde::de::DeserializeOwned>(node: &Node, data: &[u8]) -> Option<T> {
    serde_json::from_slice(data)
        .inspect_err(|error| tracing::warn!(?node, %error, "ignored a malformed node in zookeeper"))
        .ok()
}

//! The state of the fleet as the API answers it.

use crate::NamespaceHead;
use configbus_model::{Head, Member, Namespace, Revision, TreeId};
use configbus_proto::{
    convert::{WireError, heads_from_wire, member_from_wire, namespace_from_wire, tree_from_wire},
    v1,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// Heads, stores, and how many hosts run what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FleetStatus {
    /// The server's heads.
    pub heads: BTreeMap<Namespace, Head>,
    /// Stores that are alive.
    pub stores: Vec<Member>,
    /// Hosts known.
    pub hosts_total: u64,
    /// Hosts that hold a stream to a store.
    pub hosts_connected: u64,
    /// Hosts that have applied the head of `main`.
    pub hosts_current: u64,
    /// Hosts that refused the newest revision they were offered.
    pub hosts_refusing: u64,
    /// `embedded` or `zookeeper`.
    pub coordination: String,
    /// Whether coordination answers.
    pub coordination_connected: bool,
    /// Heads that are accepted and not announced yet.
    pub unannounced: BTreeMap<Namespace, Head>,
    /// Version of the server.
    pub version: String,
    /// When the server started, by its clock.
    pub started_ms: u64,
    /// What namespaces take on the server's disk, where that was asked for.
    pub storage: BTreeMap<Namespace, NamespaceStorage>,
}

/// What a namespace takes on the server's disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NamespaceStorage {
    /// Packs that can be found.
    pub packs: u64,
    /// Their bytes.
    pub pack_bytes: u64,
    /// Objects in them; what several packs have counts as often.
    pub objects: u64,
    /// About how many objects are in no pack.
    pub loose_objects: u64,
    /// Bytes of landings that are durable in the journal alone.
    pub journal_bytes: u64,
    /// Pushes that are being taken in, or were left lying about.
    pub quarantines: u64,
    /// Age of the oldest of them.
    pub oldest_quarantine: Option<Duration>,
    /// Since when nothing was packed.
    pub last_packed: Option<Duration>,
    /// Age of the index over all packs.
    pub last_indexed: Option<Duration>,
    /// Whether fetches are served from bitmaps.
    pub has_bitmaps: bool,
    /// Age of the index of changed paths.
    pub last_graph: Option<Duration>,
    /// Since when it was looked for objects that nothing leads to.
    pub last_expiry: Option<Duration>,
}

impl From<&v1::NamespaceStorage> for NamespaceStorage {
    fn from(wire: &v1::NamespaceStorage) -> Self {
        let age = |ms: Option<u64>| ms.map(Duration::from_millis);
        Self {
            packs: wire.packs,
            pack_bytes: wire.pack_bytes,
            objects: wire.objects,
            loose_objects: wire.loose_objects,
            journal_bytes: wire.journal_bytes,
            quarantines: wire.quarantines,
            oldest_quarantine: age(wire.oldest_quarantine_age_ms),
            last_packed: age(wire.last_packed_age_ms),
            last_indexed: age(wire.last_indexed_age_ms),
            has_bitmaps: wire.has_bitmaps,
            last_graph: age(wire.last_graph_age_ms),
            last_expiry: age(wire.last_expiry_age_ms),
        }
    }
}

impl FleetStatus {
    pub(crate) fn from_wire(wire: v1::StatusResponse) -> Result<Self, WireError> {
        Ok(Self {
            heads: heads_from_wire(&wire.heads)?,
            stores: wire.stores.iter().map(member_from_wire).collect::<Result<_, _>>()?,
            hosts_total: wire.hosts_total,
            hosts_connected: wire.hosts_connected,
            hosts_current: wire.hosts_current,
            hosts_refusing: wire.hosts_refusing,
            coordination: wire.coordination,
            coordination_connected: wire.coordination_connected,
            unannounced: heads_from_wire(&wire.unannounced)?,
            version: wire.version,
            started_ms: wire.started_ms,
            storage: wire
                .storage
                .iter()
                .map(|storage| Ok((namespace_from_wire(&storage.namespace)?, storage.into())))
                .collect::<Result<_, WireError>>()?,
        })
    }
}

/// A revision a host did not take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostRefusal {
    /// Which.
    pub head: NamespaceHead,
    /// Why.
    pub reason: String,
    /// When, by the server's clock.
    pub time_ms: u64,
}

/// One host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostStatus {
    /// Its name.
    pub host: String,
    /// Distinguishes two lives of it.
    pub incarnation: String,
    /// Labels its agent was given.
    pub labels: BTreeMap<String, String>,
    /// Store it subscribes to.
    pub store: String,
    /// Newest applied head per namespace.
    pub applied: BTreeMap<Namespace, Head>,
    /// Tree its readers see; absent before the first one.
    pub effective_tree: Option<TreeId>,
    /// When the newest was acknowledged, by the server's clock.
    pub applied_ms: u64,
    /// What it did not take.
    pub refusals: Vec<HostRefusal>,
    /// Whether it holds a stream to its store.
    pub connected: bool,
    /// Version of its agent.
    pub version: String,
    /// What it is sent besides `main`.
    pub namespaces: BTreeSet<Namespace>,
}

impl HostStatus {
    fn from_wire(wire: v1::HostStatus) -> Result<Self, WireError> {
        let refusal = |refusal: v1::Refusal| {
            let head = NamespaceHead::from_wire(refusal.head.as_ref())?;
            Ok(HostRefusal { head, reason: refusal.reason, time_ms: refusal.time_ms })
        };
        Ok(Self {
            host: wire.host,
            incarnation: wire.incarnation,
            labels: wire.labels.into_iter().collect(),
            store: wire.store,
            applied: heads_from_wire(&wire.applied)?,
            effective_tree: tree_from_wire(&wire.effective_tree)?,
            applied_ms: wire.applied_ms,
            refusals: wire.refusals.into_iter().map(refusal).collect::<Result<_, WireError>>()?,
            connected: wire.connected,
            version: wire.version,
            namespaces: wire.namespaces.iter().map(|name| namespace_from_wire(name)).collect::<Result<_, _>>()?,
        })
    }

    fn all_from_wire(hosts: Vec<v1::HostStatus>) -> Result<Vec<Self>, WireError> {
        hosts.into_iter().map(Self::from_wire).collect()
    }
}

/// Every host, or those that lag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hosts {
    /// The hosts.
    pub hosts: Vec<HostStatus>,
    /// The server's heads, to compare with.
    pub heads: BTreeMap<Namespace, Head>,
}

impl Hosts {
    pub(crate) fn from_wire(wire: v1::HostsResponse) -> Result<Self, WireError> {
        Ok(Self { hosts: HostStatus::all_from_wire(wire.hosts)?, heads: heads_from_wire(&wire.heads)? })
    }
}

/// What to wait for.
#[derive(Debug, Clone, PartialEq)]
pub struct WaitQuery {
    /// In which namespace.
    pub namespace: Namespace,
    /// The revision that hosts shall have applied.
    pub revision: Revision,
    /// How many of the connected hosts, in percent: more than 0, at most 100.
    pub percent: f64,
    /// How long to wait.
    pub timeout: Duration,
}

impl WaitQuery {
    /// Waits half a minute for all hosts to apply a revision of `main`.
    pub fn for_revision(revision: Revision) -> Self {
        Self { namespace: Namespace::main(), revision, percent: 100.0, timeout: Duration::from_secs(30) }
    }
}

/// How a wait ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitOutcome {
    /// Whether enough hosts have applied it.
    pub reached: bool,
    /// Hosts that have.
    pub hosts_applied: u64,
    /// Hosts that count.
    pub hosts_total: u64,
    /// Some that have not.
    pub behind: Vec<HostStatus>,
}

impl WaitOutcome {
    pub(crate) fn from_wire(wire: v1::WaitResponse) -> Result<Self, WireError> {
        Ok(Self {
            reached: wire.reached,
            hosts_applied: wire.hosts_applied,
            hosts_total: wire.hosts_total,
            behind: HostStatus::all_from_wire(wire.behind)?,
        })
    }
}

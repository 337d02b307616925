//! What the agent says of itself: the JSON of `/status`.

use crate::{
    Root, Settings,
    deliverer::Stock,
    delivery::{DiskUsage, Shown},
    pins::Pins,
    placement::DeliveryReport,
    readers::ReadersReport,
    subscription::{Phase, Standing, SubscriptionStatus},
};
use configbus_model::{AgentState, Freshness, Head, Layout, Namespace, RefusalRecord, Revision, TreeId, ViewName};
use configbus_runtime::{Clock, Readiness};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};
use tokio::sync::watch;

/// What an agent says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusReport {
    /// Name of the host in the fleet.
    pub host: String,
    /// Distinguishes two lives of the agent.
    pub incarnation: String,
    /// Version of the program.
    pub version: String,
    /// Folder that readers look into.
    pub root: PathBuf,
    /// Layout of new views.
    pub layout: Layout,
    /// Whether the host has something to show.
    pub ready: bool,
    /// Revision of `main` readers see, as in all that names no namespace.
    pub revision: Option<Revision>,
    /// Its head.
    pub head: Option<Head>,
    /// The view it is in.
    pub view: Option<ViewName>,
    /// The tree readers see.
    pub effective_tree: Option<TreeId>,
    /// When it became visible, by the host's clock.
    pub flipped_ms: Option<u64>,
    /// Newest head anybody told of.
    pub upstream_head: Option<Head>,
    /// Revisions that are known and not visible.
    pub lag: u64,
    /// Whether what readers see is the newest for sure, in every namespace.
    pub freshness: Freshness,
    /// Every namespace that belongs to what readers see or will see.
    #[serde(default)]
    pub namespaces: BTreeMap<Namespace, NamespaceReport>,
    /// Namespaces without which a revision of `main` that is here is not shown.
    #[serde(default)]
    pub waiting_for: Vec<String>,
    /// When a store in contact with the server named its head last.
    pub confirmed_ms: Option<u64>,
    /// While not fresh: when what readers see was the newest for sure; absent when it never was.
    pub unconfirmed_since_ms: Option<u64>,
    /// Who is followed.
    pub store: StoreReport,
    /// Views on the disk.
    pub views: Vec<ViewReport>,
    /// Space on the disk.
    pub disk: DiskReport,
    /// Revisions this host did not take.
    pub refusals: Vec<RefusalRecord>,
    /// What programs on this host report.
    pub readers: ReadersReport,
    /// What is kept at fixed places.
    #[serde(default)]
    pub deliveries: Vec<DeliveryReport>,
    /// Revisions that came with two commits.
    pub divergences: u64,
    /// Why what readers see cannot be relied on.
    pub damage: Option<String>,
}

/// One namespace on a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamespaceReport {
    /// Where readers see it, empty for the root; absent while they do not.
    pub prefix: Option<String>,
    /// Revision they see.
    pub revision: Option<Revision>,
    /// Revision that is here and waits to be shown together with another namespace.
    pub parked: Option<Revision>,
    /// Newest revision anybody told of.
    pub upstream_revision: Option<Revision>,
    /// Revisions that are known and not visible.
    pub lag: u64,
    /// Whether what readers see of it is the newest for sure.
    pub freshness: Freshness,
    /// This host may not read it: readers see the rest.
    pub denied: bool,
}

/// Whom an agent follows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreReport {
    /// The store that is followed or being tried.
    pub url: Option<String>,
    /// Whether it answers.
    pub connected: bool,
    /// All that are known.
    pub known: Vec<String>,
    /// Why the last attempt failed, until the next success.
    pub last_error: Option<String>,
}

/// A view on the disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ViewReport {
    /// Its folder name.
    pub view: ViewName,
    /// How it is laid out.
    pub layout: Layout,
    /// When it became visible, by the host's clock.
    pub flipped_ms: u64,
    /// Whether readers see it.
    pub current: bool,
    /// Whether a reader holds it; unknown where the kernel does not tell.
    pub pinned: Option<bool>,
}

/// Space on the disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskReport {
    /// File contents stored, as of the last sweep and written since.
    pub blobs: u64,
    /// Their bytes.
    pub blob_bytes: u64,
    /// Bytes the file system has left.
    pub available_bytes: Option<u64>,
}

impl DiskReport {
    fn of(usage: DiskUsage, root: &Root) -> Self {
        let space = rustix::fs::statvfs(root.path()).ok();
        let available_bytes = space.map(|space| space.f_bavail.saturating_mul(space.f_frsize));
        Self { blobs: usage.blobs, blob_bytes: usage.blob_bytes, available_bytes }
    }
}

/// Everything a status is made from.
#[derive(Clone)]
pub(crate) struct StatusBoard {
    pub(crate) settings: Arc<Settings>,
    pub(crate) incarnation: String,
    pub(crate) root: Root,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) readiness: Readiness,
    pub(crate) stock: watch::Receiver<Stock>,
    pub(crate) subscription: watch::Receiver<SubscriptionStatus>,
    pub(crate) readers: watch::Receiver<ReadersReport>,
    pub(crate) deliveries: watch::Receiver<Vec<DeliveryReport>>,
}

impl StatusBoard {
    /// Returns the status of this moment.
    pub(crate) fn report(&self) -> StatusReport {
        let (stock, subscription) = (self.stock.borrow().clone(), self.subscription.borrow().clone());
        let held = stock.shown.as_ref().map(Shown::head);
        let upstream = subscription.upstream.get(&Namespace::main()).cloned().unwrap_or_default();
        let namespaces = self.namespaces(&stock, &subscription);
        let freshness = worst(&namespaces);
        StatusReport {
            host: self.settings.host(),
            incarnation: self.incarnation.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            root: self.root.path().to_owned(),
            layout: self.settings.layout,
            ready: self.readiness.is_ready(),
            revision: held.map(|head| head.revision),
            head: held.cloned(),
            view: stock.shown.as_ref().map(|shown| shown.view.clone()),
            effective_tree: stock.shown.as_ref().map(|shown| shown.effective_tree),
            flipped_ms: stock.shown.as_ref().map(|shown| shown.flipped_ms),
            upstream_head: upstream.head().cloned(),
            lag: upstream.lag(held),
            freshness,
            namespaces,
            waiting_for: subscription.standing.awaited.iter().map(ToString::to_string).collect(),
            confirmed_ms: upstream.confirmed_ms(),
            unconfirmed_since_ms: upstream.current_ms().filter(|_| !freshness.is_fresh()),
            store: store_report(&subscription),
            views: self.views(&stock),
            disk: DiskReport::of(stock.usage, &self.root),
            refusals: subscription.refusals,
            readers: self.readers.borrow().clone(),
            deliveries: self.deliveries.borrow().clone(),
            divergences: subscription.divergences,
            damage: stock.damage,
        }
    }

    fn namespaces(&self, stock: &Stock, subscription: &SubscriptionStatus) -> BTreeMap<Namespace, NamespaceReport> {
        let (now_ms, age_max) = (self.clock.now_ms(), Duration::from_millis(self.settings.fresh_for_ms));
        let Standing { parked, denied, .. } = &subscription.standing;
        let report = |(namespace, upstream): (&Namespace, &crate::subscription::Upstream)| {
            let vector = stock.shown.as_ref().map(|shown| &shown.vector);
            let held = vector.and_then(|vector| vector.head_of(namespace));
            let mounted = vector.and_then(|vector| vector.mounted.get(namespace));
            let report = NamespaceReport {
                prefix: held.map(|_| mounted.map(|mounted| mounted.prefix.to_string()).unwrap_or_default()),
                revision: held.map(|head| head.revision),
                parked: parked.get(namespace).map(|head| head.revision),
                upstream_revision: upstream.head().map(|head| head.revision),
                lag: upstream.lag(held),
                freshness: upstream.freshness(held, now_ms, age_max),
                denied: denied.contains(namespace),
            };
            (namespace.clone(), report)
        };
        subscription.upstream.iter().map(report).collect()
    }

    fn views(&self, stock: &Stock) -> Vec<ViewReport> {
        let pins = Pins::read();
        let report = |view: &crate::delivery::ViewStatus| ViewReport {
            view: view.view.clone(),
            layout: view.layout,
            flipped_ms: view.flipped_ms,
            current: view.current,
            pinned: pins.as_ref().and_then(|pins| pins.is_pinned(&self.root.view(&view.view))),
        };
        stock.views.iter().map(report).collect()
    }

    /// Returns what client libraries are told through `state.json`.
    pub(crate) fn state(&self) -> AgentState {
        let subscription = self.subscription.borrow();
        let told = subscription.upstream.iter().filter(|(name, _)| !subscription.standing.denied.contains(name));
        let records = told.filter_map(|(namespace, upstream)| Some((namespace.clone(), upstream.record()?)));
        AgentState {
            upstream: records.collect(),
            fresh_for_ms: self.settings.fresh_for_ms,
            store: store_report(&subscription).followed(),
            refusals: subscription.refusals.clone(),
            written_ms: self.clock.now_ms(),
        }
    }
}

/// What readers see is as fresh as the least fresh namespace of it.
fn worst(namespaces: &BTreeMap<Namespace, NamespaceReport>) -> Freshness {
    let seen = |(name, report): &(&Namespace, &NamespaceReport)| **name == Namespace::main() || report.prefix.is_some();
    let all = namespaces.iter().filter(seen).map(|(_, report)| report.freshness);
    all.reduce(Freshness::or_worse).unwrap_or(Freshness::Unknown)
}

impl StoreReport {
    fn followed(self) -> Option<String> {
        self.url.filter(|_| self.connected)
    }
}

fn store_report(subscription: &SubscriptionStatus) -> StoreReport {
    let (url, connected) = match &subscription.phase {
        Phase::Waiting { .. } | Phase::Discovering => (None, false),
        Phase::Opening { store } => (Some(store.clone()), false),
        Phase::Following { store, .. } => (Some(store.clone()), true),
    };
    let (known, last_error) = (subscription.stores.clone(), subscription.last_error.clone());
    StoreReport { url, connected, known, last_error }
}

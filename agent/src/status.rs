//! What the agent says of itself: the JSON of `/status`.

use crate::{
    Root, Settings,
    deliverer::Stock,
    delivery::DiskUsage,
    pins::Pins,
    placement::DeliveryReport,
    readers::ReadersReport,
    subscription::{Phase, SubscriptionStatus},
};
use configbus_model::{AgentState, Freshness, Head, Layout, Namespace, RefusalRecord, Revision, TreeId, ViewName};
use configbus_runtime::{Clock, Readiness};
use serde::{Deserialize, Serialize};
use std::{path::PathBuf, sync::Arc, time::Duration};
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
    /// Revision readers see.
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
    /// Whether what readers see is the newest for sure.
    pub freshness: Freshness,
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
        let held = stock.shown.as_ref().map(|shown| &shown.head);
        let upstream = &subscription.upstream;
        let age_max = Duration::from_millis(self.settings.fresh_for_ms);
        let freshness = upstream.freshness(held, self.clock.now_ms(), age_max);
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
        let record = subscription.upstream.record().map(|record| (Namespace::main(), record));
        AgentState {
            upstream: record.into_iter().collect(),
            fresh_for_ms: self.settings.fresh_for_ms,
            store: store_report(&subscription).followed(),
            refusals: subscription.refusals.clone(),
            written_ms: self.clock.now_ms(),
        }
    }
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

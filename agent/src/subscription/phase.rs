//! Where a subscription is, and what it tells of itself.

use super::{Standing, Upstream};
use configbus_model::{Namespace, RefusalRecord};
use std::{collections::BTreeMap, time::Duration};

/// Where a subscription is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Nobody can be asked before this. Transient.
    Waiting { until: Duration },
    /// The server is being asked for stores. Transient.
    Discovering,
    /// A stream is being opened. Transient.
    Opening { store: String },
    /// A store is being followed; it was heard of then. Steady.
    Following { store: String, heard: Duration },
}

/// For status.
#[derive(Debug, Clone)]
pub(crate) struct SubscriptionStatus {
    pub(crate) phase: Phase,
    /// What is known upstream of each namespace.
    pub(crate) upstream: BTreeMap<Namespace, Upstream>,
    pub(crate) standing: Standing,
    pub(crate) stores: Vec<String>,
    pub(crate) last_error: Option<String>,
    pub(crate) refusals: Vec<RefusalRecord>,
    pub(crate) divergences: u64,
}

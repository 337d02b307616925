//! Processes that take part in distribution.

use crate::{Head, Namespace};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a member does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemberRole {
    /// Accepts changes.
    Server,
    /// Mirrors a server and feeds hosts.
    Store,
}

/// One life of one process. Its JSON is the content of `stores/<id>-<incarnation>` in ZooKeeper.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// What it does.
    pub role: MemberRole,
    /// Name chosen by the operator, stable over restarts.
    pub id: String,
    /// Distinguishes two lives of the same id.
    pub incarnation: String,
    /// Base URL others reach it at.
    pub url: String,
    /// Heads it serves.
    #[serde(default)]
    pub heads: BTreeMap<Namespace, Head>,
    /// Open subscriptions.
    #[serde(default)]
    pub subscribers: u32,
}

impl Member {
    /// Returns the name that no other life of any member has.
    pub fn node_name(&self) -> String {
        format!("{}-{}", self.id, self.incarnation)
    }
}

//! What an agent writes beside its views, and what client libraries read there.
//!
//! `views/<view>.json` is synced before the flip and is the truth together with `current`; `state.json` holds
//! liveness only and may be lost.

use crate::{CommitId, Epoch, Head, Namespace, Position, Revision, TreeId};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt, str::FromStr};

/// How a view is laid out on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    /// Real directories of hard links: every tool works.
    #[default]
    Plain,
    /// Directories shared between views by symlinks: strictly the cost of the change.
    Linked,
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Plain => "plain",
            Self::Linked => "linked",
        })
    }
}

impl FromStr for Layout {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "plain" => Ok(Self::Plain),
            "linked" => Ok(Self::Linked),
            _ => Err(format!("{name:?} is not a layout, expected plain or linked")),
        }
    }
}

/// The text does not name a view.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} does not name a view, expected r<revision>-<8 hex digits>")]
pub struct ViewNameError {
    name: String,
}

/// Folder name of a view: revision of `main` and a fingerprint of everything in it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ViewName {
    revision: Revision,
    fingerprint: u32,
}

impl ViewName {
    /// Names a view. The fingerprint distinguishes views with the same revision of `main`.
    pub const fn new(revision: Revision, fingerprint: u32) -> Self {
        Self { revision, fingerprint }
    }

    /// Returns the revision of `main` in it.
    pub const fn revision(&self) -> Revision {
        self.revision
    }
}

impl fmt::Display for ViewName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:08x}", self.revision, self.fingerprint)
    }
}

impl FromStr for ViewName {
    type Err = ViewNameError;

    fn from_str(name: &str) -> Result<Self, ViewNameError> {
        let parse = || {
            let (revision, hex) = name.strip_prefix('r')?.split_once('-')?;
            let plain = hex.len() == 8 && hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
            let fingerprint = plain.then(|| u32::from_str_radix(hex, 16).ok())??;
            Some(Self { revision: revision.parse().ok()?, fingerprint })
        };
        parse().ok_or_else(|| ViewNameError { name: name.chars().take(80).collect() })
    }
}

impl TryFrom<String> for ViewName {
    type Error = ViewNameError;

    fn try_from(name: String) -> Result<Self, ViewNameError> {
        name.parse()
    }
}

impl From<ViewName> for String {
    fn from(name: ViewName) -> Self {
        name.to_string()
    }
}

/// One namespace in a view.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MountRecord {
    /// Directory it is mounted at; empty for the root.
    pub prefix: String,
    /// Generation of its history.
    pub epoch: Epoch,
    /// Position in it.
    pub revision: Revision,
    /// Identity of the revision.
    pub commit: CommitId,
    /// Tree that was announced.
    pub source_tree: TreeId,
    /// Tree that readers see, after path filter and rollout.
    pub effective_tree: TreeId,
    /// When the server landed it, by the server's clock.
    pub landed_ms: u64,
    /// W3C trace context of the change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
}

impl MountRecord {
    /// Returns the head this mount shows.
    pub fn head(&self) -> Head {
        Head {
            epoch: self.epoch,
            revision: self.revision,
            commit: self.commit,
            tree: self.source_tree,
            time_ms: self.landed_ms,
            traceparent: self.traceparent.clone(),
        }
    }
}

/// Content of `views/<view>.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ViewRecord {
    /// Name of the folder beside it.
    pub view: ViewName,
    /// How the folder is laid out.
    pub layout: Layout,
    /// When the agent made it visible, by the host's clock.
    pub flipped_ms: u64,
    /// What is in it: one consistent vector of revisions.
    pub namespaces: BTreeMap<Namespace, MountRecord>,
}

/// What the agent knows of one namespace upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpstreamRecord {
    /// Newest head anybody told it of.
    #[serde(flatten)]
    pub position: Position,
    /// When a store in contact with the server confirmed it last, by the host's clock.
    pub confirmed_ms: u64,
}

/// A revision this host did not take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusalRecord {
    /// Which.
    pub namespace: Namespace,
    /// Its revision.
    pub revision: Revision,
    /// Why.
    pub reason: String,
    /// When, by the host's clock.
    pub time_ms: u64,
}

/// Content of `state.json`: liveness, replaced at most once a second.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AgentState {
    /// Upstream per namespace.
    #[serde(default)]
    pub upstream: BTreeMap<Namespace, UpstreamRecord>,
    /// Age after which a confirmation no longer counts, in milliseconds.
    #[serde(default)]
    pub fresh_for_ms: u64,
    /// URL of the store it subscribes to; absent while disconnected.
    #[serde(default)]
    pub store: Option<String>,
    /// Newest refusals, at most 16.
    #[serde(default)]
    pub refusals: Vec<RefusalRecord>,
    /// When this was written, by the host's clock.
    #[serde(default)]
    pub written_ms: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn view_names_round_trip() {
        let name = ViewName::new(Revision(42), 0x00ab_cdef);
        assert_eq!(name.to_string(), "r42-00abcdef");
        assert_eq!("r42-00abcdef".parse(), Ok(name));
        for wrong in ["", "r42", "42-00abcdef", "r42-00ABCDEF", "r42-0abcdef", "r42-00abcdef.json", "r42-+0abcdef"] {
            assert!(wrong.parse::<ViewName>().is_err(), "{wrong:?}");
        }
    }
}

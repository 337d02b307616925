//! History and differences as the API answers them.

use crate::NamespaceHead;
use configbus_model::{At, Change, CommitId, ConfigPath, Namespace, Revision};
use configbus_proto::{
    convert::{WireError, namespace_from_wire},
    v1,
};

/// Which history to read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogQuery {
    /// Of which namespace.
    pub namespace: Namespace,
    /// Only commits that changed this file or something below this directory.
    pub path: Option<ConfigPath>,
    /// Where to start; the head when absent.
    pub from: Option<At>,
    /// Only what landed after this point.
    pub since: Option<At>,
    /// Most commits to answer; the server's default when absent.
    pub limit: Option<u32>,
    /// `next` of the page before, to go on; `from` is not looked at then.
    pub page_token: Option<String>,
}

/// One first-parent commit of a namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Whose history.
    pub namespace: Namespace,
    /// Position in it.
    pub revision: Revision,
    /// Identity.
    pub id: CommitId,
    /// Who wrote it.
    pub author: String,
    /// Why.
    pub message: String,
    /// When the server landed it, by the server's clock.
    pub landed_ms: u64,
    /// Who pushed it or had it made; absent when nobody was authenticated. The author is what the commit says.
    pub landed_by: Option<String>,
}

impl Commit {
    pub(crate) fn from_wire(wire: &v1::Commit) -> Result<Self, WireError> {
        Ok(Self {
            namespace: namespace_from_wire(&wire.namespace)?,
            revision: Revision(wire.revision),
            id: wire.id.parse().map_err(|error| WireError::new("commit.id", error))?,
            author: wire.author.clone(),
            message: wire.message.clone(),
            landed_ms: wire.landed_ms,
            landed_by: Some(wire.landed_by.clone()).filter(|name| !name.is_empty()),
        })
    }
}

/// Commits, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// The commits.
    pub commits: Vec<Commit>,
    /// The head when it was read.
    pub head: NamespaceHead,
    /// What to ask for next; absent on the last page.
    pub next: Option<String>,
}

impl History {
    pub(crate) fn from_wire(wire: &v1::LogResponse) -> Result<Self, WireError> {
        Ok(Self {
            commits: wire.commits.iter().map(Commit::from_wire).collect::<Result<_, _>>()?,
            head: NamespaceHead::from_wire(wire.head.as_ref())?,
            next: Some(wire.next_page_token.clone()).filter(|token| !token.is_empty()),
        })
    }
}

/// Which revisions to compare.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DiffQuery {
    /// Of which namespace.
    pub namespace: Namespace,
    /// Before; the empty namespace when absent.
    pub from: Option<At>,
    /// After; the head when absent.
    pub to: Option<At>,
    /// Only this file or what is below this directory.
    pub path: Option<ConfigPath>,
    /// Whether to add a unified text diff.
    pub patch: bool,
}

/// How two revisions differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Files in path order.
    pub changes: Vec<Change>,
    /// Before; absent when that is the empty namespace.
    pub from: Option<NamespaceHead>,
    /// After.
    pub to: NamespaceHead,
    /// Unified text diff, when it was asked for.
    pub patch: Option<String>,
}

impl Difference {
    pub(crate) fn from_wire(wire: v1::DiffResponse, with_patch: bool) -> Result<Self, WireError> {
        Ok(Self {
            changes: wire.changes.iter().map(TryInto::try_into).collect::<Result<_, _>>()?,
            from: wire.from.as_ref().map(|from| NamespaceHead::from_wire(Some(from))).transpose()?,
            to: NamespaceHead::from_wire(wire.to.as_ref())?,
            patch: with_patch.then_some(wire.patch),
        })
    }
}

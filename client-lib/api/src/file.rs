//! Files and listings as the API answers them.

use configbus_model::{At, BlobId, ConfigPath, Entry, Head, Namespace};
use configbus_proto::{
    convert::{WireError, head_from_wire},
    v1,
};
use std::sync::Arc;

/// A head and the namespace it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamespaceHead {
    /// Whose head.
    pub namespace: Namespace,
    /// The head as the server knew it when it answered.
    pub head: Head,
}

impl NamespaceHead {
    pub(crate) fn from_wire(head: Option<&v1::Head>) -> Result<Self, WireError> {
        let head = head.ok_or_else(|| WireError::new("head", "it is missing"))?;
        head_from_wire(head).map(|(namespace, head)| Self { namespace, head })
    }
}

/// One file at one revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Path, mode, id and size.
    pub entry: Entry,
    /// The content.
    pub content: Arc<[u8]>,
    /// The revision that was read.
    pub head: NamespaceHead,
}

impl File {
    /// Returns the id to expect in a compare-and-set.
    pub fn blob_id(&self) -> BlobId {
        self.entry.id.into()
    }

    pub(crate) fn from_wire(wire: &v1::GetResponse) -> Result<Self, WireError> {
        let entry = wire.entry.as_ref().ok_or_else(|| WireError::new("entry", "it is missing"))?;
        Ok(Self {
            entry: entry.try_into()?,
            content: wire.content.as_ref().into(),
            head: NamespaceHead::from_wire(wire.head.as_ref())?,
        })
    }
}

/// What to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListQuery {
    /// Directory; the root when absent.
    pub prefix: Option<ConfigPath>,
    /// Point in history; the head when absent.
    pub at: Option<At>,
    /// Everything below instead of the direct children.
    pub recursive: bool,
}

/// A part of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListPage {
    /// Entries in path order.
    pub entries: Vec<Entry>,
    /// The revision that was listed.
    pub head: NamespaceHead,
    /// What to ask for next; absent on the last page.
    pub next: Option<String>,
}

impl ListPage {
    pub(crate) fn from_wire(wire: &v1::ListResponse) -> Result<Self, WireError> {
        Ok(Self {
            entries: wire.entries.iter().map(TryInto::try_into).collect::<Result<_, _>>()?,
            head: NamespaceHead::from_wire(wire.head.as_ref())?,
            next: Some(wire.next_page_token.clone()).filter(|token| !token.is_empty()),
        })
    }
}

/// A whole listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// Entries in path order.
    pub entries: Vec<Entry>,
    /// The one revision that all of them are from.
    pub head: NamespaceHead,
}

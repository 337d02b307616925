//! What a subscription hears and what it wants done.

use crate::delivery::{Awaited, DeliveryError, Remedy, Scope, Shown};
use bytes::Bytes;
use configbus_model::{Head, Member, Namespace};
use std::collections::{BTreeMap, BTreeSet};

/// One part of an update, still packed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UpdatePart {
    pub(crate) namespace: Namespace,
    pub(crate) to: Head,
    /// `None` marks a full sync.
    pub(crate) from: Option<Head>,
    /// Counts from 0.
    pub(crate) part: u32,
    pub(crate) last: bool,
    /// Of the whole update, unpacked.
    pub(crate) total_bytes: u64,
    pub(crate) objects: Bytes,
}

/// What a store says once a second.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Beat {
    /// The store's own heads.
    pub(crate) heads: BTreeMap<Namespace, Head>,
    /// The newest it knows of.
    pub(crate) upstream_heads: BTreeMap<Namespace, Head>,
    pub(crate) members: Vec<Member>,
    /// Whether the store is in contact with what it follows.
    pub(crate) upstream_connected: bool,
}

/// Why an update was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) remedy: Remedy,
    pub(crate) reason: String,
}

impl From<&DeliveryError> for Failure {
    fn from(error: &DeliveryError) -> Self {
        Self { remedy: error.remedy(), reason: configbus_runtime::report::chain(error) }
    }
}

/// What is on this host, and what it lacks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Standing {
    /// What readers see.
    pub(crate) shown: Option<Shown>,
    /// Complete, and waiting for another namespace.
    pub(crate) parked: BTreeMap<Namespace, Head>,
    /// Mounted namespaces, by what readers see or will see.
    pub(crate) wanted: BTreeSet<Namespace>,
    /// What is waited for.
    pub(crate) awaited: Vec<Awaited>,
    /// Mounted namespaces that this host may not read.
    pub(crate) denied: BTreeSet<Namespace>,
}

/// What a host says of itself at the start of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Greeting {
    /// What it holds; a namespace that is missing is wanted in full.
    pub(crate) holding: BTreeMap<Namespace, Head>,
    /// What it wants besides `main`.
    pub(crate) wanted: BTreeSet<Namespace>,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    /// Time has passed.
    Wake,
    /// The server named its members, or did not.
    Discovered(Result<Vec<Member>, String>),
    /// The stream stands.
    Opened,
    /// The stream, or the attempt to open it, ended.
    Closed(String),
    /// The store beat.
    Beat(Beat),
    /// The store said which namespaces it will not send.
    Scope(Scope),
    /// The store sent part of an update.
    Update(UpdatePart),
    /// A part was unpacked and verified, or belonged to an update that had failed.
    Taken,
    /// An update is complete, or failed.
    Delivered {
        /// Whose it was.
        namespace: Namespace,
        /// Where it led.
        to: Head,
        /// What there is now, or why nothing changed.
        result: Result<Standing, Failure>,
    },
    /// Something else changed what there is.
    Changed(Standing),
    /// What readers see was found to be damaged.
    Damaged(String),
    /// A reader did not take a file.
    ReaderRefused(String),
}

/// How the host answers an update.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Received completely.
    Observed,
    /// Visible to readers, as this tree.
    Applied(configbus_model::TreeId),
    /// Not taken.
    Refused(String),
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    /// Ask the server for stores.
    Discover(String),
    /// Leave the present stream, if any, and subscribe here, saying what is held.
    Open {
        /// URL of the store.
        store: String,
        /// What to say.
        greeting: Greeting,
    },
    /// Leave the present stream.
    Close,
    /// Say anew what is held; an empty hand asks for everything.
    Greet(Greeting),
    /// Say which namespaces are wanted besides `main`.
    Want(BTreeSet<Namespace>),
    /// Answer an update.
    Answer(Namespace, Head, Answer),
    /// Unpack, verify and, after the last part, make visible.
    Deliver(UpdatePart),
    /// Forget the parts of an update that will not be completed.
    Abandon(Namespace),
    /// Leave out what this host may not read.
    Limit(Scope),
    /// Wait no longer for namespaces that nobody sends.
    Expire,
}

//! The seam: who holds which head, who is alive.

use crate::{Connection, Registration, RegistryError};
use async_trait::async_trait;
use configbus_model::{Head, Member, Namespace};
use configbus_runtime::Tasks;
use std::{collections::BTreeMap, sync::Arc};
use tokio::sync::watch;

/// Heads by namespace, as a registry yields them.
pub type Heads = BTreeMap<Namespace, Head>;

/// What became of an announcement that arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Announcement {
    /// The registry now holds the announced head.
    Written,
    /// It held it already.
    Same,
    /// It holds a newer head; the announced one is ignored.
    AlreadyNewer(Head),
    /// It holds another commit at the same position; counted, and left as it is.
    Diverged(Head),
}

impl Announcement {
    /// Returns whether the registry holds the announced head after this answer.
    pub fn is_held(&self) -> bool {
        matches!(self, Self::Written | Self::Same)
    }
}

/// Announces and watches heads, registers who takes part in distribution.
///
/// Every method may be called while the registry is unreachable. What it yields then is what was known last; what it
/// cannot do then it answers at once with an error whose kind is `Unavailable`, except registrations: they are
/// intents and are fulfilled, and fulfilled again after each loss, for as long as they are held.
#[async_trait]
pub trait HeadRegistry: Send + Sync + 'static {
    /// Returns the name of the implementation, for logs and `status`.
    fn kind(&self) -> &'static str;

    /// Starts connecting and everything else that happens in the background. Called once.
    fn start(self: Arc<Self>, tasks: &Tasks);

    /// Makes `head` the namespace's head if its position is higher than that of the head the registry holds.
    async fn announce(&self, namespace: &Namespace, head: &Head) -> Result<Announcement, RegistryError>;

    /// Makes `head` the namespace's head even if the registry holds a higher or another one, which the caller, the
    /// namespace's live server, does not find in its Git. Counted and logged. This is the only way a position in
    /// [`HeadRegistry::heads`] can drop: what it dropped from never was a revision.
    async fn correct(&self, namespace: &Namespace, head: &Head) -> Result<Announcement, RegistryError>;

    /// Watches the newest heads. A head never moves back in it (save for [`HeadRegistry::correct`]) and none
    /// vanishes. An announcement is a hint: whoever follows it computes revision and tree from what it fetched.
    fn heads(&self) -> watch::Receiver<Heads>;

    /// Keeps a store listed among the members, with what the channel holds last, until the registration is dropped.
    async fn register(&self, member: watch::Receiver<Member>) -> Result<Registration, RegistryError>;

    /// Keeps a server listed as the one that serves `namespace` until the registration is dropped. While another
    /// one is alive the registration's state is `Refused`. `Member::id` must be unique to the data folder: a node
    /// left behind under the same id by an earlier incarnation is replaced, not refused.
    async fn claim(
        &self,
        namespace: &Namespace,
        member: watch::Receiver<Member>,
    ) -> Result<Registration, RegistryError>;

    /// Watches servers and stores that are alive, the newest incarnation of each, ordered by role and id.
    fn members(&self) -> watch::Receiver<Vec<Member>>;

    /// Watches the link.
    fn connection(&self) -> watch::Receiver<Connection>;
}

//! Opening namespaces and choosing coordination: what a server is made of before it starts.

use crate::audit::AuditLog;
use crate::committer::{Committer, CommitterTask, Inbox, Parts};
use crate::data::DataFolder;
use crate::namespace::{LiveNamespace, OpenNamespaceError, open_repository};
use crate::requests::Requests;
use crate::serving::ServingCell;
use crate::settings::Settings;
use crate::upkeep::Upkeep;
use configbus_coordination::{Announcer, Embedded, HeadRegistry, ZooKeeperRegistry, ZooKeeperSettingsError};
use configbus_hooks::Gate;
use configbus_model::Namespace;
use configbus_runtime::{Clock, Tasks};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use tokio::sync::Notify;

/// Namespaces of this release.
fn namespaces() -> [Namespace; 1] {
    [Namespace::main()]
}

/// A namespace's committer before it starts.
pub(crate) struct Waiting {
    parts: Parts,
    inbox: Inbox,
    requests: Arc<Requests>,
    upkeep: Upkeep,
}

impl Waiting {
    /// Starts committer and upkeep. The committer holds the folder until its last change is durable.
    pub(crate) fn start(self, tasks: &Tasks, data: &Arc<DataFolder>) {
        let name = self.parts.namespace.clone();
        let (data, stop) = (Arc::clone(data), tasks.shutdown_token());
        let committer = CommitterTask::new(self.parts);
        tasks.spawn(&format!("committer-{name}"), async move {
            committer.run(self.inbox, stop).await;
            drop(data);
            Ok::<(), Infallible>(())
        });
        let requests = self.requests;
        tasks.spawn(&format!("requests-{name}"), async move {
            // Whoever needs it tries again, and is told when it fails.
            if let Err(failure) = requests.recall().await {
                tracing::error!("cannot read past requests: {failure}");
            }
            Ok::<(), Infallible>(())
        });
        self.upkeep.start(tasks);
    }
}

/// Namespaces by name.
pub(crate) type LiveNamespaces = BTreeMap<Namespace, Arc<LiveNamespace>>;

/// What namespaces are opened with.
pub(crate) struct Assembly<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) data: &'a Arc<DataFolder>,
    pub(crate) gate: &'a Arc<Gate>,
    pub(crate) clock: &'a Arc<dyn Clock>,
    pub(crate) announcer: &'a Arc<Announcer>,
    pub(crate) audit: &'a AuditLog,
}

impl Assembly<'_> {
    /// Opens every namespace.
    pub(crate) fn open_namespaces(
        &self,
        serving: &ServingCell,
    ) -> Result<(LiveNamespaces, Vec<Waiting>), OpenNamespaceError> {
        let (mut all, mut waiting) = (LiveNamespaces::new(), Vec::new());
        for name in namespaces() {
            let (live, starts) = self.open(name.clone(), serving)?;
            all.insert(name, live);
            waiting.push(starts);
        }
        Ok((all, waiting))
    }

    fn open(
        &self,
        name: Namespace,
        serving: &ServingCell,
    ) -> Result<(Arc<LiveNamespace>, Waiting), OpenNamespaceError> {
        let limits = &self.settings.limits;
        let store = open_repository(self.data, &name, limits)?;
        let (committer, inbox) = Committer::new(name.clone(), limits.queue_length_max);
        let epoch = self.data.epoch();
        let requests = Requests::new(store.clone(), Arc::clone(self.clock), &self.data.requests(&name));
        let gate = Arc::clone(self.gate);
        let live =
            LiveNamespace::new(name.clone(), epoch, store.clone(), gate, committer, Arc::clone(&requests), limits);
        let landed = Arc::new(Notify::new());
        let parts = Parts {
            namespace: name.clone(),
            epoch,
            store: store.clone(),
            gate: Arc::clone(self.gate),
            clock: Arc::clone(self.clock),
            audit: self.audit.clone(),
            board: Arc::clone(&live.board),
            announcer: Arc::clone(self.announcer),
            serving: serving.subscribe(),
            upkeep: Arc::clone(&landed),
        };
        let upkeep = Upkeep::new(name, store, landed);
        Ok((Arc::new(live), Waiting { parts, inbox, requests, upkeep }))
    }
}

/// The registry, and the same again when it is one to offer to others.
pub(crate) type Registries = (Arc<dyn HeadRegistry>, Option<Arc<Embedded>>);

/// Chooses coordination.
pub(crate) fn registry(settings: &Settings, clock: &Arc<dyn Clock>) -> Result<Registries, ZooKeeperSettingsError> {
    if settings.zookeeper.connect.is_empty() {
        let embedded = Embedded::new();
        return Ok((Arc::clone(&embedded) as Arc<dyn HeadRegistry>, Some(embedded)));
    }
    Ok((ZooKeeperRegistry::new(&settings.zookeeper, Arc::clone(clock))?, None))
}

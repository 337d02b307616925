//! Opening namespaces: their repository, their committer and what goes with it.

use super::{LiveNamespace, MountBoard, OpenNamespaceError, open_repository};
use crate::audit::AuditLog;
use crate::committer::{Committer, CommitterTask, Inbox, Parts};
use crate::data::DataFolder;
use crate::limits::Limits;
use crate::requests::Requests;
use crate::serving::Serving;
use crate::upkeep::Upkeep;
use configbus_coordination::Announcer;
use configbus_hooks::Gate;
use configbus_model::{Head, Namespace};
use configbus_runtime::{Clock, Tasks};
use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;
use tokio::sync::Notify;

/// What namespaces are opened with.
pub(crate) struct Opener {
    pub(crate) limits: Limits,
    pub(crate) data: Arc<DataFolder>,
    pub(crate) gate: Arc<Gate>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) announcer: Arc<Announcer>,
    pub(crate) audit: AuditLog,
    pub(crate) serving: Serving,
    pub(crate) mounts: Arc<MountBoard>,
}

/// A namespace whose tasks have not started.
pub(crate) struct Waiting {
    parts: Parts,
    inbox: Inbox,
    requests: Arc<Requests>,
    upkeep: Upkeep,
}

impl Waiting {
    pub(super) fn name(&self) -> &Namespace {
        &self.parts.namespace
    }

    pub(super) fn head(&self) -> Option<Head> {
        self.parts.board.current()
    }

    /// Starts committer and upkeep. The committer holds the folder until its last change is durable.
    pub(super) fn start(self, tasks: &Tasks, data: &Arc<DataFolder>) {
        let (data, stop) = (Arc::clone(data), tasks.shutdown_token());
        let committer = CommitterTask::new(self.parts);
        tasks.spawn("committer", async move {
            committer.run(self.inbox, stop).await;
            drop(data);
            Ok::<(), Infallible>(())
        });
        let requests = self.requests;
        tasks.spawn("requests", async move {
            // Whoever needs it tries again, and is told when it fails.
            if let Err(failure) = requests.recall().await {
                tracing::error!("cannot read past requests: {failure}");
            }
            Ok::<(), Infallible>(())
        });
        self.upkeep.start(tasks);
    }
}

impl Opener {
    pub(super) fn mounts(&self) -> &Arc<MountBoard> {
        &self.mounts
    }

    pub(super) fn data(&self) -> &Arc<DataFolder> {
        &self.data
    }

    pub(super) fn audit(&self) -> &AuditLog {
        &self.audit
    }

    pub(super) fn announcer(&self) -> &Announcer {
        &self.announcer
    }

    /// Returns the namespaces of the data folder, and `main`.
    pub(super) fn found(&self) -> Result<BTreeSet<Namespace>, OpenNamespaceError> {
        let mut found = self.data.found_namespaces().map_err(OpenNamespaceError::Data)?;
        found.insert(Namespace::main());
        Ok(found)
    }

    /// Opens a namespace, making its repository where there is none.
    pub(super) fn open(&self, name: &Namespace) -> Result<(Arc<LiveNamespace>, Waiting), OpenNamespaceError> {
        let limits = &self.limits;
        let store = open_repository(&self.data, name, limits)?;
        let (committer, inbox) = Committer::new(name.clone(), limits.queue_length_max);
        let epoch = self.data.epoch_of(name);
        let requests = Requests::new(store.clone(), Arc::clone(&self.clock), &self.data.requests(name));
        let gate = Arc::clone(&self.gate);
        let live =
            LiveNamespace::new(name.clone(), epoch, store.clone(), gate, committer, Arc::clone(&requests), limits);
        let live = live.with_mounts(Arc::clone(&self.mounts));
        let landed = Arc::new(Notify::new());
        let parts = Parts {
            namespace: name.clone(),
            epoch,
            store: store.clone(),
            gate: Arc::clone(&self.gate),
            clock: Arc::clone(&self.clock),
            audit: self.audit.clone(),
            board: Arc::clone(&live.board),
            mounts: Arc::clone(&self.mounts),
            announcer: Arc::clone(&self.announcer),
            serving: self.serving.clone(),
            upkeep: Arc::clone(&landed),
        };
        let upkeep = Upkeep::new(name.clone(), store, landed);
        Ok((Arc::new(live), Waiting { parts, inbox, requests, upkeep }))
    }
}

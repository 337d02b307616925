//! Writing a namespace's head: read, decide, set if the version is still the one that was read.

use super::{
    access::Access,
    calls::{Data, KIND, failed, found, make_dirs, read},
    claim::is_same_life,
    layout::{Layout, Node},
};
use crate::{Announcement, RegistryError, head_book::HeadBook, head_record::HeadRecord};
use configbus_model::{Member, Namespace};
use zookeeper_client as zk;

/// Attempts before giving up on a node that others keep changing. Only one server writes it, so two are the rule.
const ATTEMPTS_MAX: u32 = 8;

/// Decides what to write, given what is there.
pub(super) type Decide<'a> = &'a (dyn Fn(Option<&HeadRecord>) -> Result<HeadRecord, Announcement> + Sync);

/// What a write came to.
pub(super) struct Written {
    pub(super) answer: Announcement,
    /// What was there, if it could be read.
    pub(super) before: Option<HeadRecord>,
    /// What is there now.
    pub(super) after: Option<HeadRecord>,
}

/// The node of one namespace's head, in one session.
pub(super) struct HeadNode<'a> {
    pub(super) client: &'a zk::Client,
    pub(super) layout: &'a Layout,
    pub(super) access: &'a Access,
    pub(super) heads: &'a HeadBook,
    pub(super) namespace: &'a Namespace,
    /// Who announces, if it has claimed the namespace.
    pub(super) claimant: Option<&'a Member>,
}

impl HeadNode<'_> {
    /// Makes the node what `decide` wants it to be.
    pub(super) async fn write(&self, decide: Decide<'_>) -> Result<Written, RegistryError> {
        let path = self.layout.path(&Node::Head(self.namespace.clone()));
        let server_path = self.layout.path(&Node::Server(self.namespace.clone()));
        for _ in 0..ATTEMPTS_MAX {
            let (server, head) = futures_util::join!(read(self.client, &server_path), read(self.client, &path));
            self.check_server(server?.as_ref())?;
            let head = head?;
            let before = head.as_ref().and_then(|(data, _)| self.parse(data));
            let mut record = match decide(before.as_ref()) {
                Ok(record) => record,
                Err(answer) => return Ok(Written { answer, after: before.clone(), before }),
            };
            // A node that was wiped has forgotten its corrections; holders have not.
            record.corrections = record.corrections.max(self.heads.record(self.namespace).map_or(0, |r| r.corrections));
            if self.put(&path, &record, head.map(|(_, stat)| stat.version)).await? {
                return Ok(Written { answer: Announcement::Written, before, after: Some(record) });
            }
        }
        Err(RegistryError::Contended { node: path, attempts: ATTEMPTS_MAX })
    }

    /// Refuses while another life serves the namespace. A node without owner is debris and stands for nobody.
    fn check_server(&self, server: Option<&Data>) -> Result<(), RegistryError> {
        let Some(found) = server.map(found).filter(|found| found.owner != 0) else { return Ok(()) };
        let by = match (&found.member, self.claimant) {
            (Some(member), Some(claimant)) if is_same_life(member, claimant) => return Ok(()),
            (Some(member), _) => member.node_name(),
            (None, _) => format!("an unknown member in session {:#x}", found.owner),
        };
        Err(RegistryError::ServedByAnother { namespace: self.namespace.clone(), by })
    }

    fn parse(&self, data: &[u8]) -> Option<HeadRecord> {
        serde_json::from_slice(data)
            .inspect_err(
                |error| tracing::error!(namespace = %self.namespace, %error, "the announced head is malformed"),
            )
            .ok()
    }

    /// Writes unless somebody was faster; returns whether it was written.
    async fn put(&self, path: &str, record: &HeadRecord, version: Option<i32>) -> Result<bool, RegistryError> {
        let data = serde_json::to_vec(record).expect("a head has no map with keys that are not strings");
        let outcome = match version {
            Some(version) => self.client.set_data(path, &data, Some(version)).await.map(drop),
            None => self.client.create(path, &data, &self.access.persistent()).await.map(drop),
        };
        match outcome {
            Ok(()) => Ok(true),
            Err(zk::Error::BadVersion | zk::Error::NodeExists) => Ok(false),
            Err(zk::Error::NoNode) => {
                let parent = self.layout.namespace(self.namespace);
                make_dirs(self.client, &parent, &self.access.persistent()).await?;
                Ok(false)
            }
            Err(error) => Err(failed("announce to", path, error)),
        }
    }
}

/// Names the registry for errors of requests that took too long.
pub(super) fn timed_out(timeout: std::time::Duration) -> RegistryError {
    RegistryError::Timeout { registry: KIND, timeout_ms: u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX) }
}

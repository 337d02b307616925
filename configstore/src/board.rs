//! What this store knows of heads, for everybody inside it.

use configbus_coordination::Heads;
use configbus_model::{Head, Namespace};
use tokio::sync::watch;

/// The store's own heads, and the newest it has heard of. Of each namespace both only ever move forward.
#[derive(Debug, Default)]
pub(crate) struct Board {
    heads: watch::Sender<Heads>,
    upstream_heads: watch::Sender<Heads>,
}

impl Board {
    /// Shows a head that the mirror holds completely.
    pub(crate) fn publish(&self, namespace: &Namespace, head: Head) {
        metrics::gauge!("configbus_store_revision", "namespace" => namespace.to_string()).set(head.revision.0 as f64);
        self.heads.send_modify(|heads| {
            heads.insert(namespace.clone(), head);
        });
    }

    /// Notes the newest head anybody plausibly told of.
    pub(crate) fn note_upstream(&self, namespace: &Namespace, head: Option<&Head>) {
        self.upstream_heads.send_if_modified(|heads| match head {
            Some(head) => heads.insert(namespace.clone(), head.clone()).as_ref() != Some(head),
            None => heads.remove(namespace).is_some(),
        });
    }

    /// Shows a namespace no more: it is not mirrored any longer.
    pub(crate) fn remove(&self, namespace: &Namespace) {
        for heads in [&self.heads, &self.upstream_heads] {
            heads.send_if_modified(|heads| heads.remove(namespace).is_some());
        }
    }

    /// Watches the heads subscribers are brought to.
    pub(crate) fn heads(&self) -> watch::Receiver<Heads> {
        self.heads.subscribe()
    }

    /// Watches the newest heads known of.
    pub(crate) fn upstream_heads(&self) -> watch::Receiver<Heads> {
        self.upstream_heads.subscribe()
    }
}

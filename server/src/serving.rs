//! Whether this server is the one that serves a namespace.
//!
//! Two servers with one coordination would both announce heads, and hosts would see two histories under the same
//! numbers. The one that came second takes no writes and stops when it stays second.

use crate::committer::CommitError;
use configbus_model::Namespace;
use std::collections::BTreeMap;
use tokio::sync::watch;

/// Who serves the namespaces that this server may not serve.
#[derive(Debug, Clone)]
pub(crate) struct Serving(watch::Receiver<BTreeMap<Namespace, String>>);

/// The writing end.
#[derive(Debug, Default)]
pub(crate) struct ServingCell(watch::Sender<BTreeMap<Namespace, String>>);

impl ServingCell {
    /// Watches it.
    pub(crate) fn subscribe(&self) -> Serving {
        Serving(self.0.subscribe())
    }

    /// Notes who else serves a namespace; `None` when nobody does.
    pub(crate) fn note(&self, namespace: &Namespace, other: Option<String>) {
        self.0.send_modify(|others| {
            match other {
                Some(other) => others.insert(namespace.clone(), other),
                None => others.remove(namespace),
            };
        });
    }
}

impl Serving {
    /// Refuses when somebody else serves the namespace.
    pub(crate) fn check(&self, namespace: &Namespace) -> Result<(), CommitError> {
        match self.0.borrow().get(namespace) {
            Some(by) => Err(CommitError::ServedByAnother { namespace: namespace.clone(), by: by.clone() }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_are_refused_while_another_server_is_known() {
        let cell = ServingCell::default();
        let serving = cell.subscribe();
        assert!(serving.check(&Namespace::main()).is_ok());
        cell.note(&Namespace::main(), Some("server-b".into()));
        let error = serving.check(&Namespace::main()).unwrap_err();
        assert_eq!(error.to_string(), "another server serves main: server-b");
        cell.note(&Namespace::main(), None);
        assert!(serving.check(&Namespace::main()).is_ok());
    }
}

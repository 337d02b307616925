//! Pushes under way.

use crate::auth::Caller;
use configbus_hooks::PushOptions;
use configbus_hooks::wire::ReferenceUpdate;
use configbus_model::{CommitId, Namespace};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// What pre-receive found out about a push it accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Checked {
    pub(crate) updates: Vec<ReferenceUpdate>,
    pub(crate) options: PushOptions,
    /// Head the trial landing was made on.
    pub(crate) head: Option<CommitId>,
    /// Which files belong to others than the admin who pushes them, the first of them.
    pub(crate) overridden: Vec<String>,
}

/// One push, from its first byte to its last.
#[derive(Debug)]
pub(crate) struct Push {
    pub(crate) namespace: Namespace,
    /// Who pushes. Hooks never name them: they know only the id of the push.
    pub(crate) caller: Caller,
    pub(crate) traceparent: String,
    checked: OnceLock<Checked>,
    refusal: OnceLock<PushRefusal>,
}

/// What is written down of a push that pre-receive refused.
#[derive(Debug, Clone, Default)]
pub(super) struct PushRefusal {
    pub(super) reason: String,
    pub(super) paths: Vec<String>,
}

impl Push {
    pub(crate) fn new(namespace: Namespace, caller: Caller, traceparent: String) -> Self {
        Self { namespace, caller, traceparent, checked: OnceLock::new(), refusal: OnceLock::new() }
    }

    /// Notes the verdict of pre-receive. Git asks once.
    pub(super) fn accept(&self, checked: Checked) -> bool {
        self.checked.set(checked).is_ok()
    }

    /// Notes why pre-receive refused.
    pub(super) fn refuse(&self, refusal: PushRefusal) {
        let _ = self.refusal.set(refusal);
    }

    /// Returns why pre-receive refused, if it did.
    pub(super) fn refusal(&self) -> Option<&PushRefusal> {
        self.refusal.get()
    }

    /// Returns what pre-receive accepted, if it did.
    pub(super) fn checked(&self) -> Option<&Checked> {
        self.checked.get()
    }
}

/// Pushes by id. Ids are random: a process that guesses one could land what another push validated.
#[derive(Debug, Clone, Default)]
pub(crate) struct PushRegistry {
    pushes: Arc<Mutex<HashMap<String, Arc<Push>>>>,
}

/// Keeps a push registered until dropped.
#[derive(Debug)]
pub(crate) struct Registered {
    registry: PushRegistry,
    id: String,
}

impl PushRegistry {
    /// Registers a push.
    pub(crate) fn register(&self, push: Push) -> Registered {
        let id = format!("{:032x}", fastrand::u128(..));
        self.pushes().insert(id.clone(), Arc::new(push));
        Registered { registry: self.clone(), id }
    }

    /// Returns a push that is under way.
    pub(super) fn find(&self, id: &str) -> Option<Arc<Push>> {
        self.pushes().get(id).cloned()
    }

    fn pushes(&self) -> MutexGuard<'_, HashMap<String, Arc<Push>>> {
        self.pushes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Registered {
    /// Returns the id for the environment of the hooks.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.registry.pushes().remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_push_is_known_while_it_lasts_and_judged_once() {
        let registry = PushRegistry::default();
        let registered = registry.register(Push::new(Namespace::main(), Caller::anybody(), String::new()));
        let id = registered.id().to_owned();
        let push = registry.find(&id).unwrap();
        let checked =
            Checked { updates: Vec::new(), options: PushOptions::default(), head: None, overridden: Vec::new() };
        assert!(push.checked().is_none());
        assert!(push.accept(checked.clone()));
        assert!(!push.accept(checked));
        drop(registered);
        assert!(registry.find(&id).is_none());
    }
}

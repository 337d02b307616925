//! Pushes under way.

use configbus_hooks::PushOptions;
use configbus_hooks::wire::ReferenceUpdate;
use configbus_model::{CommitId, Namespace, Principal};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// What pre-receive found out about a push it accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Checked {
    pub(crate) updates: Vec<ReferenceUpdate>,
    pub(crate) options: PushOptions,
    /// Head the trial landing was made on.
    pub(crate) head: Option<CommitId>,
}

/// One push, from its first byte to its last.
#[derive(Debug)]
pub(crate) struct Push {
    pub(crate) namespace: Namespace,
    /// Who pushes, as authenticated at the door. Hooks never say it.
    pub(crate) principal: Arc<Principal>,
    pub(crate) traceparent: String,
    checked: OnceLock<Checked>,
}

impl Push {
    pub(crate) fn new(namespace: Namespace, principal: Arc<Principal>, traceparent: String) -> Self {
        Self { namespace, principal, traceparent, checked: OnceLock::new() }
    }

    /// Notes the verdict of pre-receive. Git asks once.
    pub(super) fn accept(&self, checked: Checked) -> bool {
        self.checked.set(checked).is_ok()
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
        let registered = registry.register(Push::new(Namespace::main(), Arc::new(Principal::open()), String::new()));
        let id = registered.id().to_owned();
        let push = registry.find(&id).unwrap();
        let checked = Checked { updates: Vec::new(), options: PushOptions::default(), head: None };
        assert!(push.checked().is_none());
        assert!(push.accept(checked.clone()));
        assert!(!push.accept(checked));
        drop(registered);
        assert!(registry.find(&id).is_none());
    }
}

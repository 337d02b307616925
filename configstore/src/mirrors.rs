//! The mirrors subscribers are fed from, as namespaces come and go.

use crate::mirror::MirrorReader;
use configbus_model::Namespace;
use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

/// See the module.
#[derive(Default)]
pub(crate) struct Mirrors {
    by_namespace: RwLock<BTreeMap<Namespace, Arc<MirrorReader>>>,
}

impl Mirrors {
    /// Returns the mirror of a namespace.
    pub(crate) fn get(&self, namespace: &Namespace) -> Option<Arc<MirrorReader>> {
        self.by_namespace.read().unwrap_or_else(PoisonError::into_inner).get(namespace).cloned()
    }

    pub(crate) fn insert(&self, namespace: Namespace, mirror: Arc<MirrorReader>) {
        self.by_namespace.write().unwrap_or_else(PoisonError::into_inner).insert(namespace, mirror);
    }

    pub(crate) fn remove(&self, namespace: &Namespace) {
        self.by_namespace.write().unwrap_or_else(PoisonError::into_inner).remove(namespace);
    }
}

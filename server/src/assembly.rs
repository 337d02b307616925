//! Choosing coordination.

use crate::settings::Settings;
use configbus_coordination::{Embedded, HeadRegistry, ZooKeeperRegistry, ZooKeeperSettingsError};
use configbus_runtime::Clock;
use std::sync::Arc;

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

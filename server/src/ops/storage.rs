//! What namespaces take on disk, and how old what lies about in them is.

use crate::auth::Caller;
use crate::bus::Bus;
use crate::failure::Failure;
use configbus_gitstore::{Storage, UpkeepError};
use configbus_model::Namespace;

/// Measures every namespace that the caller may read.
pub(crate) async fn measure(bus: &Bus, caller: &Caller) -> Result<Vec<(Namespace, Storage)>, Failure> {
    let mut measured = Vec::new();
    for name in bus.sight(caller).heads(bus.heads()).into_keys() {
        let live = bus.namespace(caller, &name)?;
        let storage = live.read(configbus_gitstore::Store::storage).await?;
        measured.push((name, storage));
    }
    Ok(measured)
}

impl From<UpkeepError> for Failure {
    fn from(error: UpkeepError) -> Self {
        Self::internal(&error)
    }
}

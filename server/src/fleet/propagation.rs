//! How long a head takes to the hosts, by this server's clock alone.

use crate::bus::Bus;
use configbus_model::{Head, Namespace};

/// Records how long ago each head that a host has just reported as applied was shown here. Heads from before this
/// process started are left out: no clock of it saw them land.
pub(crate) fn record(bus: &Bus, applied: &[(Namespace, Head)]) {
    for (namespace, head) in applied {
        let live = bus.namespaces.get(namespace);
        if let Some(age) = live.and_then(|live| live.board.age_of(head.position())) {
            metrics::histogram!("configbus_propagation_seconds").record(age.as_secs_f64());
        }
    }
}

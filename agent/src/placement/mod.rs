//! Files at fixed places: `[[deliver]]` of the settings.
//!
//! For programs that want `/etc/nginx/nginx.conf` and nothing else. After each flip every delivery is compared with what
//! was placed before; what changed is copied beside its place, checked by a command, swapped in atomically, and the
//! commands that tell programs of it run once each. What is owed is in a ledger on disk before the swap, so that after a
//! crash a command runs again rather than never.
//!
//! Hard links or symlinks into a view would be cheaper and lost: programs edit, chmod and chown what they find at a fixed
//! place, a place may be on another file system, and a view goes away.

mod command;
mod decision;
mod error;
mod intact;
mod ledger;
mod owner;
mod placer;
mod report;
mod rule;
mod shelf;
mod source;
mod staged;
#[cfg(test)]
mod tests;

pub use report::{CommandReport, DeliveryReport, DeliveryState};
pub use rule::{Deliver, DeliverError, FileMode};

#[cfg(test)]
use placer::Placer;
pub(crate) use placer::PlacerParts;
pub(crate) use rule::check_rules;

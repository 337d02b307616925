//! Deciders: how much of something is on, in ten-thousandths, changed while programs run.
//!
//! A file is a map of keys in the shape Twitter published (`decider.yml`): `default_availability` from 0 to 10000 and an
//! optional `comment`; `owner`, `expires` and `kind` are ours. Files of an overlay win key by key over the base. Who is
//! in is told by a hash of the recipient with a salt of kind and key: stable per id, raising the value only adds ids, and
//! keys and kinds of recipients are independent of each other.

mod compiled;
mod edit;
mod file;
mod flags;
mod overlay;
mod recipient;

pub use compiled::{Decider, DeciderEntry};
pub use edit::{EditError, with_value};
pub use file::{DeciderFile, DeciderKind, DeciderRecord};
pub use flags::{DeciderFlag, DeciderFlags};
pub use overlay::OverlayPlace;
pub use recipient::{DeciderSalts, Recipient};

/// The value at which everybody is in.
pub const AVAILABILITY_MAX: i64 = 10_000;

//! What applications embed to read their configuration and to be told when it changes.
//!
//! The library reads local files only: the folder of a configbus agent, a plain directory such as a Git clone, or, in
//! tests, memory. It needs no running agent, no network and no async runtime: a program starts from what is on the disk
//! even when everything else is down.
//!
//! Read first: [`ConfigBus`], [`Snapshot`] (many reads from one revision) and [`Subscription`] (one file, parsed, always
//! current).
//!
//! ```
//! use configbus_client::ConfigBus;
//!
//! #[derive(serde::Deserialize)]
//! struct Limits {
//!     requests_per_second: u32,
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // A program uses `ConfigBus::open("/var/lib/configbus")?`; tests have a bus of their own.
//! let memory = ConfigBus::in_memory();
//! memory.set("services/web/limits.yaml", "requests_per_second: 10")?;
//! memory.flip();
//! let bus = memory.bus();
//!
//! let limits = bus.subscribe::<Limits>("services/web/limits.yaml")?;
//! limits.on_change(|change| println!("{} changed at {}", change.path, change.revision));
//! assert_eq!(limits.load().unwrap().requests_per_second, 10);
//!
//! memory.set("services/web/limits.yaml", "requests_per_second: 20")?;
//! memory.flip();
//! assert_eq!(limits.load().unwrap().requests_per_second, 20);
//! # Ok(())
//! # }
//! ```
//!
//! # What a reader can rely on
//!
//! * A [`Snapshot`] is one revision: the agent replaces all files at once, and a view that is pinned stays on the disk.
//! * A file that does not parse, or that a check of the program refuses, changes nothing: the last good value stays, the
//!   refusal is counted ([`Stats`]), logged, and reported to the agent if there is one.
//! * A file that is deleted becomes "no value"; it is an event with no new value.
//! * Files that a revision leaves alone are neither read nor parsed again.
//!
//! What threads there are and what `fork` does to them: [`ConfigBus`].

mod bus;
mod change;
mod counters;
mod current;
mod decider;
mod defaulted;
mod experiments;
mod flags;
mod following;
mod format;
mod in_memory;
mod moment;
mod open;
#[cfg(feature = "openfeature")]
pub mod openfeature;
mod prefix_subscription;
mod read_error;
mod reader;
mod recording;
mod refusal;
mod snapshot;
mod source;
mod subscribe;
mod subscription;
#[cfg(test)]
mod tests;
mod toggles;
mod value;

pub use bus::ConfigBus;
pub use change::Change;
pub use counters::Stats;
pub use decider::{Decider, DeciderHandle};
pub use defaulted::Defaulted;
pub use experiments::{Assigned, ExperimentHandle, Experiments, Exposure};
pub use flags::{FlagDetails, FlagHandle, FlagPlaces, FlagValue, Flags};
pub use format::{Format, ParseError, Place};
pub use in_memory::InMemory;
pub use open::{OpenError, OpenOptions};
pub use prefix_subscription::{PrefixFiles, PrefixSubscription};
pub use read_error::ReadError;
pub use reader::Reader;
pub use recording::Recording;
pub use refusal::{Refusal, RefusalReason};
pub use snapshot::Snapshot;
pub use source::liveness::Status;
pub use subscribe::{SubscribeError, SubscriptionBuilder};
pub use subscription::Subscription;
pub use toggles::{ToggleHandle, ToggleOptions, Toggles};
pub use value::Value;

/// Runtime switches without the bus: evaluators for programs that read their files otherwise.
pub use configbus_switches as switches;
pub use configbus_switches::decider::{OverlayPlace, Recipient};

pub use configbus_model::{
    ConfigPath, Epoch, ErrorKind, Freshness, Head, MountRecord, Namespace, PathError, Position, Revision,
};

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
//! # Threads
//!
//! An open bus has one thread that waits for flips; it parses and checks new versions. From the first callback on it has
//! a second one that runs all callbacks, one after the other, in revision order. A callback that takes long, or hangs,
//! delays other callbacks but never [`Subscription::load`]; what changes meanwhile arrives as one change with the oldest
//! old and the newest new value. Both threads end, and are waited for, when the last [`ConfigBus`], [`Subscription`],
//! [`PrefixSubscription`] and [`Reader`] of a bus is dropped; dropped inside a callback, they end soon after.
//!
//! # Fork
//!
//! Threads do not survive `fork`. In a child that does not exec, values stay as they were at the fork,
//! [`ConfigBus::status`] says `Unknown`, and the view pinned at the fork stays pinned as long as the child lives.
//! [`ConfigBus::snapshot`] and [`ConfigBus::refresh`] work. Pre-forking servers should open the bus in each child.

mod agent_root;
mod bus;
mod call_queue;
mod callbacks;
mod cell;
mod change;
mod counters;
mod defaulted;
mod disk_files;
mod file_identity;
mod files;
mod follower;
mod format;
mod glob;
mod in_memory;
mod inotify;
mod journal;
mod liveness;
mod memory_files;
mod open;
mod owner;
mod plain_directory;
mod prefix_cell;
mod prefix_subscription;
mod read_error;
mod reader;
mod recording;
mod refusal;
mod reporter;
mod rules;
mod seen;
mod snapshot;
mod source;
mod subscribe;
mod subscription;
mod value;
mod view;
mod watcher;

pub use bus::ConfigBus;
pub use change::Change;
pub use counters::Stats;
pub use defaulted::Defaulted;
pub use format::{Format, ParseError, Place};
pub use in_memory::InMemory;
pub use liveness::Status;
pub use open::{OpenError, OpenOptions};
pub use prefix_subscription::{PrefixFiles, PrefixSubscription};
pub use read_error::ReadError;
pub use reader::Reader;
pub use recording::Recording;
pub use refusal::{Refusal, RefusalReason};
pub use snapshot::Snapshot;
pub use subscribe::{SubscribeError, SubscriptionBuilder};
pub use subscription::Subscription;
pub use value::Value;

pub use configbus_model::{
    ConfigPath, Epoch, ErrorKind, Freshness, Head, MountRecord, Namespace, PathError, Position, Revision,
};

//! Mirrors a server and feeds hosts.
//!
//! A store keeps a bare mirror of every namespace forced to the server's head, turns each step into one delta that is
//! computed and encoded once, pushes it to every subscribed host, and tells the server what hosts answer. It stays up and
//! serves its last mirror while server and coordination are away. It accepts no changes, judges none, and knows
//! nothing of the disk layout of hosts.
//!
//! Read first: [`Store`], then the private modules `mirror::machine` (what a mirror does next), `delta` and
//! `subscription::machine` (what a host is sent).

mod board;
mod build_error;
mod data_folder;
mod delta;
mod door;
mod hosts;
mod membership;
mod mirror;
mod mirroring;
mod mirrors;
mod pulse;
mod run;
mod serve;
mod settings;
mod store;
mod subscription;
#[cfg(test)]
mod testing;
mod upkeep;
mod upstream;

pub use build_error::{BuildError, MirrorUnusable};
pub use settings::{Auth, DEFAULT_PORT, Limits, Settings, SettingsError};
pub use store::Store;

//! Who holds which head, who is alive.
//!
//! A server announces the heads of its namespaces, stores follow them and register, so that hosts can be told where
//! to go. All of it goes through one seam, [`HeadRegistry`], with two backends: [`Embedded`] inside the server
//! (offered to other processes by [`EmbeddedService`] and followed by [`EmbeddedClient`]), and
//! [`ZooKeeperRegistry`]. [`Announcer`] holds what a server has accepted until the registry has it.
//!
//! This crate does not know Git, files or hosts: a head is a hint, and whoever follows it verifies what it fetches.
//! Agents and client libraries never speak to a registry.
//!
//! Read first: [`HeadRegistry`], [`Announcer`], then the private module `head_record` for what may replace what.

mod announcement;
mod announcer;
mod connection;
mod embedded;
mod embedded_client;
mod embedded_service;
mod head_book;
mod head_record;
mod head_registry;
mod live_members;
mod member_rules;
mod registration;
mod registrations;
mod registry_error;
#[cfg(feature = "testing")]
mod unreliable;
mod zookeeper;

#[cfg(feature = "testing")]
pub mod contract;
#[cfg(feature = "testing")]
pub mod zookeeper_fixture;

pub use announcer::{Announcer, Unannounced};
pub use connection::Connection;
pub use embedded::Embedded;
pub use embedded_client::EmbeddedClient;
pub use embedded_service::EmbeddedService;
pub use head_registry::{Announcement, HeadRegistry, Heads};
pub use registration::{Registration, RegistrationState};
pub use registry_error::RegistryError;
#[cfg(feature = "testing")]
pub use unreliable::Unreliable;
pub use zookeeper::{ZooKeeperRegistry, ZooKeeperSettings, ZooKeeperSettingsError};

//! The client of the server's API: reads, compare-and-set, watches and the state of the fleet.
//!
//! Every call has a deadline and is tried again within a budget, on the next of several servers: reads because they change
//! nothing, compare-and-set because the server knows an attempt by its id and does nothing twice. A watch survives reconnects without a gap or a duplicate. This crate does
//! not know the local disk: programs that only *read* configuration embed `configbus-client` instead.
//!
//! Read first: [`Client`], [`ChangeSet`] and [`ApiError`].
//!
//! ```no_run
//! use configbus_api::{ChangeSet, Client, ConfigPath, Edit, Expected};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::connect("http://127.0.0.1:7420").await?;
//! let path: ConfigPath = "services/web/limits.yaml".parse()?;
//! let file = client.get(&path, None).await?;
//! let change = ChangeSet::new("raise the limit")
//!     .with(Edit::put(path, "limit: 20\n", Expected::Id(file.blob_id())));
//! let landed = client.compare_and_set(&change).await?;
//! println!("landed as {}", landed.head.head.revision);
//! # Ok(())
//! # }
//! ```

mod attempt;
mod blame;
mod bulk;
mod call;
mod change_set;
mod client;
mod client_settings;
mod config;
mod error;
mod file;
mod fleet;
mod fleet_types;
mod history;
mod namespaces;
mod point;
mod request_id;
mod retry;
mod retry_budget;
mod revert;
mod servers;
mod split;
#[cfg(test)]
mod tests;
mod tokens;
mod watch;
mod watch_cursor;

pub use blame::{BlameLine, BlameQuery, Blamed};
pub use bulk::Bulk;
pub use change_set::{Action, ChangeSet, Edit, Expected, Landed};
pub use client::Client;
pub use client_settings::ClientSettings;
pub use error::{ApiError, Conflict, Finding};
pub use file::{File, ListPage, ListQuery, Listing, NamespaceHead};
pub use fleet_types::{FleetStatus, HostRefusal, HostStatus, Hosts, NamespaceStorage, WaitOutcome, WaitQuery};
pub use history::{Commit, DiffQuery, Difference, History, LogQuery};
pub use namespaces::{NamespaceInfo, NamespaceMount};
pub use revert::{RevertQuery, Reverted, Undo};
pub use split::{SplitMoved, SplitProgress, SplitReport, SplitStage, SplitWish};
pub use tokens::{TokenInfo, TokenWish};
pub use watch::{Update, Watch, WatchPath, WatchQuery};

pub use configbus_transport::{ClientTlsSettings, TlsError};

pub use configbus_model::{
    At, AtError, BlobId, Change, CommitId, ConfigPath, Entry, EntryMode, Epoch, ErrorKind, Head, Member, MemberRole,
    Namespace, ObjectId, Position, Revision, Token, TokenError,
};
pub use configbus_proto::{Bearer, BearerError, ReadableToken};

//! The server: accepts changes, lands them, announces heads, answers who has what.
//!
//! It knows nothing of how hosts store files, and Git only through `gitstore`. One port carries Git's smart HTTP, gRPC,
//! REST, metrics and a status page; one committer task per namespace is the only way to change `main`.
//!
//! Read first: [`Server::build`], then the private modules `committer` (landing), `hook_socket` (pushes) and `ops` (the
//! API without a protocol).

mod assembly;
mod audit;
mod auth;
mod bus;
mod claim;
mod committer;
mod data;
mod failure;
mod fleet;
mod gate_time;
mod git_http;
mod grpc;
mod hook_socket;
mod http;
mod limits;
mod namespace;
mod ops;
mod path_space;
mod requests;
mod rest;
mod server;
mod serving;
mod settings;
mod split;
mod trace_context;
mod upkeep;
mod web;

pub use audit::AuditSettings;
pub use auth::{ADMIN_TOKEN_FILE, NewToken, OfflineTokens, TokenFileError, TokenRecord};
pub use data::DataError;
pub use limits::Limits;
pub use namespace::{MountsError, OpenNamespaceError};
pub use server::{BuildError, BuiltServer, Server};
pub use settings::{Auth, DEFAULT_PORT, Settings, SettingsError};
pub use split::PendingError;

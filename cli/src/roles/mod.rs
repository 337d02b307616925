//! One role per process: settings, `--check`, run.

mod agent;
mod server;
mod settings;
mod store;

pub(crate) use agent::agent;
pub(crate) use server::server;
pub(crate) use store::store;

//! What the port answers beside the API: the status page, metrics, health; and what stands in front of everything.

mod health;
pub(crate) mod host_guard;
mod listener;
mod page;
mod peer;

pub(crate) use health::{HealthState, routes as health_routes};
pub(crate) use listener::BoundedListener;
pub(crate) use page::page;
pub(crate) use peer::Peer;

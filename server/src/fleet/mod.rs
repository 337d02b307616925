//! Which revision is live where.

mod board;
mod host;
pub(crate) mod propagation;
mod roster;
mod sight;

pub(crate) use board::FleetBoard;
pub(crate) use host::{Host, Refusal};
pub(crate) use roster::Progress;
pub(crate) use sight::Sight;

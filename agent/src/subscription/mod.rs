//! Following a store: which one, what is asked of it, and what is said to it.
//!
//! [`Subscription`] decides and does nothing; [`Follower`] does what it says and decides nothing.

mod event;
mod follower;
mod lane;
mod link;
mod machine;
#[cfg(test)]
mod machine_tests;
mod phase;
mod recovery;
#[cfg(test)]
mod simulation;
mod stores;
mod updates;
mod upstream;
mod wire;

pub(crate) use event::{Action, Answer, Event, Failure, Greeting, Standing, UpdatePart};
pub(crate) use follower::{Follower, FollowerParts};
pub(crate) use machine::Subscription;
pub(crate) use phase::{Phase, SubscriptionStatus};
pub(crate) use upstream::Upstream;
pub(crate) use wire::Identity;

use event::Beat;
use lane::Lane;
use link::Link;
use recovery::Recovery;
use stores::Stores;
use wire::Received;

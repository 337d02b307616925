//! How values are kept current: from a flip that is noticed to callbacks that have run.
//!
//! [`watcher`] notices, [`follower`] takes the view and compares every subscription ([`cell`], [`prefix_cell`], [`group_cell`]) with it,
//! [`call_queue`] tells callbacks, [`owner`] ends it all.

pub(crate) mod call_queue;
pub(crate) mod callbacks;
pub(crate) mod cell;
pub(crate) mod folders;
pub(crate) mod follower;
pub(crate) mod group_cell;
pub(crate) mod inotify;
pub(crate) mod journal;
pub(crate) mod owner;
pub(crate) mod path_glob;
pub(crate) mod prefix_cell;
pub(crate) mod reporter;
pub(crate) mod rules;
pub(crate) mod seen;
pub(crate) mod watcher;

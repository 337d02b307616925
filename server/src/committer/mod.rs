//! The one way to change `main` of a namespace.
//!
//! Callers validate a change first, against a head they name, and then queue it here. One task takes what waits as a batch:
//! one change on the other, it holds expectations against the running head, checks again what could have become wrong
//! since, makes all of them durable at once, and only then shows, acknowledges and announces them, in this order.
//!
//! Locks around the ref were the alternative; four plain Git writers showed what they give: 40 % of pushes refused.

mod batch;
mod change;
mod error;
mod expectation;
mod foreign;
mod landing;
mod queue;
mod recheck;
mod steps;
mod task;

/// How often a change is given back because what it was judged by moved, before it is checked inside the queue.
pub(crate) const RETURNS_MAX: usize = 4;

pub(crate) use change::{Change, EditsChange, Hold, How, Landed, Mounting, PushChange, WhenOutdated};
pub(crate) use error::CommitError;
pub(crate) use expectation::{Edit, Expected, Wanted, first_duplicate};
pub(crate) use landing::expect_and_convert;
pub(crate) use queue::{Committer, Inbox};
pub(crate) use recheck::landing_tree;
pub(crate) use task::{CommitterTask, Parts, count_outcome};

//! Requests that were decided before: a retry gets the answer of the first attempt and changes nothing.
//!
//! A caller whose connection broke does not know whether its change landed. It asks again under the same id, and finds
//! out. What landed says so itself: the commit names the id in its trailers, and the memory here is made again from
//! history at every start. What made no commit, because all contents were there already, is in a small log of its own.
//!
//! The caller's name is part of what an id means, so nobody can guess or take the ids of others. An id is settled
//! before it is asked about again: a retry that overtakes its first attempt waits for it.

mod fingerprint;
mod memory;
mod request_id;
mod ticket;
mod trailers;
mod unchanged_log;

pub(crate) use fingerprint::Fingerprint;
pub(crate) use request_id::RequestId;
pub(crate) use ticket::{Answer, Requests, Ticket};
pub(crate) use trailers::{check_message, with_trailers};

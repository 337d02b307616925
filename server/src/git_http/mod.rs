//! Git's smart HTTP protocol (gitprotocol-http), by running stock Git.
//!
//! `git http-backend` as CGI was the alternative: one more process and its header format for the same children.

mod dry_run;
mod exchange;
mod fetch_request;
mod gunzip;
mod info_refs;
mod pack_meter;
mod push_request;
pub(crate) mod ref_rules;
mod routes;
mod rpc;
mod withheld;

pub(crate) use info_refs::announces_push;
pub(crate) use routes::{GitState, routes};
pub(crate) use withheld::withhold;

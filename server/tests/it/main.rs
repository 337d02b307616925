//! The server in this process, with stock Git and gRPC clients outside of it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod bulk;
mod compare_and_set;
mod distribution;
mod fleet;
mod foreign_writes;
mod git_http;
mod harness;
mod history;
mod limits;
mod limits_page;
mod namespaces;
mod owners;
mod push;
mod repeated;
mod restart;
mod revert;
mod split;
mod validators;
mod watch;

//! A store over its real sockets: a double of the server upstream of it, fake agents downstream.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking, too")]

mod agent;
mod bench;
mod faults;
mod fleet;
mod following;
mod git_http;
mod namespaces;
mod port;
mod registering;
mod server_double;
mod subscribing;

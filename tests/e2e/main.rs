//! The whole system through its public surface. One binary, because linking is what tests cost most.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so")]

mod bad_input;
mod browser;
mod bulk;
mod corpus;
mod deploy;
mod durability;
mod examples;
mod experiments;
mod faults;
mod flagd_providers;
mod history;
mod hosted;
mod hostile;
mod identity;
mod mounted;
mod namespaces;
mod places;
mod providers;
mod push;
mod readers;
mod rest;
mod rules;
mod shell;
mod sse;
mod switches;
mod tls;
mod up;
mod writers;

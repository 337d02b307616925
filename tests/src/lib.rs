//! What end-to-end tests and benches stand on: the real binary, stock Git, and processes that never outlive a test.
//!
//! Knows the public surface only: commands, ports, files on disk. Read first: [`bus::Bus`] (everything in one process),
//! [`cluster::Cluster`] (one process per role, for killing them one by one) and [`git::WorkingCopy`].

pub mod binary;
pub mod bus;
pub mod child;
pub mod cluster;
pub mod corpus;
pub mod doors;
pub mod eventually;
pub mod git;
pub mod guarded;
pub mod history;
pub mod hostile;
pub mod linearizable;
pub mod memory;
pub mod ofrep;
pub mod packages;
pub mod pki;
pub mod plumbing;
pub mod ports;
pub mod rest;
pub mod steady;
pub mod tools;

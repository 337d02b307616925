//! Keeps the house in order: which crate may know which, how files look, which dependencies are allowed.
//!
//! Run it alone with `cargo test -p configbus-tests --test tidy`.

mod dependencies;
mod edges;
mod files;
mod workspace;

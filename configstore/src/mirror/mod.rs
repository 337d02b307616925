//! Mirrors: local copies of the server's repositories, always forced to the server's head.

mod driver;
mod event;
mod knowledge;
mod machine;
mod reader;
mod record;
mod repository;
#[cfg(test)]
mod simulation;

pub(crate) use driver::{Driver, Sources, Tools};
pub(crate) use reader::MirrorReader;
pub(crate) use repository::{Opened, Repository, RepositoryError};

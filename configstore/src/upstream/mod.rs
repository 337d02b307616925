//! The server that this store mirrors.

mod client;
mod pack;
mod word;

pub(crate) use client::{ServerClient, UpstreamError};
pub(crate) use pack::Pack;
pub(crate) use word::{Inquirer, Word};

//! Stock Git as child processes: what libgit2 does not do (receive-pack, upload-pack) or does worse (first fetch,
//! repacking).
//!
//! A child sees nothing of the operator's Git: the environment is cleared, system and user configuration are off, hooks
//! come from one absolute folder and nowhere else. A global `core.hooksPath`, common on laptops, would otherwise switch
//! the gate off without a word.

mod child;
mod command;
mod reaper;
mod serve;
mod spawner;

pub use child::{ChildError, GitChild, GitOutput};
pub use command::{GitCommand, command};
pub use serve::{ServeOptions, Service, advertise, receive_pack, upload_pack};

#[cfg(test)]
mod tests;

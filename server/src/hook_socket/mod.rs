//! Where Git's hooks ask the server.
//!
//! A push is one running `git receive-pack`; its hooks know it by an id from their environment. pre-receive asks while
//! the objects are still in quarantine: everything that can be refused is refused there, the trial landing included.
//! proc-receive then hands the tip to the committer, which refuses only what changed in between.

mod dry_run;
mod listener;
mod pre_receive;
mod proc_receive;
mod push;

pub(crate) use listener::HookListener;
pub(crate) use push::{Push, PushRegistry, Registered};

//! One agent's stream: what it is sent, and what it answers.

mod feed;
mod machine;
mod stream;
mod wire;

pub(crate) use feed::Feed;
pub(crate) use machine::Answer;
pub(crate) use stream::{OUTBOUND_MAX, serve};

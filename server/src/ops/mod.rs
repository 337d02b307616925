//! The operations of the API, without a protocol. gRPC and REST give them a shape.

pub(crate) mod blame;
pub(crate) mod bulk;
pub(crate) mod listing;
pub(crate) mod namespaces;
pub(crate) mod read;
pub(crate) mod revert;
pub(crate) mod storage;
pub(crate) mod watch;
mod watch_space;
pub(crate) mod write;

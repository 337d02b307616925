//! One namespace as this server serves it.

mod head_board;
mod live;

pub(crate) use head_board::HeadBoard;
pub use live::OpenNamespaceError;
pub(crate) use live::{LiveNamespace, head_of, open_repository};

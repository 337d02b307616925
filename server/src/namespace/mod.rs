//! One namespace as this server serves it, and the set of them.

mod head_board;
mod live;
mod mount_board;
mod namespaces;
mod opener;

pub(crate) use head_board::HeadBoard;
pub use live::OpenNamespaceError;
pub(crate) use live::{LiveNamespace, head_of, open_repository};
pub use mount_board::MountsError;
pub(crate) use mount_board::{MountBoard, mounts_at, mounts_path};
pub(crate) use namespaces::{ChangeNamespacesError, Namespaces, Reservation};
pub(crate) use opener::{Opener, Waiting};

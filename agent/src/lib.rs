//! One per host: keeps a verified copy of the configuration on the local disk and says what it holds.
//!
//! An agent subscribes to one store, verifies by Git hash what it receives, makes each revision visible with one
//! rename, acknowledges it, and answers local programs about revision, lag and freshness. With everything upstream
//! down it serves its last good revision, also after a restart. It knows nothing of Git repositories and of ZooKeeper, and of
//! what is in the files only flags and toggles, which it answers to programs in any language as the client library would.
//!
//! Read first: [`Agent`], [`delivery::Delivery`] and [`Root`] (the disk).

mod agent;
#[cfg(test)]
mod agent_tests;
mod cross_origin;
mod deliverer;
pub mod delivery;
mod delivery_work;
#[cfg(test)]
mod fake_store;
mod flag_board;
mod flag_state;
mod flag_streams;
#[cfg(test)]
mod flag_tests;
mod flag_token;
mod flagd;
mod host_guard;
mod local_http;
mod metrics;
mod moment;
mod ofrep;
mod pins;
mod placement;
mod readers;
mod root;
mod root_lock;
mod settings;
mod sockets;
mod state_file;
mod status;
mod subscription;
mod toggle_view;
mod unpack;

pub use agent::{Agent, BuildError};
pub use delivery::OpenError;
pub use moment::Moment;
pub use placement::{CommandReport, Deliver, DeliverError, DeliveryReport, DeliveryState, FileMode};
pub use readers::{ReadersReport, RefusingReader};
pub use root::Root;
pub use root_lock::RootLockError;
pub use settings::{DEFAULT_PORT, Settings, SettingsError};
pub use status::{DiskReport, NamespaceReport, StatusReport, StoreReport, ViewReport};

use root_lock::RootLock;

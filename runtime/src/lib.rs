//! How a process lives: settings, named tasks, shutdown, readiness, clock, backoff and telemetry.
//!
//! Knows nothing of configuration, Git or the wire. The one crate, with `cli`, that touches signals and environment
//! variables. Read first: [`Tasks`], then [`settings`].

mod backoff;
mod blocking_pool;
mod clock;
mod hangup;
mod identity;
mod open_files;
mod readiness;
mod reconcile;
pub mod report;
pub mod settings;
pub mod shutdown;
mod tasks;
pub mod telemetry;

pub use backoff::Backoff;
pub use blocking_pool::BlockingPool;
#[cfg(any(test, feature = "testing"))]
pub use clock::ManualClock;
pub use clock::{Clock, SystemClock};
pub use hangup::look_again;
pub use identity::{host_name, incarnation};
pub use open_files::raise_open_files_limit;
pub use readiness::Readiness;
pub use reconcile::reconcile_every;
pub use tasks::{TaskError, Tasks};
pub use tokio_util::sync::CancellationToken;

//! How many programs may listen for changes of flags.

use std::sync::{Arc, LazyLock};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Most streams in one process, of all protocols: programs on one host, each with a few.
pub(crate) const STREAMS_MAX: usize = 1_024;

static PLACES: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(STREAMS_MAX)));

/// Returns a place for one more, to be held as long as it is open.
pub(crate) fn place() -> Option<OwnedSemaphorePermit> {
    Arc::clone(&PLACES).try_acquire_owned().ok()
}

/// Returns why there is none.
pub(crate) fn refusal() -> String {
    format!("{STREAMS_MAX} streams are open already")
}

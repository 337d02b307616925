//! How a process of the bus lives: logs, metrics, signals, and one deadline for stopping.

use crate::report::Failure;
use configbus_model::ErrorKind;
use configbus_runtime::{Tasks, shutdown, telemetry};
use std::time::Duration;

pub(crate) use configbus_runtime::telemetry::LogFormat;

/// The commit in hand, the mirror in hand and the answers on their way must fit in.
const STOP_WITHIN: Duration = Duration::from_secs(20);

/// Threads that are still in a system call then are left to the end of the process.
const THREADS_END_WITHIN: Duration = Duration::from_secs(1);

/// Runs a process until a signal stops it or one of its tasks fails.
pub(crate) fn run(
    name: &str,
    format: LogFormat,
    default_filter: &str,
    start: impl AsyncFnOnce(&Tasks) -> Result<(), Failure>,
) -> Result<(), Failure> {
    telemetry::init_tracing(format, default_filter);
    telemetry::init_metrics();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(async {
        let tasks = Tasks::new(name);
        shutdown::on_signals(&tasks)?;
        start(&tasks).await?;
        join(&tasks).await
    });
    runtime.shutdown_timeout(THREADS_END_WITHIN);
    outcome
}

/// Waits for the end of all tasks, and says which one caused it.
pub(crate) async fn join(tasks: &Tasks) -> Result<(), Failure> {
    tasks.join(STOP_WITHIN).await.map_err(|error| Failure::of(ErrorKind::Internal, &error))
}

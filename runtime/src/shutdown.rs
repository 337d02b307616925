//! From signals to a shutdown: the first stops in order, the second at once.

use crate::Tasks;
use std::{convert::Infallible, io};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Exit code of a process that a second signal stopped, as shells have it for SIGINT.
const INTERRUPTED: i32 = 130;

/// Starts the shutdown of `tasks` on SIGINT or SIGTERM; a second one ends the process without waiting.
pub fn on_signals(tasks: &Tasks) -> io::Result<()> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let token = tasks.shutdown_token();
    tasks.spawn("signals", async move {
        tokio::select! {
            () = token.cancelled() => {}
            () = either(&mut interrupt, &mut terminate) => token.cancel(),
        }
        Ok::<_, Infallible>(())
    });
    exit_on_second_signal()
}

/// Outlives the shutdown on purpose, so it is no task of `Tasks`: it must work while those are being joined.
fn exit_on_second_signal() -> io::Result<()> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    #[expect(clippy::disallowed_methods, reason = "it ends with the process and nobody waits for it")]
    tokio::spawn(async move {
        either(&mut interrupt, &mut terminate).await;
        either(&mut interrupt, &mut terminate).await;
        tracing::warn!("stopped at once by a second signal");
        std::process::exit(INTERRUPTED);
    });
    Ok(())
}

async fn either(interrupt: &mut Signal, terminate: &mut Signal) {
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

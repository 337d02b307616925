//! The loop around a reconciler: an idempotent comparison of intended with actual state.

use crate::CancellationToken;
use std::{future::Future, time::Duration};
use tokio::{sync::Notify, time::timeout};

/// Runs `reconcile` at once, whenever `wake` is notified and at least every `interval`, never twice at once, until
/// `stop`. The function keeps no retries of its own: the next run is the retry.
pub async fn reconcile_every<F: Future<Output = ()>>(
    interval: Duration,
    wake: &Notify,
    stop: &CancellationToken,
    mut reconcile: impl FnMut() -> F,
) {
    loop {
        reconcile().await;
        tokio::select! {
            () = stop.cancelled() => return,
            // Elapsed or woken, both mean the same: look again.
            _ = timeout(interval, wake.notified()) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[tokio::test(start_paused = true)]
    async fn runs_when_woken_and_on_the_interval() {
        let (runs, wake, stop) = (Cell::new(0), Notify::new(), CancellationToken::new());
        wake.notify_one();
        reconcile_every(Duration::from_secs(5), &wake, &stop, || {
            runs.set(runs.get() + 1);
            if runs.get() == 4 {
                stop.cancel();
            }
            std::future::ready(())
        })
        .await;
        assert_eq!(runs.get(), 4);
    }
}

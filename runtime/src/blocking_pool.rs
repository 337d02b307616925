//! Synchronous work (Git, disk) on a bounded number of threads.
//!
//! One pool per namespace keeps one tenant from taking every thread; tokio's own pool is large and shared.

use std::sync::Arc;
use tokio::{sync::Semaphore, task};

/// Runs closures on blocking threads, at most `permits` at once.
#[derive(Debug, Clone)]
pub struct BlockingPool {
    permits: Arc<Semaphore>,
}

impl BlockingPool {
    /// Allows `permits` closures at once.
    pub fn new(permits: usize) -> Self {
        Self { permits: Arc::new(Semaphore::new(permits)) }
    }

    /// Waits for a permit and runs `work` off the async threads. A panic in `work` continues in the caller. When the
    /// caller is dropped, work that has started still finishes and keeps its permit until then.
    pub async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        let permits = Arc::clone(&self.permits);
        let permit = permits.acquire_owned().await.expect("the semaphore is never closed");
        let running = task::spawn_blocking(move || {
            let _permit = permit;
            work()
        });
        match running.await {
            Ok(value) => value,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // The runtime is shutting down under us: nobody will poll this again.
                Err(_) => std::future::pending().await,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[tokio::test]
    async fn never_more_at_once_than_permits() {
        let pool = BlockingPool::new(2);
        let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let work = || {
            let (running, most) = (Arc::clone(&running), Arc::clone(&most));
            pool.run(move || {
                most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                std::thread::yield_now();
                running.fetch_sub(1, Ordering::SeqCst);
            })
        };
        futures_util::future::join_all((0..32).map(|_| work())).await;
        assert!((1..=2).contains(&most.load(Ordering::SeqCst)));
    }
}

//! Looking at files again: now and then, and when SIGHUP asks for it.

use crate::{BlockingPool, Tasks, reconcile_every};
use std::{io, time::Duration};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::Notify,
};

/// Starts a task that calls `look` at once, at least every `interval`, and at each SIGHUP, until the process stops.
/// `look` may block; a signal while it runs makes it run once more.
pub fn look_again(tasks: &Tasks, name: &str, interval: Duration, look: impl Fn() + Clone + Send + Sync + 'static) {
    let stop = tasks.shutdown_token();
    tasks.spawn(name, async move {
        let mut hangups = signal(SignalKind::hangup())?;
        let (pool, wake) = (BlockingPool::new(1), Notify::new());
        let listening = async {
            while hangups.recv().await.is_some() {
                tracing::info!("SIGHUP: looking at the files again");
                wake.notify_one();
            }
        };
        tokio::select! {
            () = reconcile_every(interval, &wake, &stop, || pool.run(look.clone())) => {}
            () = listening => {}
        }
        Ok::<_, io::Error>(())
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use tokio::sync::watch;

    #[tokio::test]
    async fn a_hangup_makes_it_look_again() {
        let tasks = Tasks::new("test");
        let (looks, mut looked) = watch::channel(0);
        let looks = Arc::new(looks);
        look_again(&tasks, "files", Duration::from_secs(3_600), move || looks.send_modify(|looks| *looks += 1));
        looked.wait_for(|looks| *looks == 1).await.unwrap();
        rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::HUP).unwrap();
        looked.wait_for(|looks| *looks == 2).await.unwrap();
        tasks.shutdown();
        tasks.join(Duration::from_secs(30)).await.unwrap();
    }
}

//! Owns the threads of a bus and ends them.

use crate::{
    following::cell::Watched,
    following::follower::Follower,
    following::rules,
    following::watcher::{Stop, Watcher},
};
use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
    thread::{self, JoinHandle},
};

/// What every handle of a bus holds: while one exists, values are kept current.
#[derive(Debug)]
pub(crate) struct Owner {
    pub(crate) follower: Arc<Follower>,
    stop: Arc<Stop>,
    threads: Mutex<Threads>,
    process: u32,
}

#[derive(Debug, Default)]
struct Threads {
    watcher: Option<JoinHandle<()>>,
    calls: Option<JoinHandle<()>>,
}

impl Owner {
    /// Starts following; without a watcher the views are taken by whoever makes them.
    pub(crate) fn start(follower: Follower, watcher: Option<Watcher>) -> io::Result<Arc<Self>> {
        let (follower, stop) = (Arc::new(follower), Arc::new(Stop::new()?));
        let watching = watcher.map(|watcher| {
            let (follower, stop) = (Arc::clone(&follower), Arc::clone(&stop));
            named("configbus-watch").spawn(move || watcher.run(&follower, &stop))
        });
        let threads = Threads { watcher: watching.transpose()?, calls: None };
        Ok(Arc::new(Self { follower, stop, threads: Mutex::new(threads), process: std::process::id() }))
    }

    /// Returns whether this is another process than the one that opened the bus: threads do not survive a fork.
    pub(crate) fn is_forked(&self) -> bool {
        std::process::id() != self.process
    }

    /// Keeps a subscription for its callbacks, and starts the thread that runs them with the first one.
    pub(crate) fn call_back(&self, cell: &Arc<dyn Watched>) {
        self.follower.keep(cell);
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        if threads.calls.is_none() && !self.follower.queue.is_stopped() {
            let follower = Arc::clone(&self.follower);
            let run = move || follower.queue.run(follower.counters());
            match named("configbus-calls").spawn(run) {
                Ok(thread) => {
                    self.follower.queue.told_by(thread.thread().id());
                    threads.calls = Some(thread);
                }
                Err(error) => tracing::error!(%error, "no thread for callbacks can be had; the next one tries again"),
            }
        }
    }
}

fn named(name: &str) -> thread::Builder {
    thread::Builder::new().name(name.to_owned())
}

impl Owner {
    /// Ends both threads and all subscriptions.
    pub(crate) fn close(&self) {
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        if self.is_forked() {
            // They belong to the parent, as does the descriptor that would stop them.
            std::mem::forget(threads);
            return;
        }
        self.stop.signal();
        self.follower.queue.stop();
        for thread in [threads.watcher, threads.calls].into_iter().flatten() {
            // The end may come from a callback or a check: a thread cannot wait for itself, nor for one that waits for
            // the subscription whose check this is.
            let may_wait = thread.thread().id() != thread::current().id() && !rules::is_applying();
            if may_wait && thread.join().is_err() {
                tracing::error!("a thread of the bus panicked");
            }
        }
        self.follower.forget_all();
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.close();
    }
}

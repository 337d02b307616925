//! Background work that is named, owned and joined.
//!
//! A task that returns an error or panics stops the process with that cause: recovery belongs to the loop inside a
//! task or to the process supervisor. A `JoinSet` was not taken because its owner must poll it and cannot be cloned
//! into the tasks that start others.

use crate::CancellationToken;
use futures_util::FutureExt as _;
use std::{
    any::Any,
    collections::BTreeMap,
    error::Error,
    future::Future,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

/// Why a process ended.
#[derive(Debug, thiserror::Error)]
pub enum TaskError {
    /// A task gave up.
    #[error("task {task} failed")]
    Failed {
        /// Its name.
        task: String,
        /// Its error.
        source: Box<dyn Error + Send + Sync>,
    },
    /// A task crashed.
    #[error("task {task} panicked: {message}")]
    Panicked {
        /// Its name.
        task: String,
        /// What it said.
        message: String,
    },
    /// Tasks did not stop in time.
    #[error("tasks did not stop within {} ms: {}", deadline.as_millis(), tasks.join(", "))]
    StillRunning {
        /// Their names.
        tasks: Vec<String>,
        /// How long was waited.
        deadline: Duration,
    },
}

/// A group of tasks with one shutdown.
#[derive(Debug, Clone)]
pub struct Tasks {
    prefix: Arc<str>,
    stop: CancellationToken,
    /// Counts the tasks of this group, without those of groups inside it.
    group: TaskTracker,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    root: CancellationToken,
    tracker: TaskTracker,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    started: u64,
    running: BTreeMap<u64, String>,
    failure: Option<TaskError>,
}

impl Tasks {
    /// Starts an empty group; `name` prefixes the names of its tasks.
    pub fn new(name: &str) -> Self {
        let shared = Arc::new(Shared::default());
        Self { prefix: name.into(), stop: shared.root.clone(), group: TaskTracker::new(), shared }
    }

    /// Returns a group inside this one: it stops with this one or on its own, and is joined with this one.
    #[must_use]
    pub fn child(&self, name: &str) -> Self {
        let prefix = format!("{}.{name}", self.prefix).into();
        Self { prefix, stop: self.stop.child_token(), group: TaskTracker::new(), shared: Arc::clone(&self.shared) }
    }

    /// Starts a task that the process cannot live without.
    pub fn spawn<E>(&self, name: &str, future: impl Future<Output = Result<(), E>> + Send + 'static)
    where
        E: Into<Box<dyn Error + Send + Sync>> + 'static,
    {
        let (name, shared) = (format!("{}.{name}", self.prefix), Arc::clone(&self.shared));
        let (key, member) = (shared.enter(&name), self.group.token());
        let span = tracing::info_span!("task", task = %name);
        self.shared.tracker.spawn(
            async move {
                let outcome = AssertUnwindSafe(future).catch_unwind().await;
                shared.leave(key, failure_of(name, outcome));
                drop(member);
            }
            .instrument(span),
        );
    }

    /// Starts a task whose failure concerns one peer only: an error is logged, a panic still stops the process.
    pub fn spawn_connection<E>(&self, name: &str, future: impl Future<Output = Result<(), E>> + Send + 'static)
    where
        E: Into<Box<dyn Error + Send + Sync>> + 'static,
    {
        self.spawn(name, async move {
            if let Err(error) = future.await {
                let error: Box<dyn Error + Send + Sync> = error.into();
                tracing::debug!("connection ended: {}", crate::report::chain(error.as_ref()));
            }
            Ok::<_, std::convert::Infallible>(())
        });
    }

    /// Returns the token that tells this group to stop. Cancelling it stops the group.
    pub fn shutdown_token(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Tells this group to stop.
    pub fn shutdown(&self) {
        self.stop.cancel();
    }

    /// Waits until every task of this group has ended. Groups inside it are not waited for.
    pub async fn ended(&self) {
        self.group.close();
        self.group.wait().await;
    }

    /// Waits for the shutdown of the whole tree of groups, then up to `deadline` for its tasks. Returns the failure
    /// that caused the shutdown, or the tasks that did not stop.
    pub async fn join(&self, deadline: Duration) -> Result<(), TaskError> {
        self.shared.root.cancelled().await;
        self.shared.tracker.close();
        let stopped = tokio::time::timeout(deadline, self.shared.tracker.wait()).await;
        let mut state = self.shared.lock();
        match (state.failure.take(), stopped) {
            (Some(failure), _) => Err(failure),
            (None, Ok(())) => Ok(()),
            (None, Err(_)) => {
                Err(TaskError::StillRunning { tasks: state.running.values().cloned().collect(), deadline })
            }
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self, name: &str) -> u64 {
        let mut state = self.lock();
        state.started += 1;
        let key = state.started;
        state.running.insert(key, name.to_owned());
        key
    }

    fn leave(&self, key: u64, failure: Option<TaskError>) {
        let mut state = self.lock();
        state.running.remove(&key);
        if let Some(failure) = failure {
            // The first failure is the cause; later ones are its consequences.
            state.failure.get_or_insert(failure);
            self.root.cancel();
        }
    }
}

fn failure_of<E>(task: String, outcome: Result<Result<(), E>, Box<dyn Any + Send>>) -> Option<TaskError>
where
    E: Into<Box<dyn Error + Send + Sync>>,
{
    match outcome {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(TaskError::Failed { task, source: error.into() }),
        Err(panic) => Some(TaskError::Panicked { task, message: panic_message(panic.as_ref()) }),
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or(panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("no message").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{convert::Infallible, io};

    const GRACE: Duration = Duration::from_secs(5);

    #[tokio::test]
    async fn a_failed_task_stops_the_others_and_is_the_cause() {
        let tasks = Tasks::new("server");
        let token = tasks.shutdown_token();
        tasks.spawn("waiter", async move {
            token.cancelled().await;
            Ok::<_, Infallible>(())
        });
        tasks.child("git").spawn("committer", async { Err(io::Error::other("disk gone")) });
        let error = tasks.join(GRACE).await.unwrap_err();
        assert_eq!(crate::report::chain(&error), "task server.git.committer failed: disk gone");
    }

    #[tokio::test]
    async fn a_panic_is_a_cause_too() {
        let tasks = Tasks::new("agent");
        tasks.spawn("apply", async {
            if true {
                panic!("broken invariant");
            }
            Ok::<_, Infallible>(())
        });
        let error = tasks.join(GRACE).await.unwrap_err();
        assert_eq!(error.to_string(), "task agent.apply panicked: broken invariant");
    }

    #[tokio::test(start_paused = true)]
    async fn tasks_that_do_not_stop_are_named() {
        let tasks = Tasks::new("store");
        tasks.spawn("stuck", std::future::pending::<Result<(), Infallible>>());
        tasks.shutdown();
        let error = tasks.join(GRACE).await.unwrap_err();
        assert_eq!(error.to_string(), "tasks did not stop within 5000 ms: store.stuck");
    }

    #[tokio::test]
    async fn a_child_stops_alone() {
        let tasks = Tasks::new("up");
        let child = tasks.child("agent-1");
        let (stop, of_other) = (child.shutdown_token(), tasks.shutdown_token());
        for (group, stop) in [(&child, stop), (&tasks, of_other)] {
            group.spawn("apply", async move {
                stop.cancelled().await;
                Ok::<(), Infallible>(())
            });
        }
        child.shutdown();
        child.ended().await;
        assert!(!tasks.shutdown_token().is_cancelled());
    }
}

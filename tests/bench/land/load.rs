//! Writers in a loop: the next request when the last is answered.

use crate::{
    content::{content_of, path_of},
    stats::Samples,
};
use anyhow::Context as _;
use std::{
    future::Future,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

/// Something that takes a file's next content, and knows the one before.
pub(crate) trait Writer: Clone + Send + Sync + 'static {
    /// Writes and returns when it is durable.
    fn write(&self, path: &str, before: &str, content: &str) -> impl Future<Output = anyhow::Result<()>> + Send;
}

/// What a row brought.
pub(crate) struct Outcome {
    pub(crate) times: Samples,
    pub(crate) took: Duration,
}

impl Outcome {
    pub(crate) fn done(&self) -> usize {
        self.times.len()
    }

    pub(crate) fn per_second(&self) -> f64 {
        self.done() as f64 / self.took.as_secs_f64().max(f64::EPSILON)
    }
}

/// When writers stop.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Until {
    /// After a time.
    Passed(Duration),
    /// After so many writes of all of them.
    Written(usize),
}

/// What is left to do.
struct Left {
    end: Option<Instant>,
    writes: AtomicUsize,
}

impl Left {
    fn of(until: Until) -> Self {
        match until {
            Until::Passed(time) => Self { end: Some(Instant::now() + time), writes: AtomicUsize::new(usize::MAX) },
            Until::Written(writes) => Self { end: None, writes: AtomicUsize::new(writes) },
        }
    }

    /// Takes one write, unless it is over.
    fn take(&self) -> bool {
        let take = |left: usize| left.checked_sub(1);
        let is_over = self.end.is_some_and(|end| Instant::now() >= end);
        !is_over && self.writes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
    }
}

/// Writes to one system, and remembers which version each file has there.
pub(crate) struct Load {
    versions: Arc<Mutex<Vec<usize>>>,
}

impl Load {
    /// A system with so many files in their first version.
    pub(crate) fn new(files: usize) -> Self {
        Self { versions: Arc::new(Mutex::new(vec![0; files])) }
    }

    /// Runs as many writers at once over the given connections, each on files of its own.
    pub(crate) async fn run<W: Writer>(
        &self,
        writers: usize,
        connections: &[W],
        until: Until,
    ) -> anyhow::Result<Outcome> {
        let (started, left) = (Instant::now(), Arc::new(Left::of(until)));
        let files = self.versions().len();
        let mut tasks = Vec::with_capacity(writers);
        for writer in 0..writers {
            let connection = connections.get(writer % connections.len()).context("there is a connection")?.clone();
            let files = (writer..files).step_by(writers).collect();
            let (load, left) = (Self { versions: Arc::clone(&self.versions) }, Arc::clone(&left));
            tasks.push(async move { load.run_one(&connection, files, &left).await });
        }
        let mut times = Samples::default();
        // The bench is a process of its own; nothing here outlives the row.
        #[expect(clippy::disallowed_methods, reason = "load comes from several threads")]
        let tasks: Vec<_> = tasks.into_iter().map(tokio::spawn).collect();
        for task in tasks {
            times.extend(&task.await??);
        }
        Ok(Outcome { times, took: started.elapsed() })
    }

    async fn run_one<W: Writer>(&self, connection: &W, files: Vec<usize>, left: &Left) -> anyhow::Result<Samples> {
        let mut times = Samples::default();
        // A prime step spreads a writer's files over the directories.
        for step in (0..).map(|step: usize| step * 7_919 % files.len()) {
            if !left.take() {
                break;
            }
            let file = files[step];
            let version = self.versions()[file];
            let (path, before, content) = (path_of(file), content_of(file, version), content_of(file, version + 1));
            let started = Instant::now();
            connection.write(&path, &before, &content).await?;
            times.add(started.elapsed());
            self.versions()[file] = version + 1;
        }
        Ok(times)
    }

    fn versions(&self) -> MutexGuard<'_, Vec<usize>> {
        self.versions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

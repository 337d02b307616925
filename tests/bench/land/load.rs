//! Writers in a loop: the next request when the last is answered.

use crate::{
    content::{content_of, path_of},
    stats::Samples,
};
use anyhow::Context as _;
use std::{
    future::Future,
    sync::{Arc, Mutex, PoisonError},
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

/// Remembers which version each file has for each of the systems.
pub(crate) struct Load {
    versions: [Arc<Mutex<Vec<usize>>>; 2],
    turn: usize,
    files: usize,
    time: Duration,
}

impl Load {
    pub(crate) fn new(files: usize, time: Duration) -> Self {
        let versions = || Arc::new(Mutex::new(vec![0; files]));
        Self { versions: [versions(), versions()], turn: 0, files, time }
    }

    /// Runs as many writers at once over the given connections; called for both systems in turn.
    pub(crate) async fn run<W: Writer>(&mut self, writers: usize, connections: &[W]) -> anyhow::Result<Outcome> {
        let versions = &self.versions[self.turn];
        self.turn = 1 - self.turn;
        let (started, end) = (Instant::now(), Instant::now() + self.time);
        let mut tasks = Vec::with_capacity(writers);
        for writer in 0..writers {
            let connection = connections.get(writer % connections.len()).context("there is a connection")?.clone();
            let files = (writer..self.files).step_by(writers).collect();
            let versions = Arc::clone(versions);
            tasks.push(run_one(connection, files, versions, end));
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
}

async fn run_one<W: Writer>(
    connection: W,
    files: Vec<usize>,
    versions: Arc<Mutex<Vec<usize>>>,
    end: Instant,
) -> anyhow::Result<Samples> {
    let mut times = Samples::default();
    // A prime step spreads a writer's files over the directories.
    for step in (0..).map(|step: usize| step * 7_919 % files.len()) {
        if Instant::now() >= end {
            break;
        }
        let file = files[step];
        let version = versions.lock().unwrap_or_else(PoisonError::into_inner)[file];
        let (path, before, content) = (path_of(file), content_of(file, version), content_of(file, version + 1));
        let started = Instant::now();
        connection.write(&path, &before, &content).await?;
        times.add(started.elapsed());
        versions.lock().unwrap_or_else(PoisonError::into_inner)[file] = version + 1;
    }
    Ok(times)
}

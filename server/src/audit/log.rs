//! The log as the rest of the server sees it: who waits until a record is on disk, and who need not.
//!
//! Records of requests that come together are written and synced together. What cannot be logged must not happen: while
//! the log cannot be written, changes are refused. A change that has landed when its own record fails stays, because it
//! is on disk and visible; the failure is shouted into the process's log, and nothing lands after it.

use super::file::{AuditFile, FILE};
use super::gap;
use super::location;
use super::record::{AuditEvent, AuditOutcome, AuditRecord};
use super::settings::AuditSettings;
use configbus_model::{Head, Namespace};
use configbus_runtime::{BlockingPool, Clock, Tasks};
use std::convert::Infallible;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// Records on their way to the disk. Everybody who waits for one is a request under way, and those are bounded below it.
const QUEUE_MAX: usize = 4_096;

/// Records written and synced together.
const BATCH_MAX: usize = 512;

/// How long requests under way may take once the server stops; a little longer than they are given.
const FINISH_WITHIN: Duration = Duration::from_secs(12);

/// A record is not on disk.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the audit log {path} cannot be written: {reason}")]
pub(crate) struct AuditError {
    path: String,
    reason: String,
}

struct Entry {
    line: Vec<u8>,
    done: Option<oneshot::Sender<Result<(), AuditError>>>,
}

/// Writes records. Clones share one log.
#[derive(Clone)]
pub(crate) struct AuditLog {
    queue: mpsc::Sender<Entry>,
    shared: Arc<Shared>,
}

struct Shared {
    path: PathBuf,
    clock: Arc<dyn Clock>,
    /// The last attempt failed.
    is_broken: AtomicBool,
    /// Records that nobody waited for and that did not fit.
    left_out: AtomicUsize,
}

/// A record on its way into the queue. Dropped there, because its request was, it is handed over without waiting.
struct Unsent<'a> {
    log: &'a AuditLog,
    record: Option<&'a AuditRecord>,
}

impl Drop for Unsent<'_> {
    fn drop(&mut self) {
        if let Some(record) = self.record {
            self.log.note(record.clone());
        }
    }
}

/// The end that writes.
pub(crate) struct AuditWriter {
    entries: mpsc::Receiver<Entry>,
    file: Arc<Mutex<AuditFile>>,
    shared: Arc<Shared>,
}

impl AuditLog {
    /// Opens the log in the data folder, or where the settings say.
    pub(crate) fn open(
        data: &Path,
        settings: &AuditSettings,
        clock: Arc<dyn Clock>,
    ) -> io::Result<(Self, AuditWriter)> {
        let path = settings.file.clone().unwrap_or_else(|| data.join(FILE));
        let file = Arc::new(Mutex::new(AuditFile::open(&path, settings)?));
        location::leave(data, &path)?;
        let shared = Arc::new(Shared { path, clock, is_broken: AtomicBool::new(false), left_out: AtomicUsize::new(0) });
        let (queue, entries) = mpsc::channel(QUEUE_MAX);
        Ok((Self { queue, shared: Arc::clone(&shared) }, AuditWriter { entries, file, shared }))
    }

    /// Notes what landed in a namespace and was never written down. Reads the end of the log: for the start of a server.
    pub(crate) fn note_gap(&self, namespace: &Namespace, head: &Head) {
        match gap::record(&self.shared.path, namespace, head) {
            Ok(None) => {}
            Ok(Some(record)) => {
                tracing::warn!(%namespace, "{}", record.reason.as_deref().unwrap_or_default());
                self.note(record);
            }
            Err(error) => tracing::warn!("cannot compare the audit log with {namespace}: {error}"),
        }
    }

    /// Refuses when the log could not be written last time and still cannot. Asked before anything lands.
    pub(crate) async fn ready(&self) -> Result<(), AuditError> {
        if !self.shared.is_broken.load(Ordering::Relaxed) {
            return Ok(());
        }
        let resumed = AuditRecord::new(AuditEvent::Audit, AuditOutcome::Accepted).with_reason("the log resumes");
        self.write(&resumed).await
    }

    /// Returns when the record is on disk. It gets there as well when nobody waits for this any more.
    pub(crate) async fn write(&self, record: &AuditRecord) -> Result<(), AuditError> {
        let (done, outcome) = oneshot::channel();
        let entry = Entry { line: record.line(self.shared.clock.now_ms()), done: Some(done) };
        let stopping = || self.shared.error("the server is stopping");
        let mut unsent = Unsent { log: self, record: Some(record) };
        let place = self.queue.reserve().await.map_err(|_| stopping())?;
        place.send(entry);
        unsent.record = None;
        outcome.await.unwrap_or_else(|_| Err(stopping()))
    }

    /// Hands a record over and does not wait. When too many wait already it is left out, and the next one says how many
    /// were.
    pub(crate) fn note(&self, mut record: AuditRecord) {
        record.left_out += self.shared.left_out.swap(0, Ordering::Relaxed);
        let left_out = record.left_out;
        let entry = Entry { line: record.line(self.shared.clock.now_ms()), done: None };
        if self.queue.try_send(entry).is_err() {
            self.shared.left_out.fetch_add(left_out + 1, Ordering::Relaxed);
        }
    }
}

impl Shared {
    fn error(&self, reason: &str) -> AuditError {
        AuditError { path: self.path.display().to_string(), reason: reason.to_string() }
    }

    fn judge(&self, outcome: io::Result<()>) -> Result<(), AuditError> {
        let was_broken = self.is_broken.swap(outcome.is_err(), Ordering::Relaxed);
        metrics::gauge!("configbus_server_audit_broken").set(if outcome.is_err() { 1.0 } else { 0.0 });
        match outcome {
            Ok(()) if was_broken => tracing::warn!("the audit log can be written again, changes are accepted"),
            Err(ref error) => {
                tracing::error!("the audit log {} cannot be written: {error}", self.path.display());
            }
            Ok(()) => {}
        }
        outcome.map_err(|error| self.error(&error.to_string()))
    }
}

impl AuditWriter {
    /// Writes until every holder of the log is gone: landings that are under way when the server stops still find it.
    /// A client that does not end its request is not waited for.
    pub(crate) fn start(mut self, tasks: &Tasks) {
        let stop = tasks.shutdown_token();
        tasks.spawn("audit", async move {
            let pool = BlockingPool::new(1);
            let mut overdue = pin!(async {
                stop.cancelled().await;
                tokio::time::sleep(FINISH_WITHIN).await;
            });
            loop {
                let mut batch = Vec::new();
                // Cancel-safe: what was not received stays in the queue.
                let received = tokio::select! {
                    received = self.entries.recv_many(&mut batch, BATCH_MAX) => received,
                    () = &mut overdue => 0,
                };
                if received == 0 {
                    return Ok::<(), Infallible>(());
                }
                self.write(&pool, batch).await;
            }
        });
    }

    async fn write(&self, pool: &BlockingPool, batch: Vec<Entry>) {
        let lines: Vec<u8> = batch.iter().flat_map(|entry| &entry.line).copied().collect();
        let file = Arc::clone(&self.file);
        let outcome = pool.run(move || file.lock().unwrap_or_else(PoisonError::into_inner).append(&lines)).await;
        let outcome = self.shared.judge(outcome);
        for done in batch.into_iter().filter_map(|entry| entry.done) {
            let _ = done.send(outcome.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use configbus_runtime::SystemClock;
    use std::fs;

    fn open(folder: &Path, settings: &AuditSettings, tasks: &Tasks) -> AuditLog {
        let (log, writer) = AuditLog::open(folder, settings, Arc::new(SystemClock)).unwrap();
        writer.start(tasks);
        log
    }

    fn record(reason: &str) -> AuditRecord {
        AuditRecord::new(AuditEvent::Write, AuditOutcome::Accepted).with_reason(reason)
    }

    #[tokio::test]
    async fn records_of_many_writers_are_whole_lines() {
        let folder = tempfile::tempdir().unwrap();
        let tasks = Tasks::new("test");
        let log = open(folder.path(), &AuditSettings::default(), &tasks);
        let writers = (0..64).map(|number| {
            let log = log.clone();
            async move { log.write(&record(&format!("{number}"))).await.unwrap() }
        });
        futures_util::future::join_all(writers).await;
        log.note(record("unawaited"));
        drop(log);
        tasks.shutdown();
        tasks.join(Duration::from_secs(10)).await.unwrap();
        let text = fs::read_to_string(folder.path().join("audit.jsonl")).unwrap();
        assert_eq!(text.lines().count(), 65);
        assert!(text.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()), "{text}");
    }

    #[tokio::test]
    async fn a_log_that_cannot_be_written_refuses_and_resumes_when_it_can() {
        let folder = tempfile::tempdir().unwrap();
        let tasks = Tasks::new("test");
        // A rotation that meets a folder in its way fails as a full disk does.
        let settings = AuditSettings { bytes_max: 1, files_max: 1, ..AuditSettings::default() };
        let log = open(folder.path(), &settings, &tasks);
        log.write(&record("first")).await.unwrap();
        let obstacle = folder.path().join("audit.jsonl.1");
        fs::create_dir(&obstacle).unwrap();
        log.ready().await.unwrap();
        assert!(log.write(&record("second")).await.is_err());
        assert!(log.ready().await.is_err());
        fs::remove_dir(&obstacle).unwrap();
        log.ready().await.unwrap();
        log.write(&record("third")).await.unwrap();
        tasks.shutdown();
    }
}

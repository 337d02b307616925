//! Who may decide a request, and how others learn what was decided.

use super::memory::{Known, Memory};
use super::request_id::{Key, owner};
use super::unchanged_log::UnchangedLog;
use super::{Fingerprint, RequestId, trailers};
use crate::committer::{How, Landed};
use crate::failure::Failure;
use configbus_gitstore::{LogEntry, ReadError, Store};
use configbus_model::{Principal, Revision};
use configbus_runtime::{BlockingPool, Clock};
use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{OnceCell, watch};

/// Revisions looked at for ids at a start, the newest ones: about a second of reading.
const REVISIONS_MAX: usize = 100_000;

/// Revisions read at once.
const STRETCH: usize = 1_000;

/// Past requests of one namespace, and those under way.
pub(crate) struct Requests {
    store: Store,
    clock: Arc<dyn Clock>,
    /// One at a time: reads at the start, and the log of what made no commit.
    pool: BlockingPool,
    recalled: OnceCell<()>,
    memory: Mutex<Memory>,
    under_way: Mutex<HashMap<Key, watch::Sender<()>>>,
    log: Mutex<UnchangedLog>,
}

/// What to do with a request.
pub(crate) enum Answer {
    /// Nobody has decided it: whoever holds the ticket does.
    Undecided(Arc<Ticket>),
    /// It was decided, and this is the revision that holds what it asked for.
    Decided { revision: Revision, committed: bool },
}

impl std::fmt::Debug for Requests {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Requests").finish_non_exhaustive()
    }
}

impl Requests {
    /// Remembers requests of a namespace; `log` is for those that make no commit.
    pub(crate) fn new(store: Store, clock: Arc<dyn Clock>, log: &Path) -> Arc<Self> {
        Arc::new(Self {
            store,
            clock,
            pool: BlockingPool::new(1),
            recalled: OnceCell::new(),
            memory: Mutex::default(),
            under_way: Mutex::default(),
            log: Mutex::new(UnchangedLog::new(log)),
        })
    }

    /// Reads what history and log tell of the last day. Does nothing the second time.
    pub(crate) async fn recall(self: &Arc<Self>) -> Result<(), Failure> {
        let recalled = self.recalled.get_or_try_init(|| async {
            let this = Arc::clone(self);
            self.pool.run(move || this.read_past()).await
        });
        recalled.await.copied()
    }

    /// Looks a request up, or lets it be decided. Waits while the same id is being decided.
    pub(crate) async fn enter(
        self: &Arc<Self>,
        principal: &Principal,
        id: &RequestId,
        fingerprint: Fingerprint,
    ) -> Result<Answer, Failure> {
        self.recall().await?;
        let key = id.key(owner(principal));
        loop {
            let mut waiting = {
                let mut under_way = lock(&self.under_way);
                match under_way.get(&key) {
                    Some(other) => other.subscribe(),
                    None => match lock(&self.memory).look_up(&key, self.clock.now_ms()) {
                        Some(known) => return known.answer(id, fingerprint),
                        None => {
                            under_way.insert(key, watch::Sender::new(()));
                            let requests = Arc::clone(self);
                            return Ok(Answer::Undecided(Arc::new(Ticket { requests, key, fingerprint })));
                        }
                    },
                }
            };
            // Ends when the other one's ticket is gone, whatever became of it.
            let _ = waiting.changed().await;
        }
    }

    fn read_past(&self) -> Result<(), Failure> {
        let now_ms = self.clock.now_ms();
        let unchanged = lock(&self.log).read(now_ms);
        let unchanged = unchanged.map_err(|error| Failure::internal(&error))?;
        for (key, known) in unchanged.into_iter().rev() {
            lock(&self.memory).recall(key, known);
        }
        self.read_history(now_ms).map_err(|error| Failure::internal(&error))
    }

    fn read_history(&self, now_ms: u64) -> Result<(), ReadError> {
        let mut next = self.store.head().map(|head| head.revision);
        for _ in 0..REVISIONS_MAX / STRETCH {
            let Some(from) = next else { break };
            let page = self.store.log(from, None, STRETCH)?;
            for entry in &page.entries {
                let Some((key, known)) = made_by(entry) else { continue };
                if !known.is_forgotten(now_ms) && !lock(&self.memory).recall(key, known) {
                    return Ok(());
                }
            }
            // Older ones were decided before that.
            let is_over = page.entries.last().is_some_and(|entry| {
                let (fingerprint, committed) = (Fingerprint::of_fields([]), true);
                Known { fingerprint, revision: from, committed, decided_ms: entry.landed_ms }.is_forgotten(now_ms)
            });
            next = page.next.filter(|_| !is_over);
        }
        Ok(())
    }
}

/// Returns which request made a commit. Who landed it decides whose request that was, not what the commit says: nobody
/// pushes commits that answer the requests of others.
fn made_by(entry: &LogEntry) -> Option<(Key, Known)> {
    let (id, fingerprint) = trailers::read(&entry.commit.message)?;
    let nobody = Principal::open();
    let principal = entry.landed_by.as_deref().unwrap_or_else(|| owner(&nobody));
    let (revision, decided_ms) = (entry.revision, entry.landed_ms);
    Some((id.key(principal), Known { fingerprint, revision, committed: true, decided_ms }))
}

impl Known {
    fn answer(self, id: &RequestId, fingerprint: Fingerprint) -> Result<Answer, Failure> {
        let Self { revision, committed, .. } = self;
        if self.fingerprint == fingerprint {
            return Ok(Answer::Decided { revision, committed });
        }
        let text =
            format!("request id {id} was used for another change, which is in {revision}: give each change its own");
        Err(Failure::invalid(text))
    }
}

/// The right to decide a request. While anybody holds a clone, others with the same id wait.
#[derive(Debug)]
pub(crate) struct Ticket {
    requests: Arc<Requests>,
    key: Key,
    fingerprint: Fingerprint,
}

impl Ticket {
    /// Remembers what became of the request. Called by the committer when it is durable, whether or not anybody still
    /// waits for the answer.
    pub(crate) fn settle(&self, landed: &Landed) {
        let now_ms = self.requests.clock.now_ms();
        lock(&self.requests.memory).remember(self.key, self.known(landed, now_ms), now_ms);
    }

    /// Writes down what made no commit, before anybody is told.
    pub(crate) async fn keep_unchanged(&self, landed: &Landed) -> Result<(), Failure> {
        let now_ms = self.requests.clock.now_ms();
        let (key, known, requests) = (self.key, self.known(landed, now_ms), Arc::clone(&self.requests));
        let appended: io::Result<()> =
            requests.pool.clone().run(move || lock(&requests.log).append(&key, &known, now_ms)).await;
        appended.map_err(|error| Failure::internal(&error))
    }

    fn known(&self, landed: &Landed, decided_ms: u64) -> Known {
        let (fingerprint, revision) = (self.fingerprint, landed.head.revision);
        Known { fingerprint, revision, committed: landed.how != How::Unchanged, decided_ms }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        lock(&self.requests.under_way).remove(&self.key);
    }
}

/// Each of the locks guards single steps: what is there is whole after any panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

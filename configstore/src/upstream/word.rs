//! Asks the server for its heads, all the time.
//!
//! Coordination is the fast way to hear of a head; this is the way that does not fail silently. It keeps a store
//! following while coordination is away, it is the word that outranks a forged or stale announcement, and it is what
//! makes "connected to upstream" a fact and not a hope. It costs the server one small call per store every two seconds
//! (`Fleet.Status`, whose heads are the server's own).

use super::ServerClient;
use configbus_coordination::Heads;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::sync::{Notify, watch};

/// Time between two questions.
const ASK_EVERY: Duration = Duration::from_secs(2);

/// Shortest time between two questions, however often somebody wants one.
const ASK_GAP: Duration = Duration::from_millis(50);

/// What the server last said. A new value each time it is asked, even when it says the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Word {
    /// The server's heads; `None` until it answered once.
    pub(crate) heads: Option<Heads>,
    /// Whether it answered the last time.
    pub(crate) answers: bool,
}

/// Asks, publishes, waits.
pub(crate) struct Inquirer {
    client: ServerClient,
    word: watch::Sender<Word>,
    wanted: Arc<Notify>,
    asked: AtomicU64,
}

impl Inquirer {
    pub(crate) fn new(client: ServerClient) -> Self {
        Self { client, word: watch::Sender::default(), wanted: Arc::default(), asked: AtomicU64::new(0) }
    }

    /// Watches what the server says.
    pub(crate) fn word(&self) -> watch::Receiver<Word> {
        self.word.subscribe()
    }

    /// Returns the bell that makes it ask at once.
    pub(crate) fn bell(&self) -> Arc<Notify> {
        self.wanted.clone()
    }

    /// Asks for ever.
    pub(crate) async fn run(self) {
        loop {
            self.ask().await;
            tokio::time::sleep(ASK_GAP).await;
            let _ = tokio::time::timeout(ASK_EVERY - ASK_GAP, self.wanted.notified()).await;
        }
    }

    async fn ask(&self) {
        let answer = self.client.heads().await;
        let first = self.asked.fetch_add(1, Ordering::Relaxed) == 0;
        self.word.send_modify(|word| match answer {
            Ok(heads) => {
                if !word.answers {
                    tracing::info!("the server answers");
                }
                *word = Word { heads: Some(heads), answers: true };
            }
            Err(error) => {
                if word.answers || first {
                    tracing::warn!(error = configbus_runtime::report::chain(&error), "the server does not answer");
                }
                word.answers = false;
            }
        });
        metrics::gauge!("configbus_store_upstream_connected").set(f64::from(self.word.borrow().answers));
    }
}

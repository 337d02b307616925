//! The roster behind a lock, with a bell.

use super::host::Host;
use super::roster::{Progress, ReportId, Roster, Tally};
use configbus_model::{Head, Namespace, Revision};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// How often a waiter counts again while hosts report: counting looks at every host.
const RECOUNT_PAUSE: Duration = Duration::from_millis(20);

/// Hosts that a waiter is told about.
const BEHIND_MAX: usize = 100;

/// All hosts, shared.
#[derive(Clone)]
pub(crate) struct FleetBoard {
    inner: Arc<Inner>,
}

struct Inner {
    roster: Mutex<Roster>,
    changed: watch::Sender<()>,
    next_report: AtomicU64,
}

/// One report stream of a store. Its hosts leave with it.
pub(crate) struct ReportSession {
    board: FleetBoard,
    id: ReportId,
    is_first: bool,
}

impl FleetBoard {
    pub(crate) fn new(hosts_max: usize) -> Self {
        let roster = Mutex::new(Roster::new(hosts_max));
        let (changed, next_report) = (watch::Sender::new(()), AtomicU64::new(0));
        Self { inner: Arc::new(Inner { roster, changed, next_report }) }
    }

    /// Opens a report stream.
    pub(crate) fn open_report(&self) -> ReportSession {
        let id = ReportId(self.inner.next_report.fetch_add(1, Ordering::Relaxed));
        ReportSession { board: self.clone(), id, is_first: true }
    }

    pub(crate) fn tally(&self, heads: &BTreeMap<Namespace, Head>) -> Tally {
        self.roster().tally(heads)
    }

    pub(crate) fn hosts(&self, behind: Option<&BTreeMap<Namespace, Head>>) -> Vec<Host> {
        self.roster().hosts(behind)
    }

    /// Drops hosts that left long ago.
    pub(crate) fn forget_gone(&self, now_ms: u64) {
        if self.roster().forget_gone(now_ms) {
            self.inner.changed.send_replace(());
        }
    }

    /// Waits until enough hosts have applied a revision, or for `patience`. Answers how far they are either way.
    pub(crate) async fn wait(
        &self,
        namespace: &Namespace,
        revision: Revision,
        percent: f64,
        patience: Duration,
    ) -> (bool, Progress) {
        let mut changed = self.inner.changed.subscribe();
        let deadline = Instant::now() + patience;
        loop {
            changed.borrow_and_update();
            let progress = self.roster().progress(namespace, revision, BEHIND_MAX);
            let reached = progress.has_reached(percent);
            if reached || Instant::now() >= deadline {
                return (reached, progress);
            }
            let pause = tokio::time::sleep(RECOUNT_PAUSE);
            // When the time is up the loop counts once more and answers.
            let _ = tokio::time::timeout_at(deadline, async {
                let _ = changed.changed().await;
                pause.await;
            })
            .await;
        }
    }

    fn roster(&self) -> MutexGuard<'_, Roster> {
        self.inner.roster.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ReportSession {
    /// Takes one message of the stream. The first lists all hosts of the store. Returns what they have applied since.
    pub(crate) fn take(
        &mut self,
        store: &str,
        hosts: Vec<Host>,
        gone: &[String],
        now_ms: u64,
    ) -> Vec<(Namespace, Head)> {
        let applied = {
            let mut roster = self.board.roster();
            if std::mem::take(&mut self.is_first) {
                let names: Vec<String> = hosts.iter().map(|host| host.name.clone()).collect();
                roster.keep_only(self.id, store, &names);
            }
            let applied = roster.describe(self.id, hosts, now_ms);
            roster.mark_gone(self.id, gone);
            applied
        };
        self.board.inner.changed.send_replace(());
        applied
    }
}

impl Drop for ReportSession {
    fn drop(&mut self) {
        self.board.roster().report_ended(self.id);
        self.board.inner.changed.send_replace(());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use configbus_model::{CommitId, Epoch, TreeId};
    use std::collections::BTreeSet;

    fn host(name: &str, revision: u64) -> Host {
        let head = Head {
            epoch: Epoch::FIRST,
            revision: Revision(revision),
            commit: CommitId::from_bytes([1; 20]),
            tree: TreeId::EMPTY,
            time_ms: 0,
            traceparent: None,
        };
        Host {
            name: name.into(),
            incarnation: "1".into(),
            labels: BTreeMap::new(),
            store: "a".into(),
            applied: BTreeMap::from([(Namespace::main(), head)]),
            effective_tree: None,
            applied_ms: 0,
            refusals: Vec::new(),
            connected: true,
            version: String::new(),
            carried: BTreeSet::new(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_waiter_returns_when_the_last_host_has_applied() {
        let board = FleetBoard::new(10);
        let mut report = board.open_report();
        report.take("a", vec![host("h", 1), host("i", 2)], &[], 1);
        let (name, revision) = (Namespace::main(), Revision(2));
        let waiting = board.wait(&name, revision, 100.0, Duration::from_secs(60));
        let ((reached, progress), ()) = tokio::join!(waiting, async {
            tokio::task::yield_now().await;
            report.take("a", vec![host("h", 2)], &[], 2);
        });
        assert!(reached);
        assert_eq!((progress.applied, progress.total), (2, 2));
    }

    #[tokio::test(start_paused = true)]
    async fn at_the_deadline_the_laggards_are_named() {
        let board = FleetBoard::new(10);
        let mut report = board.open_report();
        report.take("a", vec![host("h", 1), host("i", 2)], &[], 1);
        let (reached, progress) = board.wait(&Namespace::main(), Revision(2), 100.0, Duration::from_secs(5)).await;
        assert!(!reached);
        assert_eq!(progress.behind.iter().map(|host| host.name.as_str()).collect::<Vec<_>>(), ["h"]);
    }

    #[test]
    fn hosts_of_a_broken_report_are_not_connected() {
        let board = FleetBoard::new(10);
        let mut report = board.open_report();
        report.take("a", vec![host("h", 1)], &[], 1);
        drop(report);
        assert_eq!(board.tally(&BTreeMap::new()), Tally { total: 1, connected: 0, current: 0, refusing: 0 });
    }
}

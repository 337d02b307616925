//! All hosts of this store: who is subscribed, what each holds, and what of that the server has not been told yet.

use super::record::{Acknowledgement, HostIdentity, HostRecord};
use configbus_model::{ErrorKind, Head, Namespace};
use configbus_proto::v1;
use configbus_runtime::Clock;
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

/// How long a host that left is remembered, so that `status` can say what it held last.
const REMEMBERED_MS: u64 = 60 * 60 * 1_000;

/// A host may not subscribe.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum JoinError {
    /// The bound of the settings is reached.
    #[error("this store has its maximum of {subscribers_max} subscribers")]
    Full { subscribers_max: usize },
}

impl JoinError {
    pub(crate) fn kind(&self) -> ErrorKind {
        match self {
            Self::Full { .. } => ErrorKind::Exhausted,
        }
    }
}

/// Shared by all subscriptions and the reporter.
pub(crate) struct Roster {
    inner: Mutex<Inner>,
    subscribers: watch::Sender<u32>,
    news: Notify,
    clock: Arc<dyn Clock>,
    subscribers_max: usize,
}

#[derive(Default)]
struct Inner {
    hosts: HashMap<String, Known>,
    unreported: BTreeSet<String>,
    streams: u64,
    connected: usize,
}

struct Known {
    record: HostRecord,
    presence: Presence,
}

enum Presence {
    Subscribed { stream: u64, replaced: CancellationToken },
    Left { since_ms: u64 },
}

/// A host's place among the subscribers; dropping it is leaving.
pub(crate) struct Seat {
    roster: Arc<Roster>,
    host: String,
    stream: u64,
    replaced: CancellationToken,
}

/// What the server should be told next.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct News {
    pub(crate) hosts: Vec<v1::HostStatus>,
    pub(crate) gone: Vec<String>,
}

impl Roster {
    pub(crate) fn new(clock: Arc<dyn Clock>, subscribers_max: usize) -> Arc<Self> {
        let subscribers = watch::Sender::new(0);
        Arc::new(Self { inner: Mutex::default(), subscribers, news: Notify::new(), clock, subscribers_max })
    }

    /// Seats a host. A stream that the same host had before is replaced: it is the newer one that is alive.
    pub(crate) fn join(self: &Arc<Self>, identity: HostIdentity) -> Result<Seat, JoinError> {
        let replaced = CancellationToken::new();
        let host = identity.host.clone();
        let stream = {
            let mut inner = self.lock();
            if inner.hosts.len() > 2 * self.subscribers_max {
                inner.forget(self.clock.now_ms(), self.subscribers_max);
            }
            let rejoins = matches!(inner.hosts.get(&host), Some(Known { presence: Presence::Subscribed { .. }, .. }));
            if !rejoins && inner.connected >= self.subscribers_max {
                return Err(JoinError::Full { subscribers_max: self.subscribers_max });
            }
            inner.seat(identity, replaced.clone())
        };
        self.publish_count();
        Ok(Seat { roster: self.clone(), host, stream, replaced })
    }

    /// Watches how many hosts are subscribed.
    pub(crate) fn subscribers(&self) -> watch::Receiver<u32> {
        self.subscribers.subscribe()
    }

    /// Returns everything there is to tell; what changes from now on is in [`Roster::take_news`].
    pub(crate) fn take_all(&self, store: &str) -> News {
        let mut inner = self.lock();
        inner.unreported.clear();
        News { hosts: inner.hosts.values().map(|known| known.to_wire(store)).collect(), gone: Vec::new() }
    }

    /// Waits for changes and returns up to `hosts_max` of them. What it returns is not returned again. Cancel-safe.
    pub(crate) async fn take_news(&self, store: &str, hosts_max: usize) -> News {
        loop {
            let news = self.lock().drain(store, hosts_max);
            if news != News::default() {
                return news;
            }
            self.news.notified().await;
        }
    }

    /// Forgets hosts that left long ago.
    pub(crate) fn forget_gone(&self) {
        self.lock().forget(self.clock.now_ms(), self.subscribers_max);
        self.news.notify_one();
    }

    /// Changes what is known of a host, unless a newer stream of the same host speaks for it by now.
    fn change(&self, host: &str, stream: u64, change: impl FnOnce(&mut HostRecord) -> bool) {
        let mut inner = self.lock();
        let Some(known) = inner.hosts.get_mut(host).filter(|known| known.is_stream(stream)) else { return };
        if change(&mut known.record) {
            inner.unreported.insert(host.to_owned());
            self.news.notify_one();
        }
    }

    fn leave(&self, host: &str, stream: u64) {
        if self.lock().unseat(host, stream, self.clock.now_ms()) {
            self.news.notify_one();
            self.publish_count();
        }
    }

    fn publish_count(&self) {
        let count = u32::try_from(self.lock().connected).unwrap_or(u32::MAX);
        self.subscribers.send_replace(count);
        metrics::gauge!("configbus_store_subscribers").set(f64::from(count));
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Every change of the table is complete before anything in it can panic.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn seat(&mut self, identity: HostIdentity, replaced: CancellationToken) -> u64 {
        self.streams += 1;
        let stream = self.streams;
        let host = identity.host.clone();
        let presence = Presence::Subscribed { stream, replaced };
        match self.hosts.get_mut(&host) {
            Some(known) => match std::mem::replace(&mut known.presence, presence) {
                Presence::Subscribed { replaced, .. } => replaced.cancel(),
                Presence::Left { .. } => self.connected += 1,
            },
            None => {
                self.connected += 1;
                self.hosts.insert(host, Known { record: HostRecord::new(identity), presence });
            }
        }
        stream
    }

    fn unseat(&mut self, host: &str, stream: u64, since_ms: u64) -> bool {
        let Some(known) = self.hosts.get_mut(host).filter(|known| known.is_stream(stream)) else { return false };
        known.presence = Presence::Left { since_ms };
        self.connected -= 1;
        self.unreported.insert(host.to_owned());
        true
    }

    /// Forgets hosts that left long ago, and the longest gone ones when there are too many.
    fn forget(&mut self, now_ms: u64, left_max: usize) {
        let mut left: Vec<(u64, String)> = Vec::new();
        for (host, known) in &self.hosts {
            if let Presence::Left { since_ms } = known.presence {
                left.push((since_ms, host.clone()));
            }
        }
        left.sort();
        let surplus = left.len().saturating_sub(left_max);
        for (index, (since_ms, host)) in left.into_iter().enumerate() {
            if index < surplus || now_ms.saturating_sub(since_ms) > REMEMBERED_MS {
                self.hosts.remove(&host);
                self.unreported.insert(host);
            }
        }
    }

    fn drain(&mut self, store: &str, hosts_max: usize) -> News {
        let mut news = News::default();
        for _ in 0..hosts_max {
            let Some(host) = self.unreported.pop_first() else { break };
            match self.hosts.get(&host) {
                Some(known) => news.hosts.push(known.to_wire(store)),
                None => news.gone.push(host),
            }
        }
        news
    }
}

impl Known {
    fn is_stream(&self, stream: u64) -> bool {
        matches!(self.presence, Presence::Subscribed { stream: current, .. } if current == stream)
    }

    fn to_wire(&self, store: &str) -> v1::HostStatus {
        self.record.to_wire(store, matches!(self.presence, Presence::Subscribed { .. }))
    }
}

impl Seat {
    /// Returns whose it is.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// Takes what the host says it holds.
    pub(crate) fn greet(&self, identity: HostIdentity, holding: BTreeMap<Namespace, Head>) {
        let now_ms = self.roster.clock.now_ms();
        self.roster.change(&self.host, self.stream, |record| {
            record.greet(identity, holding, now_ms);
            true
        });
    }

    /// Notes what it is sent besides `main`.
    pub(crate) fn carry(&self, namespaces: BTreeSet<Namespace>) {
        self.roster.change(&self.host, self.stream, |record| record.carry(namespaces));
    }

    /// Takes the host's answer to an update.
    pub(crate) fn acknowledge(&self, acknowledgement: &Acknowledgement) {
        let now_ms = self.roster.clock.now_ms();
        self.roster.change(&self.host, self.stream, |record| record.acknowledge(acknowledgement, now_ms));
    }

    /// Waits until the same host subscribes anew.
    pub(crate) async fn replaced(&self) {
        self.replaced.cancelled().await;
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.roster.leave(&self.host, self.stream);
    }
}

#[cfg(test)]
#[path = "roster_tests.rs"]
mod tests;

//! One ZooKeeper session from connect to its end: the thin driver of everything else in this module.

use super::{
    Shared,
    access::Access,
    calls::failed,
    head_node::timed_out,
    layout::Node,
    listing::Listing,
    reconciler::{Reconciler, make_layout},
};
use crate::{RegistryError, embedded_client::MEMBER_UPDATE_INTERVAL};
use configbus_runtime::{Backoff, report};
use futures_util::FutureExt as _;
use std::{collections::BTreeSet, time::Duration};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use zookeeper_client as zk;

/// How long closing the session may take at shutdown; what is not closed by then expires.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// Pauses between attempts to connect and to catch up.
fn pauses() -> Backoff {
    Backoff::new(Duration::from_millis(50), Duration::from_secs(1))
}

/// Lives from session to session until shutdown.
pub(super) async fn run(shared: &Shared, shutdown: &CancellationToken) {
    let mut reconciler = Reconciler::new(shared.registrations.clone());
    let mut backoff = pauses();
    loop {
        let connected = tokio::select! {
            () = shutdown.cancelled() => return,
            connected = connect(shared) => connected,
        };
        match connected {
            Ok(client) => {
                backoff.reset();
                metrics::counter!("configbus_coordination_sessions_total").increment(1);
                Session::new(shared, &mut reconciler, client).serve(shutdown).await;
            }
            Err(error) => shared.down(report::chain(&error)),
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(backoff.next()) => {}
        }
    }
}

/// Tries every server once; the pauses between rounds are ours, so that they stay short after a long outage.
async fn connect(shared: &Shared) -> Result<zk::Client, RegistryError> {
    let ensemble = &shared.ensemble;
    let mut connector = zk::Client::connector().with_session_timeout(ensemble.session_timeout).with_fail_eagerly();
    if let Some(digest) = &ensemble.digest {
        connector = connector.with_auth("digest", digest.as_bytes());
    }
    connector.connect(&ensemble.servers).await.map_err(|error| failed("connect to", &ensemble.servers, error))
}

/// What a burst of watch events amounts to.
#[derive(Default)]
struct Burst {
    dirty: BTreeSet<Node>,
    is_over: bool,
}

struct Session<'a> {
    shared: &'a Shared,
    reconciler: &'a mut Reconciler,
    client: zk::Client,
    states: zk::StateWatcher,
    watcher: Option<zk::PersistentWatcher>,
    listing: Listing,
    access: Access,
    pauses: Backoff,
    /// When to read everything and compare all registrations.
    catch_up_at: Instant,
    /// Not before then registrations are compared again.
    reconcile_at: Instant,
    /// One of our nodes has changed.
    is_concerned: bool,
    /// Nodes of a time without credentials have been closed.
    is_protected: bool,
}

impl<'a> Session<'a> {
    fn new(shared: &'a Shared, reconciler: &'a mut Reconciler, client: zk::Client) -> Self {
        let now = Instant::now();
        Self {
            states: client.state_watcher(),
            access: Access::new(shared.ensemble.digest.is_some()),
            watcher: None,
            listing: Listing::default(),
            pauses: pauses(),
            catch_up_at: now,
            reconcile_at: now,
            is_concerned: false,
            is_protected: false,
            shared,
            reconciler,
            client,
        }
    }

    /// Serves until the session is dead or the process ends.
    async fn serve(mut self, shutdown: &CancellationToken) {
        while !self.states.peek_state().is_terminated() {
            if self.is_connected() && Instant::now() >= self.catch_up_at {
                self.catch_up().await;
            }
            // Every branch is cancel-safe: nothing is taken from a channel before the branch has won.
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return self.close().await,
                state = self.states.changed() => self.enter(state),
                burst = next_burst(&mut self.watcher, &self.shared.ensemble.layout) => self.digest(burst).await,
                () = wishes_changed(self.reconciler, self.reconcile_at), if self.shared.connection.is_connected() => {
                    self.reconcile().await;
                }
                () = tokio::time::sleep_until(self.reconcile_at), if self.is_concerned => self.reconcile().await,
                () = tokio::time::sleep_until(self.catch_up_at), if self.is_connected() => {}
            }
        }
        self.shared.lose_client(format!("the session ended: {}", self.states.peek_state()));
    }

    fn is_connected(&self) -> bool {
        self.states.peek_state() == zk::SessionState::SyncConnected
    }

    fn enter(&mut self, state: zk::SessionState) {
        match state {
            zk::SessionState::SyncConnected => self.catch_up_at = Instant::now(),
            state => self.shared.down(format!("the session is {state}")),
        }
    }

    /// Sets the watch, reads everything, repairs the registrations; only then the registry counts as connected.
    async fn catch_up(&mut self) {
        match bounded(self.shared, self.try_catch_up()).await {
            Ok(()) => {
                self.pauses.reset();
                self.catch_up_at = Instant::now() + self.shared.ensemble.reread_interval;
                self.shared.up(&self.client);
            }
            Err(error) => self.stumble(&error),
        }
    }

    async fn try_catch_up(&mut self) -> Result<(), RegistryError> {
        let Shared { ensemble, heads, .. } = self.shared;
        let layout = &ensemble.layout;
        make_layout(&self.client, layout, &self.access).await?;
        // The client library does not set persistent watches again after a reconnect, so we do. The old watcher is
        // dropped after the new one is there, otherwise its removal would take both away.
        let watch = self.client.watch(layout.root(), zk::AddWatchMode::PersistentRecursive);
        let sync = self.client.sync(layout.root());
        let (watch, sync) = futures_util::join!(watch, sync);
        self.watcher = Some(watch.map_err(|error| failed("watch", layout.root(), error))?);
        sync.map_err(|error| failed("sync", layout.root(), error))?;
        self.listing.read_all(&self.client, layout, heads).await?;
        if !self.is_protected {
            self.access.close(&self.client, &layout.persistent(self.listing.namespaces())).await?;
            self.is_protected = true;
        }
        self.reconciler.run(&self.client, layout, &self.access).await?;
        self.shared.publish(self.listing.members());
        Ok(())
    }

    /// Takes note that something failed although the session lives, and comes back soon.
    fn stumble(&mut self, error: &RegistryError) {
        self.catch_up_at = Instant::now() + self.pauses.next();
        self.shared.down(report::chain(error));
    }

    async fn digest(&mut self, burst: Burst) {
        if burst.is_over {
            self.watcher = None;
        }
        if burst.dirty.is_empty() {
            return;
        }
        let Shared { ensemble, heads, .. } = self.shared;
        let read = self.listing.read_some(&self.client, &ensemble.layout, heads, &burst.dirty);
        match bounded(self.shared, read).await {
            Ok(()) => self.shared.publish(self.listing.members()),
            Err(error) => return self.stumble(&error),
        }
        self.is_concerned |= self.reconciler.concerns(burst.dirty.into_iter(), &ensemble.layout);
    }

    async fn reconcile(&mut self) {
        self.reconcile_at = Instant::now() + MEMBER_UPDATE_INTERVAL;
        self.is_concerned = false;
        let run = self.reconciler.run(&self.client, &self.shared.ensemble.layout, &self.access);
        if let Err(error) = bounded(self.shared, run).await {
            self.stumble(&error);
        }
    }

    /// Ends the session, which takes our nodes away at once.
    async fn close(self) {
        self.shared.lose_client("the process is shutting down".to_owned());
        let Self { client, mut states, watcher, .. } = self;
        drop((watcher, client));
        let closed = async { while !states.changed().await.is_terminated() {} };
        let _ = tokio::time::timeout(CLOSE_TIMEOUT, closed).await;
    }
}

async fn bounded<T>(
    shared: &Shared,
    request: impl Future<Output = Result<T, RegistryError>>,
) -> Result<T, RegistryError> {
    let timeout = shared.request_timeout();
    tokio::time::timeout(timeout, request).await.unwrap_or_else(|_| Err(timed_out(timeout)))
}

async fn wishes_changed(reconciler: &Reconciler, not_before: Instant) {
    reconciler.changed().await;
    tokio::time::sleep_until(not_before).await;
}

/// Waits for an event and takes all that are there: however long the burst, each node is read once. The library's
/// queue is unbounded, so it must be drained faster than nodes can be read one by one.
async fn next_burst(watcher: &mut Option<zk::PersistentWatcher>, layout: &super::layout::Layout) -> Burst {
    let Some(watcher) = watcher else { return std::future::pending().await };
    let mut burst = Burst::default();
    let mut next = Some(watcher.changed().await);
    while let Some(event) = next {
        if event.event_type == zk::EventType::Session {
            // Nothing comes after the end, and asking for it panics.
            burst.is_over = event.session_state.is_terminated();
            if burst.is_over {
                break;
            }
        } else {
            burst.dirty.extend(layout.parse(&event.path));
        }
        next = watcher.changed().now_or_never();
    }
    burst
}

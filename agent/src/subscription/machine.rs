//! Decides what an agent asks of stores and what it takes from them. Owns no I/O; see [`super::Follower`].
//!
//! A store sends one update of a namespace at a time and the next one after the answer, so there is never more than one of
//! each here, and each is relative to what this host said it holds.

use super::{Action, Answer, Beat, Event, Greeting, Lane, Phase, Standing, Stores, SubscriptionStatus, stores::Choice};
use crate::Moment;
use configbus_model::{Head, Namespace, Position, RefusalRecord, Succession};
use configbus_runtime::Backoff;
use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

/// Time between two heartbeats of a store.
const BEAT: Duration = Duration::from_secs(1);

/// A stream on which nothing came for this long is given up: three heartbeats and some slack.
const SILENCE_MAX: Duration = BEAT.saturating_mul(3).saturating_add(Duration::from_millis(500));

/// Another store has to be ahead for this long before the host moves.
const AHEAD_MIN: Duration = Duration::from_millis(500);

/// A store that holds a newer head and sends nothing for this long is reminded.
const REMIND_AFTER: Duration = Duration::from_secs(5);

/// Longest time without news of a namespace that a revision of `main` waits for.
const AWAITED_MAX: Duration = Duration::from_secs(30);

const DISCOVERY_MIN: Duration = Duration::from_millis(200);
const DISCOVERY_MAX: Duration = Duration::from_secs(10);

/// See the module.
#[derive(Debug)]
pub(crate) struct Subscription {
    pub(super) phase: Phase,
    pub(super) server: Option<String>,
    pub(super) stores: Stores,
    pub(super) discovery: Backoff,
    pub(super) discover_at: Duration,
    /// What there is, as of the last word from the disk.
    pub(super) standing: Standing,
    /// `main` and whatever is mounted.
    pub(super) lanes: BTreeMap<Namespace, Lane>,
    /// Since when nothing has come while a revision waits for a namespace.
    pub(super) awaited_since: Option<Duration>,
    /// Parts that were handed on and not taken yet; meanwhile the stream may be left unread.
    pub(super) parts_out: u32,
    pub(super) ahead: Option<(String, Position, Duration)>,
    pub(super) last_error: Option<String>,
    pub(super) refusals: VecDeque<RefusalRecord>,
    pub(super) divergences: u64,
}

impl Subscription {
    /// Starts with what is on the disk; `damaged` when that cannot be relied on.
    pub(crate) fn new(
        host: &str,
        stores: &[String],
        server: Option<String>,
        standing: Standing,
        damaged: bool,
    ) -> Self {
        let mut lanes: BTreeMap<_, _> = [(Namespace::main(), Lane::default())].into();
        lanes.extend(standing.wanted.iter().map(|namespace| (namespace.clone(), Lane::default())));
        for (namespace, lane) in &mut lanes {
            lane.held = standing.shown.as_ref().and_then(|shown| shown.vector.head_of(namespace)).cloned();
            if damaged {
                lane.recovery.ask_for_everything();
            }
        }
        Self {
            phase: Phase::Waiting { until: Duration::ZERO },
            server,
            stores: Stores::new(host, stores),
            discovery: Backoff::new(DISCOVERY_MIN, DISCOVERY_MAX),
            discover_at: Duration::ZERO,
            standing,
            lanes,
            awaited_since: None,
            parts_out: 0,
            ahead: None,
            last_error: None,
            refusals: VecDeque::new(),
            divergences: 0,
        }
    }

    /// Takes in what happened; returns what is to be done, in this order.
    pub(crate) fn step(&mut self, now: Moment, event: Event) -> Vec<Action> {
        if let (Phase::Following { heard, .. }, Event::Beat(_) | Event::Update(_) | Event::Taken) =
            (&mut self.phase, &event)
        {
            *heard = now.elapsed;
        }
        match event {
            Event::Wake => self.wake(now),
            Event::Discovered(found) => self.discovered(found, now),
            Event::Opened => self.opened(now),
            Event::Closed(reason) => self.leave(&reason, now),
            Event::Beat(beat) => self.hear(&beat, now),
            Event::Scope(scope) => vec![Action::Limit(scope)],
            Event::Update(part) => self.take(part, now),
            Event::Taken => {
                self.parts_out = self.parts_out.saturating_sub(1);
                vec![]
            }
            Event::Delivered { namespace, to, result } => self.delivered(&namespace, &to, result, now),
            Event::Changed(standing) => self.settle(standing, now),
            Event::Damaged(reason) => self.damaged(&reason),
            Event::ReaderRefused(reason) => self.reader_refused(reason),
        }
    }

    /// Returns when time alone is an event.
    pub(crate) fn wake_at(&self) -> Option<Duration> {
        match &self.phase {
            Phase::Waiting { until } => Some(*until),
            Phase::Discovering | Phase::Opening { .. } => None,
            Phase::Following { heard, .. } => {
                let silent = (self.parts_out == 0).then(|| *heard + SILENCE_MAX);
                silent.into_iter().chain(self.retry_at()).chain(self.expires_at()).min()
            }
        }
    }

    /// Returns what is known.
    pub(crate) fn status(&self) -> SubscriptionStatus {
        SubscriptionStatus {
            phase: self.phase.clone(),
            upstream: self.lanes.iter().map(|(name, lane)| (name.clone(), lane.upstream.clone())).collect(),
            standing: self.standing.clone(),
            stores: self.stores.urls(),
            last_error: self.last_error.clone(),
            refusals: self.refusals.iter().cloned().collect(),
            divergences: self.divergences,
        }
    }

    fn enter(&mut self, phase: Phase) {
        tracing::debug!(?phase, "subscription");
        self.phase = phase;
    }

    fn greeting(&self) -> Greeting {
        let relied_on = self.lanes.iter().filter(|(_, lane)| !lane.recovery.wants_everything());
        let holding = relied_on.filter_map(|(name, lane)| Some((name.clone(), lane.held.clone()?)));
        Greeting { holding: holding.collect(), wanted: self.standing.wanted.clone() }
    }

    fn retry_at(&self) -> Option<Duration> {
        self.lanes.values().filter_map(|lane| lane.recovery.retry_at()).min()
    }

    fn expires_at(&self) -> Option<Duration> {
        self.awaited_since.map(|since| since + AWAITED_MAX)
    }

    fn wake(&mut self, now: Moment) -> Vec<Action> {
        match self.phase.clone() {
            Phase::Waiting { until } if until <= now.elapsed => self.seek(now),
            Phase::Following { heard, .. } if self.parts_out == 0 && now.elapsed >= heard + SILENCE_MAX => {
                let silent_ms = (now.elapsed - heard).as_millis();
                self.leave(&format!("the store was silent for {silent_ms} ms"), now)
            }
            Phase::Following { .. } if self.retry_at().is_some_and(|at| at <= now.elapsed) => self.greet(),
            Phase::Following { .. } if self.expires_at().is_some_and(|at| at <= now.elapsed) => {
                self.awaited_since = Some(now.elapsed);
                vec![Action::Expire]
            }
            _ => vec![],
        }
    }

    /// Goes to the best store, asks for stores, or waits.
    fn seek(&mut self, now: Moment) -> Vec<Action> {
        let choice = self.stores.choose(now.elapsed);
        if let Choice::Try(store) = choice {
            return self.open(store);
        }
        if let Some(server) = self.server.clone().filter(|_| self.discover_at <= now.elapsed) {
            self.enter(Phase::Discovering);
            return vec![Action::Discover(server)];
        }
        let ask = self.server.as_ref().map(|_| self.discover_at);
        let until = match choice {
            Choice::Wait(until) => ask.map_or(until, |ask| ask.min(until)),
            _ => ask.unwrap_or(now.elapsed + DISCOVERY_MAX),
        };
        self.enter(Phase::Waiting { until });
        vec![]
    }

    pub(super) fn open(&mut self, store: String) -> Vec<Action> {
        self.note_asked();
        self.ahead = None;
        let greeting = self.greeting();
        self.enter(Phase::Opening { store: store.clone() });
        vec![Action::Open { store, greeting }]
    }

    fn discovered(&mut self, found: Result<Vec<configbus_model::Member>, String>, now: Moment) -> Vec<Action> {
        self.discover_at = now.elapsed + self.discovery.next();
        match found {
            Ok(members) => self.stores.learn(&members),
            Err(reason) => self.last_error = Some(reason),
        }
        if self.stores.urls().is_empty() && self.last_error.is_none() {
            self.last_error = Some("the server knows of no store yet".into());
        }
        self.seek(now)
    }

    fn opened(&mut self, now: Moment) -> Vec<Action> {
        if let Phase::Opening { store } = self.phase.clone() {
            self.enter(Phase::Following { store, heard: now.elapsed });
        }
        vec![]
    }

    /// Gives up the present store and goes to the next one.
    fn leave(&mut self, reason: &str, now: Moment) -> Vec<Action> {
        if let Phase::Opening { store } | Phase::Following { store, .. } = &self.phase {
            tracing::info!(%store, reason, "left {store}: {reason}");
            self.stores.failed(store, now.elapsed);
            self.last_error = Some(format!("{store}: {reason}"));
        }
        let mut actions = vec![Action::Close];
        actions.extend(self.abandon());
        actions.extend(self.seek(now));
        actions
    }

    pub(super) fn greet(&mut self) -> Vec<Action> {
        self.note_asked();
        vec![Action::Greet(self.greeting())]
    }

    fn note_asked(&mut self) {
        for lane in self.lanes.values_mut() {
            lane.recovery.asked();
            lane.behind_since = None;
        }
    }

    fn hear(&mut self, beat: &Beat, now: Moment) -> Vec<Action> {
        let Phase::Following { store, .. } = self.phase.clone() else { return vec![] };
        self.stores.worked(&store);
        self.discovery.reset();
        self.last_error = None;
        self.stores.learn(&beat.members);
        for (namespace, lane) in &mut self.lanes {
            lane.upstream.hear(namespace, beat, lane.held.as_ref(), now.wall_ms);
        }
        let head = beat.heads.get(&Namespace::main());
        if let Some(better) = self.better_store(&store, head.map(Head::position), now.elapsed) {
            tracing::info!("{better} is ahead of {store}: moving there");
            let mut actions = self.abandon();
            actions.extend(self.open(better));
            return actions;
        }
        self.compare(&beat.heads, now.elapsed)
    }

    /// Returns another store that holds what this one has not reached for a while.
    fn better_store(&mut self, store: &str, head: Option<Position>, now: Duration) -> Option<String> {
        let busy = self.lanes.values().any(Lane::is_busy);
        match self.ahead.take() {
            Some((url, position, since)) if head < Some(position) => {
                if now.saturating_sub(since) >= AHEAD_MIN && !busy {
                    return Some(url);
                }
                self.ahead = Some((url, position, since));
            }
            _ => {
                let newest = self.stores.newest_besides(store, now).filter(|(_, position)| head < Some(*position));
                self.ahead = newest.map(|(url, position)| (url, position, now));
            }
        }
        None
    }

    /// Compares the store's heads with what the host shows; reminds a store that sends nothing.
    fn compare(&mut self, heads: &BTreeMap<Namespace, Head>, now: Duration) -> Vec<Action> {
        let mut is_late = false;
        for (namespace, lane) in &mut self.lanes {
            let head = heads.get(namespace);
            if self.standing.denied.contains(namespace) || !lane.is_owed(head) {
                lane.behind_since = None;
                continue;
            }
            let since = *lane.behind_since.get_or_insert(now);
            if now.saturating_sub(since) < REMIND_AFTER {
                continue;
            }
            is_late = true;
            if head.is_some_and(|head| lane.succession(head) == Succession::Diverged) {
                lane.recovery.ask_for_everything();
            }
        }
        if is_late { self.greet() } else { vec![] }
    }

    fn damaged(&mut self, reason: &str) -> Vec<Action> {
        self.last_error = Some(format!("damage on this host: {reason}"));
        for lane in self.lanes.values_mut() {
            lane.recovery.ask_for_everything();
            lane.unpark();
        }
        if matches!(self.phase, Phase::Following { .. }) { self.greet() } else { vec![] }
    }

    fn reader_refused(&mut self, reason: String) -> Vec<Action> {
        let following = matches!(self.phase, Phase::Following { .. });
        let head = self.standing.shown.as_ref().filter(|_| following).map(|shown| shown.head().clone());
        let refused = |head| Action::Answer(Namespace::main(), head, Answer::Refused(reason));
        head.map(refused).into_iter().collect()
    }
}

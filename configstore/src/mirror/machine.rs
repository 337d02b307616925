//! Decides what a mirror does next. Owns no I/O; `driver` feeds it and performs its actions.
//!
//! Two sources tell of heads. Coordination's announcements are fast and only hints: anything that held the right to
//! write there may have written them. The server's own word is slower and authoritative: it alone may raise the epoch
//! or make a mirror take another lineage. Neither can move the held head to a lower position: a server that
//! lost history must raise its epoch, until then the mirror serves what it has.
//!
//! Repairs are ordered by cost: a pack over gRPC, a `git fetch` into the same repository, a new repository beside the
//! old one. Each step is taken when the one before it could not help.

use super::{
    event::{Action, Event, Failure, Found, Incident},
    knowledge::{Knowledge, Standing},
};
use configbus_model::{CommitId, Epoch, Head};
use fastrand::Rng;
use std::time::Duration;
use tokio::time::Instant;

/// First pause after a failure.
const REST_MIN: Duration = Duration::from_millis(100);

/// Longest pause after failures. A server that comes back is noticed earlier, by its word.
const REST_MAX: Duration = Duration::from_secs(15);

/// Fetches that may fail in a row, with the server answering, before the mirror itself is suspected.
const FETCH_FAILURES_MAX: u32 = 3;

/// What the mirror is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    /// Nothing to do: the held head is the newest that is known. Lasts.
    Following,
    /// Waits for a pack. Transient.
    Fetching { target: Head, source: Source },
    /// Waits for `git fetch` or for the repository built beside. Transient. What arrives is at least of `epoch`,
    /// which the server named before.
    Repairing { repair: Repair, epoch: Epoch },
    /// Waits until ref and record say so. Transient.
    Adopting { head: Head },
    /// Pauses after a failure. Transient.
    Resting { until: Instant, unreachable: bool },
}

/// Who told of a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Hint,
    Server,
}

/// How the mirror must be mended before it can follow by packs again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Repair {
    /// Objects are missing that `git fetch` brings.
    Fill,
    /// The repository itself cannot be trusted.
    Rebuild,
}

/// The mirror of one namespace, as far as decisions go.
#[derive(Debug)]
pub(crate) struct Mirror {
    state: State,
    known: Knowledge,
    repair: Option<Repair>,
    behind: bool,
    failures: u32,
    fetch_failures: u32,
    rng: Rng,
}

impl Mirror {
    /// Starts from what was found on disk.
    pub(crate) fn new(held: Option<Head>, repair: Option<Repair>, seed: u64) -> Self {
        let rng = Rng::with_seed(seed);
        Self {
            state: State::Following,
            known: Knowledge { held, ..Knowledge::default() },
            repair,
            behind: false,
            failures: 0,
            fetch_failures: 0,
            rng,
        }
    }

    /// Returns the newest head anybody plausibly told of, the held one included.
    pub(crate) fn upstream_head(&self) -> Option<&Head> {
        self.known.upstream_head()
    }

    /// Takes notice of an event and returns what to do, in this order.
    pub(crate) fn step(&mut self, now: Instant, event: Event) -> Vec<Action> {
        let mut actions = Vec::new();
        match event {
            Event::Announced(head) => self.note_hint(head, &mut actions),
            Event::ServerSaid(head) => self.note_truth(head, &mut actions),
            Event::Fetched(found) => self.judge_fetched(now, found, &mut actions),
            Event::Filled(found) => self.judge_filled(now, found, &mut actions),
            Event::Adopted => self.finish_adoption(&mut actions),
            Event::Failed(failure) => self.note_failure(now, failure, &mut actions),
            Event::Damaged => self.require(Repair::Rebuild),
            Event::Tick => self.end_rest(now),
        }
        if self.state == State::Following {
            self.pursue(&mut actions);
        }
        actions
    }

    fn note_hint(&mut self, head: Head, actions: &mut Vec<Action>) {
        match self.known.standing_of(&head) {
            Standing::Newer if self.known.hint.as_ref().is_some_and(|hint| hint.position() > head.position()) => {}
            Standing::Newer => self.known.hint = Some(head),
            Standing::NewEpoch => actions.push(Action::AskServer),
            Standing::Diverged => actions.extend([Action::Count(Incident::Diverged), Action::AskServer]),
            Standing::Held | Standing::Stale => {}
        }
    }

    fn note_truth(&mut self, head: Option<Head>, actions: &mut Vec<Action>) {
        if let State::Resting { unreachable: true, .. } = self.state {
            self.enter(State::Following);
        }
        let repeated = head == self.known.truth;
        let standing = head.as_ref().map(|head| self.known.standing_of(head));
        match standing {
            // Said once it may have crossed with an announcement; said twice it is meant.
            Some(Standing::Stale) if repeated && !self.behind => actions.push(Action::Count(Incident::ServerBehind)),
            Some(Standing::Diverged) if !repeated => actions.push(Action::Count(Incident::Diverged)),
            _ => {}
        }
        self.behind = repeated && standing == Some(Standing::Stale);
        self.known.truth = head;
    }

    /// Starts the next piece of work, if there is any.
    fn pursue(&mut self, actions: &mut Vec<Action>) {
        if let Some(repair) = self.repair {
            return self.start_repair(repair, actions);
        }
        let hint = self.known.plausible_hint().cloned();
        if let (Some(hint), Some(held)) = (hint, &self.known.held) {
            return self.start_fetch(held.commit, hint, Source::Hint, actions);
        }
        let Some(truth) = self.known.truth.clone() else { return };
        match (self.known.standing_of(&truth), &self.known.held) {
            (Standing::Newer, Some(held)) => self.start_fetch(held.commit, truth, Source::Server, actions),
            (Standing::NewEpoch, Some(held)) if held.commit == truth.commit => {
                let head = Head { revision: held.revision, tree: held.tree, ..truth };
                self.adopt(head, actions);
            }
            (Standing::NewEpoch | Standing::Diverged, _) => self.start_repair(Repair::Fill, actions),
            (Standing::Newer | Standing::Held | Standing::Stale, _) => {}
        }
    }

    fn start_fetch(&mut self, from: CommitId, target: Head, source: Source, actions: &mut Vec<Action>) {
        actions.push(Action::FetchPack { from, to: target.commit });
        self.enter(State::Fetching { target, source });
    }

    /// Starts a repair as soon as it is known which epoch its result belongs to.
    fn start_repair(&mut self, repair: Repair, actions: &mut Vec<Action>) {
        let Some(told) = self.known.truth.as_ref().or(self.known.held.as_ref()) else { return };
        let epoch = told.epoch;
        let action = match repair {
            Repair::Fill => Action::Fill,
            Repair::Rebuild => Action::Rebuild,
        };
        actions.extend([Action::Count(Incident::Repair), action]);
        self.enter(State::Repairing { repair, epoch });
    }

    fn judge_fetched(&mut self, now: Instant, found: Found, actions: &mut Vec<Action>) {
        let State::Fetching { target, source } = self.state.clone() else { return };
        let head = Head { revision: found.revision, commit: found.commit, tree: found.tree, ..target.clone() };
        if head.position() != target.position() {
            actions.push(Action::Count(Incident::Misannounced));
        }
        if !found.descends {
            actions.push(Action::Count(Incident::Diverged));
        }
        let trusted = found.descends || source == Source::Server;
        if trusted && self.known.may_adopt(&head) {
            return self.adopt(head, actions);
        }
        self.refute(&target, source, now, actions);
    }

    /// Gives up a target that turned out not to be what it was said to be.
    fn refute(&mut self, target: &Head, source: Source, now: Instant, actions: &mut Vec<Action>) {
        actions.push(Action::AskServer);
        match source {
            Source::Hint => {
                self.known.hint.take_if(|hint| hint.commit == target.commit);
                self.enter(State::Following);
            }
            Source::Server => {
                self.known.truth = None;
                self.rest(now, false, actions);
            }
        }
    }

    fn judge_filled(&mut self, now: Instant, found: Option<Found>, actions: &mut Vec<Action>) {
        let State::Repairing { repair, epoch } = self.state else { return };
        self.repair.take_if(|wanted| *wanted <= repair);
        self.enter(State::Following);
        let Some(found) = found else {
            self.known.truth = None;
            return;
        };
        let head = self.known.complete(&found, epoch);
        let settled = self.known.held.as_ref().is_some_and(|held| held.commit == found.commit && held.epoch == epoch);
        if self.known.truth.as_ref().is_none_or(|truth| truth.commit != found.commit) {
            // The server moved on between its word and the fetch.
            self.known.truth = None;
            actions.push(Action::AskServer);
        }
        if self.known.may_adopt(&head) || (settled && repair == Repair::Rebuild) {
            self.adopt(head, actions);
        } else if !settled {
            self.known.truth = None;
            actions.push(Action::Count(Incident::ServerBehind));
            self.rest(now, false, actions);
        }
    }

    fn adopt(&mut self, head: Head, actions: &mut Vec<Action>) {
        actions.push(Action::Adopt(head.clone()));
        self.enter(State::Adopting { head });
    }

    fn finish_adoption(&mut self, actions: &mut Vec<Action>) {
        let State::Adopting { head } = self.state.clone() else { return };
        (self.failures, self.fetch_failures) = (0, 0);
        self.known.hint.take_if(|hint| hint.position() <= head.position() || hint.commit == head.commit);
        self.known.held = Some(head.clone());
        self.enter(State::Following);
        actions.push(Action::Publish(head));
    }

    fn note_failure(&mut self, now: Instant, failure: Failure, actions: &mut Vec<Action>) {
        match (self.state.clone(), failure) {
            (State::Following | State::Resting { .. }, _) => {}
            (State::Fetching { target, source: Source::Hint }, Failure::Unknown) => {
                self.refute(&target, Source::Hint, now, actions);
            }
            (State::Fetching { .. }, Failure::Unknown | Failure::Damaged) => {
                self.require(Repair::Fill);
                self.enter(State::Following);
            }
            (_, Failure::Damaged) => {
                self.require(Repair::Rebuild);
                self.rest(now, false, actions);
            }
            (_, Failure::Fetch) => {
                self.fetch_failures += 1;
                if self.fetch_failures >= FETCH_FAILURES_MAX {
                    self.require(Repair::Rebuild);
                }
                self.rest(now, false, actions);
            }
            (_, failure) => self.rest(now, failure == Failure::Unreachable, actions),
        }
    }

    fn rest(&mut self, now: Instant, unreachable: bool, actions: &mut Vec<Action>) {
        let full = REST_MIN.saturating_mul(1 << self.failures.min(10)).min(REST_MAX);
        self.failures = self.failures.saturating_add(1);
        let until = now + full.mul_f64(0.5 + self.rng.f64() / 2.0);
        actions.push(Action::WakeAt(until));
        self.enter(State::Resting { until, unreachable });
    }

    fn end_rest(&mut self, now: Instant) {
        if matches!(self.state, State::Resting { until, .. } if until <= now) {
            self.enter(State::Following);
        }
    }

    fn require(&mut self, repair: Repair) {
        self.repair = self.repair.max(Some(repair));
    }

    fn enter(&mut self, state: State) {
        self.state = state;
    }
}

#[cfg(test)]
#[path = "machine_tests.rs"]
mod tests;

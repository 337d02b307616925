//! What becomes of updates: judged by their envelope, handed on, answered.

use super::{Action, Answer, Failure, Subscription, UpdatePart, phase::Phase, recovery::Step, stores::Choice};
use crate::{
    Moment,
    delivery::{Remedy, Shown},
};
use configbus_model::{Head, Namespace, RefusalRecord, Succession};

/// Refusals kept for status.
const REFUSALS_MAX: usize = 16;

/// The update that is arriving or being made visible.
#[derive(Debug)]
pub(super) struct Incoming {
    to: Head,
    full: bool,
    next_part: u32,
    verdict: Verdict,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It goes to the disk.
    Take,
    /// The host shows it already.
    Skip,
    /// Its end is answered with this reason.
    Refuse(String),
    /// It was answered; what still comes of it is dropped.
    Drop,
}

impl Subscription {
    /// Returns what readers will see once the update under way is visible.
    pub(super) fn expected(&self) -> Option<&Head> {
        self.delivering.as_ref().map(|(to, _)| to).or(self.held_head())
    }

    /// Forgets an update that will not be completed.
    pub(super) fn abandon(&mut self) -> Option<Action> {
        let taken = self.incoming.take()?.verdict == Verdict::Take;
        taken.then_some(Action::Abandon)
    }

    pub(super) fn succession(&self, head: &Head) -> Succession {
        match Head::succession(self.expected(), head) {
            // One commit has one tree: with another one, what is here is not what was announced.
            Succession::Same if self.expected().is_some_and(|held| held.tree != head.tree) => Succession::Diverged,
            other => other,
        }
    }

    pub(super) fn take(&mut self, part: UpdatePart, now: Moment) -> Vec<Action> {
        let mut actions = Vec::new();
        if part.part == 0 {
            actions.extend(self.abandon());
            let verdict = self.judge(&part);
            let (to, full) = (part.to.clone(), part.from.is_none());
            self.incoming = Some(Incoming { to, full, next_part: 0, verdict });
        }
        let Some(incoming) = self.incoming.as_mut().filter(|incoming| incoming.to == part.to) else {
            // The rest of an update that was answered.
            return actions;
        };
        if incoming.next_part != part.part {
            let reason = format!("update is malformed: part {} came, expected {}", part.part, incoming.next_part);
            let failure = Failure { remedy: Remedy::AskAgain, reason };
            let full = incoming.full;
            actions.extend(self.abandon());
            actions.extend(self.failed(&part.to, full, &failure, now));
            return actions;
        }
        incoming.next_part += 1;
        let (last, verdict) = (part.last, incoming.verdict.clone());
        actions.extend(self.follow(verdict, part));
        if last {
            self.incoming = None;
        }
        actions
    }

    /// Does with a part what was decided about its update.
    fn follow(&mut self, verdict: Verdict, part: UpdatePart) -> Vec<Action> {
        let (to, last) = (part.to.clone(), part.last);
        match verdict {
            Verdict::Take => {
                self.parts_out += 1;
                let mut actions = vec![Action::Deliver(part)];
                if last {
                    self.delivering = self.incoming.as_ref().map(|incoming| (to.clone(), incoming.full));
                    actions.push(Action::Answer(to, Answer::Observed));
                }
                actions
            }
            Verdict::Skip if last => {
                let effective = self.held.as_ref().map_or(to.tree, |shown| shown.effective_tree);
                vec![Action::Answer(to, Answer::Applied(effective))]
            }
            Verdict::Refuse(reason) if last => vec![Action::Answer(to, Answer::Refused(reason))],
            Verdict::Skip | Verdict::Refuse(_) | Verdict::Drop => vec![],
        }
    }

    /// Decides about an update by its envelope.
    fn judge(&mut self, part: &UpdatePart) -> Verdict {
        if part.namespace != Namespace::main() {
            return Verdict::Refuse(format!("namespace {} is not mounted on this host", part.namespace));
        }
        self.upstream.see(&part.to);
        match self.succession(&part.to) {
            Succession::Newer => Verdict::Take,
            // Another stream brought it and it is on its way to the disk: the answer follows from there.
            Succession::Same if self.delivering.is_some() => Verdict::Drop,
            Succession::Same if self.recovery.wants_everything() => Verdict::Take,
            Succession::Same => Verdict::Skip,
            Succession::Diverged => {
                self.divergences += 1;
                let held = self.expected().map(ToString::to_string).unwrap_or_default();
                tracing::error!("{} came for {held}: two histories; the store's is taken", part.to);
                Verdict::Take
            }
            Succession::Stale => {
                let held = self.expected().map(|head| head.position().to_string()).unwrap_or_default();
                Verdict::Refuse(format!("{} is older than {held}, which this host shows", part.to.position()))
            }
        }
    }

    pub(super) fn delivered(&mut self, to: &Head, result: Result<Shown, Failure>, now: Moment) -> Vec<Action> {
        let arriving =
            self.incoming.as_mut().filter(|incoming| incoming.to == *to && incoming.verdict == Verdict::Take);
        let full = match (self.delivering.take_if(|(delivering, _)| delivering == to), arriving) {
            (Some((_, full)), _) => full,
            // It failed before its last part came.
            (None, Some(incoming)) => {
                incoming.verdict = Verdict::Drop;
                incoming.full
            }
            (None, None) => false,
        };
        match result {
            Ok(shown) => {
                let answer = Action::Answer(to.clone(), Answer::Applied(shown.effective_tree));
                tracing::info!(revision = %shown.head.revision, "readers see {}", shown.head);
                self.refusals.retain(|refusal| refusal.revision > shown.head.revision);
                self.held = Some(shown);
                self.recovery.delivered();
                vec![answer]
            }
            Err(failure) => self.failed(to, full, &failure, now),
        }
    }

    /// Answers an update that failed and goes after a better one.
    fn failed(&mut self, to: &Head, was_full: bool, failure: &Failure, now: Moment) -> Vec<Action> {
        tracing::warn!(reason = failure.reason, "{to} is not taken: {}", failure.reason);
        let record = RefusalRecord {
            namespace: Namespace::main(),
            revision: to.revision,
            reason: failure.reason.clone(),
            time_ms: now.wall_ms,
        };
        self.refusals.retain(|refusal| refusal.revision != to.revision);
        self.refusals.push_front(record);
        self.refusals.truncate(REFUSALS_MAX);
        let mut actions = vec![Action::Answer(to.clone(), Answer::Refused(failure.reason.clone()))];
        let Phase::Following { store, .. } = self.phase.clone() else { return actions };
        match self.recovery.failed(failure, was_full, now.elapsed) {
            Step::Now => actions.extend(self.greet()),
            Step::Elsewhere if self.stores.urls().len() > 1 => {
                self.stores.failed(&store, now.elapsed);
                if let Choice::Try(other) = self.stores.choose(now.elapsed) {
                    actions.extend(self.open(other));
                }
            }
            Step::Elsewhere | Step::Later => {}
        }
        actions
    }
}

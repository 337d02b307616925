//! What becomes of updates: judged by their envelope, handed on, answered.

use super::{
    Action, Answer, Failure, Lane, Standing, Subscription, UpdatePart, phase::Phase, recovery::Step, stores::Choice,
};
use crate::{Moment, delivery::Remedy};
use configbus_model::{Head, Namespace, RefusalRecord, Succession, TreeId};

/// Refusals kept for status.
const REFUSALS_MAX: usize = 16;

/// The update that is arriving or being made visible.
#[derive(Debug)]
pub(super) struct Incoming {
    to: Head,
    full: bool,
    next_part: u32,
    pub(super) verdict: Verdict,
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
    /// Forgets updates that will not be completed.
    pub(super) fn abandon(&mut self) -> Vec<Action> {
        let taken = self.lanes.iter_mut().filter_map(|(namespace, lane)| lane.abandon().then_some(namespace));
        taken.cloned().map(Action::Abandon).collect()
    }

    pub(super) fn take(&mut self, part: UpdatePart, now: Moment) -> Vec<Action> {
        let namespace = part.namespace.clone();
        self.awaited_since = self.awaited_since.map(|_| now.elapsed);
        let verdict = (part.part == 0).then(|| self.judge(&part));
        let Some(lane) = self.lanes.get_mut(&namespace) else { return unmounted(part) };
        let mut actions = Vec::new();
        if let Some(verdict) = verdict {
            actions.extend(lane.abandon().then(|| Action::Abandon(namespace.clone())));
            if verdict == Verdict::Take {
                lane.unpark();
            }
            let (to, full) = (part.to.clone(), part.from.is_none());
            lane.incoming = Some(Incoming { to, full, next_part: 0, verdict });
        }
        let Some(incoming) = lane.incoming.as_mut().filter(|incoming| incoming.to == part.to) else {
            // The rest of an update that was answered.
            return actions;
        };
        if incoming.next_part != part.part {
            let reason = format!("update is malformed: part {} came, expected {}", part.part, incoming.next_part);
            let failure = Failure { remedy: Remedy::AskAgain, reason };
            let full = incoming.full;
            actions.extend(lane.abandon().then(|| Action::Abandon(namespace.clone())));
            actions.extend(self.failed(&namespace, &part.to, full, &failure, now));
            return actions;
        }
        incoming.next_part += 1;
        let (last, verdict, full) = (part.last, incoming.verdict.clone(), incoming.full);
        if last {
            lane.incoming = None;
        }
        actions.extend(self.follow(verdict, full, part));
        actions
    }

    /// Does with a part what was decided about its update.
    fn follow(&mut self, verdict: Verdict, full: bool, part: UpdatePart) -> Vec<Action> {
        let (namespace, to, last) = (part.namespace.clone(), part.to.clone(), part.last);
        match verdict {
            Verdict::Take => {
                self.parts_out += 1;
                let mut actions = vec![Action::Deliver(part)];
                if last {
                    let lane = self.lanes.entry(namespace.clone()).or_default();
                    lane.delivering = Some((to.clone(), full));
                    actions.push(Action::Answer(namespace, to, Answer::Observed));
                }
                actions
            }
            Verdict::Skip if last => {
                let effective = self.standing.shown.as_ref().map_or(to.tree, |shown| shown.effective_tree);
                vec![Action::Answer(namespace, to, Answer::Applied(effective))]
            }
            Verdict::Refuse(reason) if last => vec![Action::Answer(namespace, to, Answer::Refused(reason))],
            Verdict::Skip | Verdict::Refuse(_) | Verdict::Drop => vec![],
        }
    }

    /// Decides about an update by its envelope.
    fn judge(&mut self, part: &UpdatePart) -> Verdict {
        let Some(lane) = self.lanes.get_mut(&part.namespace) else { return Verdict::Drop };
        lane.upstream.see(&part.to);
        match lane.succession(&part.to) {
            Succession::Newer => Verdict::Take,
            // Another stream brought it and it is on its way to the disk: the answer follows from there.
            Succession::Same if lane.delivering.is_some() => Verdict::Drop,
            Succession::Same if lane.recovery.wants_everything() => Verdict::Take,
            Succession::Same => Verdict::Skip,
            Succession::Diverged => {
                self.divergences += 1;
                let held = lane.expected().map(ToString::to_string).unwrap_or_default();
                tracing::error!("{} came for {held}: two histories; the store's is taken", part.to);
                Verdict::Take
            }
            Succession::Stale => {
                let held = lane.expected().map(|head| head.position().to_string()).unwrap_or_default();
                Verdict::Refuse(format!("{} is older than {held}, which this host shows", part.to.position()))
            }
        }
    }

    pub(super) fn delivered(
        &mut self,
        namespace: &Namespace,
        to: &Head,
        result: Result<Standing, Failure>,
        now: Moment,
    ) -> Vec<Action> {
        match result {
            Ok(standing) => self.settle(standing, now),
            Err(failure) => {
                let full = self.lanes.get_mut(namespace).is_some_and(|lane| lane.drop_failed(to));
                self.failed(namespace, to, full, &failure, now)
            }
        }
    }

    /// Takes in what there is now: answers what became visible, follows what is mounted.
    pub(super) fn settle(&mut self, standing: Standing, now: Moment) -> Vec<Action> {
        let mut actions = Vec::new();
        if let Some(shown) = &standing.shown {
            for (namespace, head) in shown.vector.heads() {
                actions.extend(self.see_shown(&namespace, head, shown.effective_tree));
            }
        }
        for (namespace, lane) in &mut self.lanes {
            lane.held = standing.shown.as_ref().and_then(|shown| shown.vector.head_of(namespace)).cloned();
            let delivering = lane.delivering.as_ref().map(|(head, _)| head);
            lane.is_parked = delivering.is_some() && standing.parked.get(namespace) == delivering;
        }
        self.awaited_since = (!standing.awaited.is_empty()).then(|| self.awaited_since.unwrap_or(now.elapsed));
        let is_change = self.standing.wanted != standing.wanted;
        self.standing = standing;
        if is_change {
            actions.extend(self.follow_mounts());
        }
        actions
    }

    /// Notes that readers see a revision; answers it when it was on its way.
    fn see_shown(&mut self, namespace: &Namespace, head: &Head, effective: TreeId) -> Option<Action> {
        let lane = self.lanes.entry(namespace.clone()).or_default();
        if lane.held.as_ref() != Some(head) {
            tracing::info!(%namespace, revision = %head.revision, "readers see {namespace} {head}");
        }
        self.refusals.retain(|refusal| refusal.namespace != *namespace || refusal.revision > head.revision);
        lane.delivering.take_if(|(delivering, _)| delivering == head)?;
        lane.recovery.delivered();
        Some(Action::Answer(namespace.clone(), head.clone(), Answer::Applied(effective)))
    }

    /// Asks for what is mounted and for nothing else.
    fn follow_mounts(&mut self) -> Vec<Action> {
        let wanted = self.standing.wanted.clone();
        let is_wanted = |namespace: &Namespace| *namespace == Namespace::main() || wanted.contains(namespace);
        let mut actions = Vec::new();
        self.lanes.retain(|namespace, lane| {
            if !is_wanted(namespace) && lane.abandon() {
                actions.push(Action::Abandon(namespace.clone()));
            }
            is_wanted(namespace)
        });
        self.refusals.retain(|refusal| is_wanted(&refusal.namespace));
        for namespace in &wanted {
            self.lanes.entry(namespace.clone()).or_default();
        }
        if matches!(self.phase, Phase::Following { .. }) {
            actions.push(Action::Want(wanted));
        }
        actions
    }

    /// Answers an update that failed and goes after a better one.
    fn failed(
        &mut self,
        namespace: &Namespace,
        to: &Head,
        was_full: bool,
        failure: &Failure,
        now: Moment,
    ) -> Vec<Action> {
        tracing::warn!(%namespace, reason = failure.reason, "{namespace} {to} is not taken: {}", failure.reason);
        let record = RefusalRecord {
            namespace: namespace.clone(),
            revision: to.revision,
            reason: failure.reason.clone(),
            time_ms: now.wall_ms,
        };
        self.refusals.retain(|refusal| (&refusal.namespace, refusal.revision) != (namespace, to.revision));
        self.refusals.push_front(record);
        self.refusals.truncate(REFUSALS_MAX);
        let refused = Answer::Refused(failure.reason.clone());
        let mut actions = vec![Action::Answer(namespace.clone(), to.clone(), refused)];
        let Phase::Following { store, .. } = self.phase.clone() else { return actions };
        let Some(lane) = self.lanes.get_mut(namespace) else { return actions };
        match lane.recovery.failed(failure, was_full, now.elapsed) {
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

impl Lane {
    /// Drops an update that failed; returns whether it was a full sync.
    fn drop_failed(&mut self, to: &Head) -> bool {
        let arriving =
            self.incoming.as_mut().filter(|incoming| incoming.to == *to && incoming.verdict == Verdict::Take);
        match (self.delivering.take_if(|(delivering, _)| delivering == to), arriving) {
            (Some((_, full)), _) => {
                self.is_parked = false;
                full
            }
            // It failed before its last part came.
            (None, Some(incoming)) => {
                incoming.verdict = Verdict::Drop;
                incoming.full
            }
            (None, None) => false,
        }
    }
}

/// Refuses, at its end, an update of a namespace that does not belong here.
fn unmounted(part: UpdatePart) -> Vec<Action> {
    if !part.last {
        return vec![];
    }
    let reason = format!("namespace {} is not mounted on this host", part.namespace);
    vec![Action::Answer(part.namespace, part.to, Answer::Refused(reason))]
}

//! Land what pre-receive accepted, and tell the client something it can believe.
//!
//! What the client is told decides what its `origin/main` becomes. When the pushed tip is the head, it is told so. When
//! the bus made a merge, the client does not have that commit: it is told about another reference, which leaves its
//! tracking branch alone until the next fetch.

use super::pre_receive;
use super::push::{Checked, Push};
use crate::audit::{AuditRecord, change};
use crate::bus::Bus;
use crate::committer::{Change, CommitError, How, Landed as LandedChange, PushChange, RETURNS_MAX, WhenOutdated};
use crate::failure::Failure;
use crate::git_http;
use crate::git_http::ref_rules::{FOR_MAIN, MAIN, main_of};
use crate::namespace::LiveNamespace;
use configbus_hooks::Style;
use configbus_hooks::wire::{Landed, Outcome, OutcomeResult, ProcReceive, ReferenceUpdate};
use configbus_model::{CommitId, ErrorKind, Head, Namespace, ObjectId};
use configbus_runtime::report;
use std::sync::Arc;

/// Reference named to a client whose push was merged.
const LANDED_REFERENCE: &str = "refs/landed/main";

/// Reference named to a client that asked for a dry run.
const DRY_RUN_REFERENCE: &str = "refs/dry-run/main";

/// Lands every update, one after the other.
pub(super) async fn land(bus: &Bus, live: &Arc<LiveNamespace>, push: &Push, request: ProcReceive) -> Vec<Outcome> {
    let mut outcomes = Vec::with_capacity(request.updates.len());
    for update in request.updates {
        let outcome = match push.checked().filter(|checked| checked.updates.contains(&update)) {
            Some(checked) if checked.options.dry_run => dry_run(live.board.current().as_ref(), &update),
            Some(checked) => land_one(bus, live, push, checked, &update).await,
            None => refused(&update, &CommitError::NotChecked),
        };
        outcomes.push(outcome);
    }
    outcomes
}

async fn land_one(
    bus: &Bus,
    live: &Arc<LiveNamespace>,
    push: &Push,
    checked: &Checked,
    update: &ReferenceUpdate,
) -> Outcome {
    let change = PushChange {
        principal: Arc::clone(&push.caller.principal),
        tip: CommitId::from(update.new),
        reason: checked.options.reason.clone(),
        traceparent: push.traceparent.clone(),
        checked_on: checked.head,
        when_outdated: WhenOutdated::ComeBack,
    };
    let outcome = land_checked(bus, live, push, change).await;
    let record = match &outcome {
        Ok(landed) => change::landed(&push.caller, &live.name, &landed.head, changed_paths(live, landed).await)
            .with_overridden(checked.overridden.clone()),
        Err(error) => change::refused(&push.caller, &live.name, &reason_of(error), conflicting_paths(error)),
    };
    // What has landed stays landed; a log that fails now refuses the next change, and says so itself.
    let _ = bus.audit.write(&AuditRecord { action: Some(format!("push {}", update.reference)), ..record }).await;
    match outcome {
        Ok(landed) => accepted(&live.name, update, &landed),
        Err(error) => {
            withhold(live, update.new).await;
            refused(update, &error)
        }
    }
}

/// Git has taken the objects over by now: keeps them from being fetched by their ids.
async fn withhold(live: &Arc<LiveNamespace>, tip: ObjectId) {
    let kept = live.read(move |store| git_http::withhold(store, tip).map_err(|error| Failure::internal(&error))).await;
    if let Err(failure) = kept {
        tracing::error!(namespace = %live.name, %tip, "cannot withhold a refused push: {}", failure.message);
    }
}

/// Lands a push, checking it anew as often as what it was judged by moves while it waits.
async fn land_checked(
    bus: &Bus,
    live: &Arc<LiveNamespace>,
    push: &Push,
    mut change: PushChange,
) -> Result<LandedChange, CommitError> {
    for _ in 0..RETURNS_MAX {
        match live.committer.land(Change::Push(change.clone())).await {
            Err(CommitError::Outdated) => {
                change.checked_on = pre_receive::check_again(live, push, bus.clock.now_ms(), change.tip).await?;
            }
            outcome => return outcome,
        }
    }
    change.when_outdated = WhenOutdated::CheckNow;
    live.committer.land(Change::Push(change)).await
}

/// Names what a landing changed; a repository that cannot be read now does not undo it.
async fn changed_paths(live: &Arc<LiveNamespace>, landed: &LandedChange) -> Vec<String> {
    let (before, after) = (landed.before.as_ref().map(|head| head.commit), landed.head.commit);
    if before == Some(after) {
        return Vec::new();
    }
    let changes = live.read(move |store| store.diff(before, after, "")).await.unwrap_or_default();
    changes.iter().map(|change| change.path().to_string()).collect()
}

fn reason_of(error: &CommitError) -> String {
    match error {
        CommitError::Rejected(report) => change::reason_of_report(report),
        error => format!("{}: {error}", error.kind()),
    }
}

fn conflicting_paths(error: &CommitError) -> Vec<String> {
    match error {
        CommitError::PushConflict(conflicts) => conflicts.iter().map(|conflict| conflict.path.to_string()).collect(),
        CommitError::Rejected(report) => report.findings.iter().map(|finding| finding.path.clone()).collect(),
        _ => Vec::new(),
    }
}

fn accepted(namespace: &Namespace, update: &ReferenceUpdate, landed: &LandedChange) -> Outcome {
    let head = &landed.head;
    let mut lines = match landed.how {
        How::Unchanged => vec![format!("already {} on {}", head.revision, main_of(namespace))],
        _ => vec![format!("landed as {} on {} ({:.12})", head.revision, main_of(namespace), head.commit)],
    };
    if landed.how == How::Merged {
        lines.push("main had moved: your commits were merged, `git pull --ff-only` brings you up to date".into());
    }
    Outcome {
        reference: update.reference.clone(),
        result: OutcomeResult::Landed(believable(&update.reference, landed)),
        remote_lines: lines,
    }
}

/// Returns what keeps the client's tracking branch right.
fn believable(reference: &str, landed: &LandedChange) -> Landed {
    let old = landed.before.as_ref().map(|head| head.commit.object_id());
    let new = Some(landed.head.commit.object_id());
    match (reference, landed.how) {
        (FOR_MAIN, _) => Landed { reference: None, old: None, new },
        (_, How::Merged) => Landed { reference: Some(LANDED_REFERENCE.into()), old, new },
        _ => Landed { reference: Some(MAIN.into()), old, new },
    }
}

fn dry_run(head: Option<&Head>, update: &ReferenceUpdate) -> Outcome {
    let on = head.map_or_else(|| "an empty main".to_owned(), |head| head.revision.to_string());
    let old = head.map_or(ObjectId::ZERO, |head| head.commit.object_id());
    let landed = Landed { reference: Some(DRY_RUN_REFERENCE.into()), old: Some(old), new: Some(update.new) };
    Outcome {
        reference: update.reference.clone(),
        result: OutcomeResult::Landed(landed),
        remote_lines: vec![format!("dry run: valid on {on}, nothing was landed")],
    }
}

fn refused(update: &ReferenceUpdate, error: &CommitError) -> Outcome {
    if error.kind() == ErrorKind::Internal {
        tracing::error!("cannot land a push: {}", report::chain(error));
    }
    let text = match error {
        CommitError::Rejected(findings) => format!("{error}\n{}", findings.render(Style::REMOTE)),
        error => error.to_string(),
    };
    let mut lines = text.lines().map(str::to_owned);
    let reason = lines.next().unwrap_or_default();
    Outcome {
        reference: update.reference.clone(),
        result: OutcomeResult::Refused(reason),
        remote_lines: lines.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use configbus_model::{Epoch, Revision, TreeId};

    fn head(revision: u8) -> Head {
        Head {
            epoch: Epoch::FIRST,
            revision: Revision(u64::from(revision)),
            commit: CommitId::from_bytes([revision; 20]),
            tree: TreeId::EMPTY,
            time_ms: 0,
            traceparent: None,
        }
    }

    fn update(reference: &str) -> ReferenceUpdate {
        ReferenceUpdate { old: ObjectId::ZERO, new: ObjectId::from_bytes([9; 20]), reference: reference.into() }
    }

    fn told(reference: &str, how: How) -> Landed {
        let landed = LandedChange { head: head(2), before: Some(head(1)), how, files: Vec::new() };
        match accepted(&Namespace::main(), &update(reference), &landed).result {
            OutcomeResult::Landed(told) => told,
            OutcomeResult::Refused(reason) => panic!("{reason}"),
        }
    }

    #[test]
    fn a_client_whose_tip_is_the_head_believes_that_main_moved() {
        assert_eq!(told(MAIN, How::FastForward).reference.as_deref(), Some(MAIN));
    }

    #[test]
    fn a_client_whose_push_was_merged_keeps_its_tracking_branch() {
        assert_eq!(told(MAIN, How::Merged).reference.as_deref(), Some(LANDED_REFERENCE));
        assert_eq!(told(FOR_MAIN, How::Merged).reference, None);
        assert_eq!(told(FOR_MAIN, How::FastForward).new, Some(head(2).commit.object_id()));
    }

    #[test]
    fn a_refusal_is_one_line_and_the_rest_follows() {
        let outcome = refused(&update(MAIN), &CommitError::PushConflict(Vec::new()));
        assert_eq!(outcome.result, OutcomeResult::Refused("the same files were changed on main meanwhile".into()));
        assert_eq!(outcome.remote_lines, ["run `git pull`, resolve them and push again"]);
    }
}

//! Undo: what one landing did, or what paths have become since.
//!
//! A plan is made on the head and submitted as edits like any others, each expecting what the plan saw. When somebody else
//! is faster the plan is made again: what was asked for stays the same, what it takes may not.

mod plan;

use super::write::{self, Decision, WriteRequest, Written};
use crate::audit::change as audit;
use crate::auth::Caller;
use crate::bus::Bus;
use crate::committer::{How, Landed, Mounting};
use crate::failure::Failure;
use crate::namespace::LiveNamespace;
use crate::ops::read::checked_prefix;
use crate::path_space::Place;
use crate::requests::{Answer, Fingerprint, RequestId, Ticket};
use configbus_model::{At, Change, ConfigPath, ErrorKind, Head, Namespace, Revision};
use plan::{PATHS_MAX, Plan, Scope};
use std::sync::Arc;

/// How often a plan is made before the changes of others are too many.
const PLANS_MAX: usize = 10;

/// What to undo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    /// What this landing changed.
    Undo(At),
    /// Everything that has changed since.
    Restore(At),
}

/// A wish to undo.
#[derive(Debug, Clone)]
pub(crate) struct RevertRequest {
    /// The one path space when it is `main`.
    pub(crate) namespace: Namespace,
    pub(crate) what: What,
    /// Files and directories, `/` for everything. Without any, all that an undone landing changed.
    pub(crate) paths: Vec<String>,
    pub(crate) message: String,
    pub(crate) validate_only: bool,
    pub(crate) traceparent: Option<String>,
    pub(crate) request_id: Option<RequestId>,
}

/// What became of it.
pub(crate) struct Reverted {
    pub(crate) namespace: Namespace,
    pub(crate) head: Head,
    pub(crate) committed: bool,
    pub(crate) resulting_revision: Revision,
    pub(crate) repeated: bool,
    /// What the new revision changes.
    pub(crate) changes: Vec<Change>,
    /// The revision whose content comes back; none for the time before the first.
    pub(crate) restored: Option<Head>,
}

/// Undoes in one new revision.
pub(crate) async fn revert(bus: &Bus, caller: &Caller, mut request: RevertRequest) -> Result<Reverted, Failure> {
    let place;
    (place, request.paths) = located(bus, caller, &request)?;
    let outcome = revert_in(bus, &place.live, caller, request).await;
    let reverted = outcome.map_err(|failure| place.failure(failure))?;
    Ok(Reverted { changes: place.changes(reverted.changes), ..reverted })
}

/// Returns the one namespace that a request is about, and its paths there.
fn located(bus: &Bus, caller: &Caller, request: &RevertRequest) -> Result<(Place, Vec<String>), Failure> {
    let is_everything = |path: &String| path == "/";
    if request.namespace != Namespace::main() || request.paths.is_empty() || request.paths.iter().all(is_everything) {
        return Ok((bus.place_in(caller, &request.namespace, None)?, request.paths.clone()));
    }
    if request.paths.len() > PATHS_MAX {
        let found = request.paths.len();
        return Err(Failure::invalid(format!("paths are {found}, at most {PATHS_MAX}: name directories")));
    }
    let mut found: Option<(Place, &str)> = None;
    let mut inner = Vec::new();
    for path in &request.paths {
        let prefix = checked_prefix(path)?;
        let parsed = Some(&prefix).filter(|prefix| !prefix.is_empty()).map(|prefix| ConfigPath::parse(prefix));
        let place = match parsed.transpose().map_err(Failure::invalid)? {
            Some(path) => bus.place_to_change(caller, &path)?,
            None => bus.place(caller, None)?,
        };
        inner.push(if place.path.is_some() || path.is_empty() { place.prefix() } else { "/".to_owned() });
        match &found {
            Some((other, first)) if other.live.name != place.live.name => {
                let (one, two) = (&other.live.name, &place.live.name);
                let text = format!(
                    "{first} is in the namespace {one}, {path} in {two}: undo them one after the other, each history has \
                     revisions of its own"
                );
                return Err(Failure::invalid(text));
            }
            Some(_) => {}
            None => found = Some((place, path)),
        }
    }
    let (place, _) = found.expect("there is a path");
    Ok((place, inner))
}

async fn revert_in(
    bus: &Bus,
    live: &Arc<LiveNamespace>,
    caller: &Caller,
    request: RevertRequest,
) -> Result<Reverted, Failure> {
    let scope = Scope::parse(&request)?;
    let Some(id) = request.request_id.as_ref().filter(|_| !request.validate_only) else {
        return plan_and_land(bus, live, caller, &request, &scope, None).await;
    };
    let fingerprint = request.fingerprint();
    match live.requests.enter(&caller.principal, id, fingerprint).await? {
        Answer::Undecided(ticket) => {
            plan_and_land(bus, live, caller, &request, &scope, Some((ticket, fingerprint))).await
        }
        Answer::Decided { revision, committed } => repeated(live, &request.what, revision, committed).await,
    }
}

impl RevertRequest {
    fn fingerprint(&self) -> Fingerprint {
        let what = match &self.what {
            What::Undo(at) => format!("undo {at}"),
            What::Restore(at) => format!("restore {at}"),
        };
        let fields = ["revert", what.as_str(), self.message.as_str()];
        Fingerprint::of_fields(fields.into_iter().chain(self.paths.iter().map(String::as_str)))
    }
}

async fn plan_and_land(
    bus: &Bus,
    live: &Arc<LiveNamespace>,
    caller: &Caller,
    request: &RevertRequest,
    scope: &Scope,
    decision: Option<Decision>,
) -> Result<Reverted, Failure> {
    let (from, to) = ends(live, &request.what).await?;
    for attempt in 1.. {
        let head = live.head()?;
        let planned = plan(live, request, scope, from.clone(), to.clone(), head.clone()).await;
        if let Err(failure) = &planned
            && !request.validate_only
        {
            let refused = audit::refused(caller, &live.name, &audit::reason_of(failure), &request.paths);
            // Nothing has landed; a log that fails refuses the next change, and says so itself.
            let _ = bus.audit.write(&refused).await;
        }
        let plan = planned?;
        let restored = if matches!(request.what, What::Undo(_)) { from.clone() } else { Some(to.clone()) };
        if plan.edits.is_empty() {
            return unchanged(live.name.clone(), head, restored, decision.map(|(ticket, _)| ticket)).await;
        }
        let message = if request.message.trim().is_empty() {
            scope.message(&request.what, &to, &plan)
        } else {
            request.message.clone()
        };
        let edits = WriteRequest {
            edits: plan.edits,
            message,
            validate_only: request.validate_only,
            traceparent: request.traceparent.clone(),
            request_id: request.request_id.clone(),
            mounting: Mounting::Leaves,
        };
        write::check_shape(bus, &edits)?;
        match write::write(bus, live, caller, edits, decision.clone()).await {
            // Somebody was faster.
            Err(failure) if failure.kind == ErrorKind::Conflict && attempt < PLANS_MAX => {}
            Err(failure) => return Err(failure),
            Ok(Written { head: landed, committed, resulting_revision, .. }) => {
                let (head, repeated, changes) = (landed.unwrap_or(head), false, plan.changes);
                let namespace = live.name.clone();
                return Ok(Reverted { namespace, head, committed, resulting_revision, repeated, changes, restored });
            }
        }
    }
    unreachable!("the last attempt returns")
}

/// Plans on a head.
async fn plan(
    live: &Arc<LiveNamespace>,
    request: &RevertRequest,
    scope: &Scope,
    from: Option<Head>,
    to: Head,
    head: Head,
) -> Result<Plan, Failure> {
    let scope = scope.clone();
    match &request.what {
        What::Undo(_) => live.dig(move |store| plan::undo(store, from.as_ref(), &to, &head, &scope)).await,
        What::Restore(_) => live.read(move |store| plan::restore(store, &to, &head, &scope)).await,
    }
}

/// Answers when everything is as wished already, and sees to it that the request changes nothing later either.
async fn unchanged(
    namespace: Namespace,
    head: Head,
    restored: Option<Head>,
    ticket: Option<Arc<Ticket>>,
) -> Result<Reverted, Failure> {
    if let Some(ticket) = ticket {
        let landed = Landed { head: head.clone(), before: Some(head.clone()), how: How::Unchanged, files: Vec::new() };
        ticket.settle(&landed);
        ticket.keep_unchanged(&landed).await?;
    }
    let (resulting_revision, changes) = (head.revision, Vec::new());
    Ok(Reverted { namespace, head, committed: false, resulting_revision, repeated: false, changes, restored })
}

/// Returns what a landing was made on and the landing, or nothing and the point to go back to.
async fn ends(live: &Arc<LiveNamespace>, what: &What) -> Result<(Option<Head>, Head), Failure> {
    match what {
        What::Restore(at) => Ok((None, live.head_at_point(at).await?)),
        What::Undo(at) => {
            let to = live.head_at_point(at).await?;
            Ok((before(live, to.revision).await?, to))
        }
    }
}

async fn before(live: &Arc<LiveNamespace>, revision: Revision) -> Result<Option<Head>, Failure> {
    match Revision(revision.0.saturating_sub(1)) {
        Revision::ZERO => Ok(None),
        before => live.head_at(Some(before)).await.map(Some),
    }
}

async fn repeated(
    live: &Arc<LiveNamespace>,
    what: &What,
    revision: Revision,
    committed: bool,
) -> Result<Reverted, Failure> {
    let head = live.head_at(Some(revision)).await?;
    let (from, to) = ends(live, what).await?;
    let restored = if matches!(what, What::Undo(_)) { from } else { Some(to) };
    let changes = if committed {
        let (base, commit) = (before(live, revision).await?.map(|head| head.commit), head.commit);
        live.read(move |store| store.diff(base, commit, "")).await?
    } else {
        Vec::new()
    };
    let namespace = live.name.clone();
    Ok(Reverted { namespace, head, committed, resulting_revision: revision, repeated: true, changes, restored })
}

//! Compare-and-set.

use crate::audit::change as audit;
use crate::auth::Caller;
use crate::bus::Bus;
use crate::committer::{
    Change, CommitError, Edit, EditsChange, How, Landed, Mounting, RETURNS_MAX, Wanted, WhenOutdated, count_outcome,
    expect_and_convert, first_duplicate,
};
use crate::failure::Failure;
use crate::gate_time::GateDoor;
use crate::limits::over;
use crate::namespace::LiveNamespace;
use crate::path_space::Place;
use crate::requests::{Answer, Fingerprint, RequestId, Ticket, check_message, with_trailers};
use crate::trace_context;
use configbus_gitstore::{HeadCommit, LandError, ReadError, StagedFile, Store};
use configbus_hooks::{Context, Gate, GitCandidate, Mounts};
use configbus_model::{CommitId, ConfigPath, Entry, ErrorKind, Head, Namespace, Revision, TreeId};
use std::sync::Arc;

/// Paths named in a message that nobody wrote.
const PATHS_NAMED_MAX: usize = 3;

/// Edits that land together or not at all.
#[derive(Debug, Clone)]
pub(crate) struct WriteRequest {
    pub(crate) edits: Vec<Edit>,
    pub(crate) message: String,
    pub(crate) validate_only: bool,
    pub(crate) traceparent: Option<String>,
    /// Under which the same request may come again.
    pub(crate) request_id: Option<RequestId>,
    pub(crate) mounting: Mounting,
}

/// What became of them.
#[derive(Debug)]
pub(crate) struct Written {
    /// Where they are.
    pub(crate) namespace: Namespace,
    /// The head they are part of; none when nothing was there and nothing was to land.
    pub(crate) head: Option<Head>,
    pub(crate) committed: bool,
    /// The revision that holds them, or that would.
    pub(crate) resulting_revision: Revision,
    /// Whether this was decided before, for an earlier request with the same id.
    pub(crate) repeated: bool,
    /// In the order of the edits; none for deleted files.
    pub(crate) entries: Vec<Option<Entry>>,
    /// Which files did not exist before, in the order of the edits.
    pub(crate) created: Vec<bool>,
    /// Which files belong to others than the admin who wrote them, the first of them.
    pub(crate) overridden: Vec<String>,
}

impl Written {
    /// Has entries named as answers name them.
    fn published(mut self, place: &Place) -> Self {
        let entries = self.entries.into_iter();
        self.entries = entries.map(|entry| entry.map(|entry| place.entry(entry))).collect();
        self
    }
}

/// Validates edits on the present head and lands them, and writes down what became of them.
pub(crate) async fn compare_and_set(bus: &Bus, caller: &Caller, request: WriteRequest) -> Result<Written, Failure> {
    check_shape(bus, &request)?;
    for _ in 0..RETURNS_MAX {
        let (place, inner) = bus.place_of_all(caller, request.edits.iter().map(|edit| &edit.path))?;
        let mut within = request.clone();
        for (edit, path) in within.edits.iter_mut().zip(inner) {
            edit.path = path;
        }
        let outcome = compare_and_set_in(bus, &place.live, caller, within).await;
        match outcome {
            Ok(written) => return Ok(written.published(&place)),
            // The files moved to another namespace meanwhile: what was asked for is to be done there.
            Err(_) if !is_still_there(bus, &request, &place) => {}
            Err(failure) => return Err(place.failure(failure)),
        }
    }
    Err(Failure::new(ErrorKind::Unavailable, "the files keep moving between namespaces, try again in a moment"))
}

fn is_still_there(bus: &Bus, request: &WriteRequest, place: &Place) -> bool {
    let mounts = bus.namespaces.mounts();
    request.edits.iter().all(|edit| mounts.locate(&edit.path).namespace == place.live.name)
}

async fn compare_and_set_in(
    bus: &Bus,
    live: &Arc<LiveNamespace>,
    caller: &Caller,
    request: WriteRequest,
) -> Result<Written, Failure> {
    let Some(id) = request.request_id.as_ref().filter(|_| !request.validate_only) else {
        return write(bus, live, caller, request, None).await;
    };
    let fingerprint = Fingerprint::of_edits(&request.edits, &request.message);
    match live.requests.enter(&caller.principal, id, fingerprint).await? {
        Answer::Undecided(ticket) => write(bus, live, caller, request, Some((ticket, fingerprint))).await,
        Answer::Decided { revision, committed } => repeated(live, revision, committed, paths(&request.edits)).await,
    }
}

/// The right to decide a request, and what marks the commit that it makes.
pub(crate) type Decision = (Arc<Ticket>, Fingerprint);

/// Does it once, or only looks whether it could be done.
pub(crate) async fn write(
    bus: &Bus,
    live: &Arc<LiveNamespace>,
    caller: &Caller,
    request: WriteRequest,
    decision: Option<Decision>,
) -> Result<Written, Failure> {
    if request.validate_only {
        return validate(bus, live, caller, &request).await;
    }
    bus.audit.ready().await?;
    let paths = paths(&request.edits);
    let outcome = check_and_land(bus, live, caller, request, decision).await;
    let record = match &outcome {
        Ok(Written { head: Some(head), overridden, .. }) => {
            audit::landed(caller, &live.name, head, &paths).with_overridden(overridden.clone())
        }
        Ok(Written { head: None, .. }) => return outcome,
        Err(failure) => audit::refused(caller, &live.name, &audit::reason_of(failure), &paths),
    };
    // What has landed stays landed; a log that fails now refuses the next change, and says so itself.
    let _ = bus.audit.write(&record).await;
    outcome
}

fn paths(edits: &[Edit]) -> Vec<ConfigPath> {
    edits.iter().map(|edit| edit.path.clone()).collect()
}

async fn validate(
    bus: &Bus,
    live: &Arc<LiveNamespace>,
    caller: &Caller,
    request: &WriteRequest,
) -> Result<Written, Failure> {
    let edits = &request.edits;
    let head = live.board.current();
    let checked = check(bus, live, caller, edits, request.mounting).await?;
    let on = checked.on.map_or(Revision::ZERO, |on| on.revision);
    Ok(Written {
        namespace: live.name.clone(),
        head,
        committed: false,
        resulting_revision: if checked.changes_nothing { on } else { on.next() },
        repeated: false,
        entries: Vec::new(),
        created: vec![false; edits.len()],
        overridden: checked.overridden,
    })
}

async fn check_and_land(
    bus: &Bus,
    live: &Arc<LiveNamespace>,
    caller: &Caller,
    request: WriteRequest,
    decision: Option<Decision>,
) -> Result<Written, Failure> {
    let checked = check(bus, live, caller, &request.edits, request.mounting).await?;
    let mut message = if request.message.trim().is_empty() { message_for(&request.edits) } else { request.message };
    if let (Some(id), Some((_, fingerprint))) = (&request.request_id, &decision) {
        message = with_trailers(&message, id, *fingerprint);
    }
    let ticket = decision.map(|(ticket, _)| ticket);
    let change = EditsChange {
        principal: Arc::clone(&caller.principal),
        edits: request.edits,
        author: caller.person(),
        message,
        traceparent: trace_context::adopt_or_create(request.traceparent.as_deref()),
        checked_on: checked.on.map(|head| head.tree),
        when_outdated: WhenOutdated::ComeBack,
        mounting: request.mounting,
        ticket: ticket.clone(),
    };
    let (landed, overridden) = land(bus, live, caller, change, checked.overridden).await?;
    if let Some(ticket) = ticket.filter(|_| landed.how == How::Unchanged) {
        ticket.keep_unchanged(&landed).await?;
    }
    Ok(describe(live.name.clone(), landed, overridden))
}

/// Answers what was answered before.
async fn repeated(
    live: &Arc<LiveNamespace>,
    revision: Revision,
    committed: bool,
    paths: Vec<ConfigPath>,
) -> Result<Written, Failure> {
    let head = live.head_at(Some(revision)).await?;
    let before = match Revision(revision.0 - u64::from(committed)) {
        Revision::ZERO => None,
        before => Some(live.head_at(Some(before)).await?),
    };
    let (before, after) = (before.map(|head| head.commit), head.commit);
    let (entries, created) = live.read(move |store| describe_files(store, before, after, &paths)).await?;
    let (resulting_revision, overridden) = (head.revision, Vec::new());
    let (namespace, head, repeated) = (live.name.clone(), Some(head), true);
    Ok(Written { namespace, head, committed, resulting_revision, repeated, entries, created, overridden })
}

/// Lands edits, checking them anew as often as what they were judged by moves while they wait.
async fn land(
    bus: &Bus,
    live: &Arc<LiveNamespace>,
    caller: &Caller,
    mut change: EditsChange,
    mut overridden: Vec<String>,
) -> Result<(Landed, Vec<String>), Failure> {
    for _ in 0..RETURNS_MAX {
        match live.committer.land(Change::Edits(change.clone())).await {
            Err(CommitError::Outdated) => {
                let checked = check(bus, live, caller, &change.edits, change.mounting).await?;
                (change.checked_on, overridden) = (checked.on.map(|head| head.tree), checked.overridden);
            }
            outcome => return Ok((outcome?, overridden)),
        }
    }
    change.when_outdated = WhenOutdated::CheckNow;
    Ok((live.committer.land(Change::Edits(change)).await?, overridden))
}

pub(crate) fn check_shape(bus: &Bus, request: &WriteRequest) -> Result<(), Failure> {
    let (edits, max) = (&request.edits, bus.limits.edits_max);
    if edits.is_empty() {
        return Err(Failure::invalid("there is no edit in the request"));
    }
    if edits.len() > max {
        let what = "there are too many edits in one request; send them in several, or push with git";
        return Err(Failure::invalid(over(what, edits.len(), max, "edits", "limits.edits_max")));
    }
    if let Some(path) = first_duplicate(edits) {
        return Err(Failure::invalid(format!("{path} is edited twice in one request")));
    }
    if request.message.contains('\0') {
        return Err(Failure::invalid("the message has the character NUL, which Git does not keep"));
    }
    let (found, max) = (request.message.len(), bus.limits.message_bytes_max);
    if found > max {
        let what = "the message is too long; shorten it";
        return Err(Failure::invalid(over(what, found, max, "bytes", "limits.message_bytes_max")));
    }
    check_message(&request.message)
}

/// Edits that passed the gate.
struct Checked {
    /// The head they were validated on.
    on: Option<HeadCommit>,
    changes_nothing: bool,
    /// Paths that only an admin may change as they do.
    overridden: Vec<String>,
}

/// Validates the edits on the present head.
async fn check(
    bus: &Bus,
    live: &Arc<LiveNamespace>,
    caller: &Caller,
    edits: &[Edit],
    mounting: Mounting,
) -> Result<Checked, Failure> {
    let (store, gate, namespace) = (live.store.clone(), Arc::clone(&live.gate), live.name.clone());
    let (principal, now_ms, edits) = (Arc::clone(&caller.principal), bus.clock.now_ms(), edits.to_vec());
    let mounts = live.mounts.current();
    let checked = live.check_edits(move || {
        let mounts = Mounts { table: Some(&mounts), are_changed: mounting == Mounting::Changes };
        let context = Context { principal: &principal, namespace: &namespace, now_ms, mounts };
        check_on_head(&store, &gate, &context, &edits)
    });
    checked.await.map_err(Failure::from).inspect_err(|failure| count_outcome(failure.kind.as_str()))
}

fn check_on_head(store: &Store, gate: &Gate, context: &Context<'_>, edits: &[Edit]) -> Result<Checked, CommitError> {
    let head = store.head();
    let base = head.map(|head| head.tree);
    let tree = base.unwrap_or(TreeId::EMPTY);
    let edits = expect_and_convert(store, head.as_ref(), &|path| store.find(tree, path), edits)?;
    let staged = store.stage_edits(base, &edits).map_err(LandError::from)?;
    let view = store.open_staged(&staged)?;
    let report = GateDoor::Api.check(gate, &GitCandidate::edits(&view, &staged), context)?;
    if !report.is_accepted() {
        return Err(CommitError::Rejected(report));
    }
    Ok(Checked { on: head, changes_nothing: staged.is_unchanged(), overridden: report.overridden })
}

fn describe(namespace: Namespace, landed: Landed, overridden: Vec<String>) -> Written {
    let created = landed.files.iter().map(|file| file.before.is_none()).collect();
    let entry = |file: &StagedFile| {
        let (mode, id, size_bytes) = file.after?;
        Some(Entry { path: file.path.clone(), mode, id: id.into(), size_bytes })
    };
    let entries = landed.files.iter().map(entry).collect();
    let committed = landed.how != How::Unchanged;
    let resulting_revision = landed.head.revision;
    let (head, repeated) = (Some(landed.head), false);
    Written { namespace, head, committed, resulting_revision, repeated, entries, created, overridden }
}

fn describe_files(
    store: &Store,
    before: Option<CommitId>,
    after: CommitId,
    paths: &[ConfigPath],
) -> Result<(Vec<Option<Entry>>, Vec<bool>), ReadError> {
    let mut entries = Vec::with_capacity(paths.len());
    let mut created = Vec::with_capacity(paths.len());
    for path in paths {
        let was_there = before.map(|commit| store.entry(commit, path)).transpose()?.flatten().is_some();
        created.push(!was_there);
        entries.push(store.entry(after, path)?);
    }
    Ok((entries, created))
}

fn message_for(edits: &[Edit]) -> String {
    let verb = if edits.iter().all(|edit| edit.wanted == Wanted::Deleted) { "Delete" } else { "Change" };
    let named: Vec<&str> = edits.iter().take(PATHS_NAMED_MAX).map(|edit| edit.path.as_str()).collect();
    let more = match edits.len().saturating_sub(PATHS_NAMED_MAX) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{verb} {}{more}", named.join(", "))
}

//! Compare-and-set.

use crate::audit::change as audit;
use crate::auth::Caller;
use crate::bus::Bus;
use crate::committer::{
    Change, CommitError, Edit, EditsChange, How, Landed, RETURNS_MAX, Wanted, WhenOutdated, count_outcome,
    expect_and_convert, first_duplicate,
};
use crate::failure::Failure;
use crate::namespace::LiveNamespace;
use crate::trace_context;
use configbus_gitstore::{HeadCommit, LandError, ReadError, Store};
use configbus_hooks::{Context, Gate, GitCandidate};
use configbus_model::{CommitId, ConfigPath, Entry, Head, Namespace, TreeId};
use std::sync::Arc;

/// Longest message of a commit, in bytes.
const MESSAGE_BYTES_MAX: usize = 64 * 1024;

/// Paths named in a message that nobody wrote.
const PATHS_NAMED_MAX: usize = 3;

/// Edits that land together or not at all.
#[derive(Debug, Clone)]
pub(crate) struct WriteRequest {
    pub(crate) edits: Vec<Edit>,
    pub(crate) message: String,
    pub(crate) validate_only: bool,
    pub(crate) traceparent: Option<String>,
}

/// What became of them.
#[derive(Debug)]
pub(crate) struct Written {
    /// The head they are part of; none when nothing was there and nothing was to land.
    pub(crate) head: Option<Head>,
    pub(crate) committed: bool,
    /// In the order of the edits; none for deleted files.
    pub(crate) entries: Vec<Option<Entry>>,
    /// Which files did not exist before, in the order of the edits.
    pub(crate) created: Vec<bool>,
    /// Which files belong to others than the admin who wrote them, the first of them.
    pub(crate) overridden: Vec<String>,
}

/// Validates edits on the present head and lands them, and writes down what became of them.
pub(crate) async fn compare_and_set(bus: &Bus, caller: &Caller, request: WriteRequest) -> Result<Written, Failure> {
    if request.validate_only {
        return write(bus, caller, request).await;
    }
    bus.audit.ready().await?;
    let paths: Vec<ConfigPath> = request.edits.iter().map(|edit| edit.path.clone()).collect();
    let outcome = write(bus, caller, request).await;
    let main = Namespace::main();
    let record = match &outcome {
        Ok(Written { head: Some(head), overridden, .. }) => {
            audit::landed(caller, &main, head, &paths).with_overridden(overridden.clone())
        }
        Ok(Written { head: None, .. }) => return outcome,
        Err(failure) => audit::refused(caller, &main, &audit::reason_of(failure), &paths),
    };
    // What has landed stays landed; a log that fails now refuses the next change, and says so itself.
    let _ = bus.audit.write(&record).await;
    outcome
}

async fn write(bus: &Bus, caller: &Caller, request: WriteRequest) -> Result<Written, Failure> {
    let live = bus.main(caller)?;
    check_shape(bus, &request)?;
    let paths: Vec<ConfigPath> = request.edits.iter().map(|edit| edit.path.clone()).collect();
    let (checked_on, overridden) = check(bus, live, caller, &request.edits).await?;
    if request.validate_only {
        let created = vec![false; paths.len()];
        let head = live.board.current();
        return Ok(Written { head, committed: false, entries: Vec::new(), created, overridden });
    }
    let message = if request.message.trim().is_empty() { message_for(&request.edits) } else { request.message };
    let change = EditsChange {
        principal: Arc::clone(&caller.principal),
        edits: request.edits,
        author: caller.person(),
        message,
        traceparent: trace_context::adopt_or_create(request.traceparent.as_deref()),
        checked_on,
        when_outdated: WhenOutdated::ComeBack,
    };
    let (landed, overridden) = land(bus, live, caller, change, overridden).await?;
    Ok(Written { overridden, ..describe(live, landed, paths).await? })
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
                (change.checked_on, overridden) = check(bus, live, caller, &change.edits).await?;
            }
            outcome => return Ok((outcome?, overridden)),
        }
    }
    change.when_outdated = WhenOutdated::CheckNow;
    Ok((live.committer.land(Change::Edits(change)).await?, overridden))
}

fn check_shape(bus: &Bus, request: &WriteRequest) -> Result<(), Failure> {
    let (edits, max) = (&request.edits, bus.limits.edits_max);
    if edits.is_empty() {
        return Err(Failure::invalid("there is no edit in the request"));
    }
    if edits.len() > max {
        return Err(Failure::invalid(format!("{} edits are too many for one request, at most {max} fit", edits.len())));
    }
    if let Some(path) = first_duplicate(edits) {
        return Err(Failure::invalid(format!("{path} is edited twice in one request")));
    }
    if request.message.len() > MESSAGE_BYTES_MAX || request.message.contains('\0') {
        return Err(Failure::invalid(format!("message needs to be text of at most {MESSAGE_BYTES_MAX} bytes")));
    }
    Ok(())
}

/// Validates the edits on the present head. Returns the tree they were validated on, and paths that only an admin may
/// change as they do.
async fn check(
    bus: &Bus,
    live: &Arc<LiveNamespace>,
    caller: &Caller,
    edits: &[Edit],
) -> Result<(Option<TreeId>, Vec<String>), Failure> {
    let (store, gate, namespace) = (live.store.clone(), Arc::clone(&live.gate), live.name.clone());
    let (principal, now_ms, edits) = (Arc::clone(&caller.principal), bus.clock.now_ms(), edits.to_vec());
    let checked = live.check_edits(move || {
        let context = Context { principal: &principal, namespace: &namespace, now_ms };
        check_on_head(&store, &gate, &context, &edits)
    });
    checked.await.map_err(Failure::from).inspect_err(|failure| count_outcome(failure.kind.as_str()))
}

fn check_on_head(
    store: &Store,
    gate: &Gate,
    context: &Context<'_>,
    edits: &[Edit],
) -> Result<(Option<TreeId>, Vec<String>), CommitError> {
    let head: Option<HeadCommit> = store.head();
    let base = head.map(|head| head.tree);
    let edits = expect_and_convert(store, head.as_ref(), edits)?;
    let staged = store.stage_edits(base, &edits).map_err(LandError::from)?;
    let view = store.open_staged(&staged)?;
    let report = gate.check(&GitCandidate::step(&view, base, staged.tree()), context)?;
    if report.is_accepted() { Ok((base, report.overridden)) } else { Err(CommitError::Rejected(report)) }
}

async fn describe(live: &Arc<LiveNamespace>, landed: Landed, paths: Vec<ConfigPath>) -> Result<Written, Failure> {
    let after = landed.head.commit;
    let before = landed.before.as_ref().map(|head| head.commit);
    let (entries, created) = live.read(move |store| describe_files(store, before, after, &paths)).await?;
    let committed = landed.how != How::Unchanged;
    Ok(Written { head: Some(landed.head), committed, entries, created, overridden: Vec::new() })
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

//! Compare-and-set.

use crate::audit::change as audit;
use crate::auth::Caller;
use crate::bus::Bus;
use crate::committer::{
    Change, CommitError, Edit, EditsChange, How, Landed, Wanted, count_outcome, expect_and_convert, first_duplicate,
};
use crate::failure::Failure;
use crate::namespace::LiveNamespace;
use crate::trace_context;
use configbus_gitstore::{HeadCommit, LandError, ReadError, Store};
use configbus_hooks::{Context, Gate, GitCandidate};
use configbus_model::{CommitId, ConfigPath, Entry, Head, Namespace, Principal, TreeId};
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
        Ok(Written { head: Some(head), .. }) => audit::landed(caller, &main, head, &paths),
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
    let asked = Asked { principal: Arc::clone(&caller.principal), now_ms: bus.clock.now_ms() };
    let checked =
        check(live, asked, request.edits.clone()).await.inspect_err(|failure| count_outcome(failure.kind.as_str()))?;
    if request.validate_only {
        let created = vec![false; paths.len()];
        return Ok(Written { head: live.board.current(), committed: false, entries: Vec::new(), created });
    }
    let message = if request.message.trim().is_empty() { message_for(&request.edits) } else { request.message };
    let change = EditsChange {
        principal: Arc::clone(&caller.principal),
        edits: request.edits,
        author: caller.person(),
        message,
        traceparent: trace_context::adopt_or_create(request.traceparent.as_deref()),
        checked_on: checked,
    };
    let landed = live.committer.land(Change::Edits(change)).await?;
    describe(live, landed, paths).await
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

/// Validates the edits on the present head and returns the tree they were validated on.
async fn check(live: &Arc<LiveNamespace>, asked: Asked, edits: Vec<Edit>) -> Result<Option<TreeId>, Failure> {
    let (store, gate, namespace) = (live.store.clone(), Arc::clone(&live.gate), live.name.clone());
    let checked = live.check_edits(move || {
        let context = Context { principal: &asked.principal, namespace: &namespace, now_ms: asked.now_ms };
        check_on_head(&store, &gate, &context, &edits)
    });
    Ok(checked.await?)
}

/// Who asked and when.
struct Asked {
    principal: Arc<Principal>,
    now_ms: u64,
}

fn check_on_head(
    store: &Store,
    gate: &Gate,
    context: &Context<'_>,
    edits: &[Edit],
) -> Result<Option<TreeId>, CommitError> {
    let head: Option<HeadCommit> = store.head();
    let base = head.map(|head| head.tree);
    let edits = expect_and_convert(store, head.as_ref(), edits)?;
    let staged = store.stage_edits(base, &edits).map_err(LandError::from)?;
    let view = store.open_staged(&staged)?;
    let report = gate.check(&GitCandidate::step(&view, base, staged.tree()), context)?;
    if report.is_accepted() { Ok(base) } else { Err(CommitError::Rejected(report)) }
}

async fn describe(live: &Arc<LiveNamespace>, landed: Landed, paths: Vec<ConfigPath>) -> Result<Written, Failure> {
    let after = landed.head.commit;
    let before = landed.before.as_ref().map(|head| head.commit);
    let (entries, created) = live.read(move |store| describe_files(store, before, after, &paths)).await?;
    Ok(Written { head: Some(landed.head), committed: landed.how != How::Unchanged, entries, created })
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

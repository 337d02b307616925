//! Whether a directory can be split off, and with which policy.

use crate::failure::Failure;
use crate::gate_time::GateDoor;
use configbus_gitstore::{HeadCommit, LandError, Store, TreeChange, TreeEdit};
use configbus_hooks::{
    CandidateError, Context, FoundFile, Gate, GitCandidate, Mounts, Part, PartOutcome, PartPolicy, Report,
};
use configbus_model::{Change, ConfigPath, EntryMode, ErrorKind, Namespace, ObjectId, Principal, TreeId};

/// The folder of policy.
const POLICY: &str = ".configbus";

/// Files that may have changed while `main` was not held; more are looked at before it is held again.
const CHANGED_MAX: usize = 2_000;

/// What is known of a directory at a head.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) head: HeadCommit,
    pub(super) policy: PartPolicy,
    pub(super) files: usize,
    /// The policy that was translated.
    policy_tree: Option<ObjectId>,
}

/// What comes of planning.
#[derive(Debug, Clone)]
pub(super) enum Planned {
    Possible(Box<Plan>),
    /// The policy stands in the way: [`PartOutcome::Untranslatable`] or [`PartOutcome::Differs`].
    Refused(PartOutcome),
    /// Files do not pass the translated policy.
    Rejected(Box<Report>),
}

/// Translates the policy for a directory, holds every file to both, and has the gate look at all of it.
pub(super) fn plan(
    store: &Store,
    gate: &Gate,
    namespace: &Namespace,
    prefix: &ConfigPath,
    now_ms: u64,
) -> Result<Planned, Failure> {
    let empty = || Failure::not_found("main has no commit yet");
    let head = store.head().ok_or_else(empty)?;
    let directory = directory(store, &head, prefix)?;
    let changes = store.diff(None, head.commit, prefix.as_str())?;
    let files: Vec<String> = changes.iter().filter_map(|change| inner(change, prefix)).collect();
    let policy_tree = policy_tree(store, &head)?;
    let read = |path: &str| read(store, &head, path);
    let part = Part { prefix, files: &files, read: &read };
    let policy = match gate.translate_policy(&part).map_err(candidate_failure)? {
        PartOutcome::Translated(policy) => policy,
        refused => return Ok(Planned::Refused(refused)),
    };
    let edits = policy_edits(&policy)?;
    let staged = store.stage_edits(Some(directory), &edits).map_err(LandError::from).map_err(land_failure)?;
    let view = store.open_staged(&staged)?;
    let principal = Principal::open();
    let context = Context { principal: &principal, namespace, now_ms, mounts: Mounts::default() };
    let report =
        GateDoor::Api.check(gate, &GitCandidate::edits(&view, &staged), &context).map_err(candidate_failure)?;
    if !report.is_accepted() {
        return Ok(Planned::Rejected(Box::new(report)));
    }
    Ok(Planned::Possible(Box::new(Plan { head, policy, files: files.len(), policy_tree })))
}

impl Plan {
    /// Returns whether everything that was found out still holds at a later head. Costs what changed in between.
    pub(super) fn holds_at(
        &self,
        store: &Store,
        gate: &Gate,
        prefix: &ConfigPath,
        head: &HeadCommit,
    ) -> Result<bool, Failure> {
        if self.head.commit == head.commit {
            return Ok(true);
        }
        if policy_tree(store, head)? != self.policy_tree {
            return Ok(false);
        }
        for from in self.policy.copied.values() {
            let path = ConfigPath::parse(from).map_err(Failure::invalid)?;
            if store.find(self.head.tree, &path)? != store.find(head.tree, &path)? {
                return Ok(false);
            }
        }
        let changes = store.diff(Some(self.head.commit), head.commit, prefix.as_str())?;
        let is_made_of = changes.iter().any(|change| self.policy.made_of.contains(change.path().as_str()));
        let files: Vec<String> = changes.iter().filter_map(|change| inner(change, prefix)).collect();
        let is_policy = |file: &String| file.starts_with(".configbus/") || self.policy.files.contains_key(file);
        if is_made_of || files.len() > CHANGED_MAX || files.iter().any(is_policy) {
            return Ok(false);
        }
        let read = |path: &str| read(store, head, path);
        let part = Part { prefix, files: &files, read: &read };
        let outcome = gate.hold_to_both(&part, self.policy.clone()).map_err(candidate_failure)?;
        Ok(matches!(outcome, PartOutcome::Translated(_)))
    }
}

/// Returns the edits that put the policy into the new namespace.
pub(super) fn policy_edits(policy: &PartPolicy) -> Result<Vec<TreeEdit>, Failure> {
    let edit = |(path, content): (&String, &bytes::Bytes)| {
        let path = ConfigPath::parse(path).map_err(Failure::invalid)?;
        Ok(TreeEdit { path, change: TreeChange::Put { mode: None, content: content.clone() } })
    };
    policy.files.iter().map(edit).collect()
}

/// Returns the directory at a path of `main`.
fn directory(store: &Store, head: &HeadCommit, prefix: &ConfigPath) -> Result<TreeId, Failure> {
    match store.find(head.tree, prefix)? {
        Some((EntryMode::Directory, id)) => Ok(id.into()),
        Some(_) => Err(Failure::invalid(format!("{prefix} is a file: split off a directory"))),
        None => {
            let create = format!("`configbus namespace create NAME --mount {prefix}` makes an empty namespace there");
            Err(Failure::not_found(format!("there is nothing at {prefix} in main; {create}")))
        }
    }
}

fn policy_tree(store: &Store, head: &HeadCommit) -> Result<Option<ObjectId>, Failure> {
    let folder = ConfigPath::parse(POLICY).map_err(Failure::invalid)?;
    Ok(store.find(head.tree, &folder)?.map(|(_, id)| id))
}

/// Returns a file that is there after a change, by its path below the directory.
fn inner(change: &Change, prefix: &ConfigPath) -> Option<String> {
    if matches!(change, Change::Deleted(_)) {
        return None;
    }
    Some(change.path().as_str().strip_prefix(prefix.as_str())?.strip_prefix('/')?.to_owned())
}

fn read(store: &Store, head: &HeadCommit, path: &str) -> Result<Option<FoundFile>, CandidateError> {
    // Nothing can be at a path that is none.
    let Ok(path) = ConfigPath::parse(path) else { return Ok(None) };
    let found = store.find(head.tree, &path).map_err(|error| CandidateError::read(path.as_str(), error))?;
    let Some((_, id)) = found.filter(|(mode, _)| *mode != EntryMode::Directory) else { return Ok(None) };
    let content = store.blob(id.into()).map_err(|error| CandidateError::read(path.as_str(), error))?;
    Ok(Some(FoundFile { id, content }))
}

#[allow(clippy::needless_pass_by_value, reason = "errors are handed over, as in `map_err`")]
fn candidate_failure(error: CandidateError) -> Failure {
    match error.kind() {
        ErrorKind::Internal => Failure::internal(&error),
        kind => Failure::new(kind, configbus_runtime::report::chain(&error)),
    }
}

#[allow(clippy::needless_pass_by_value, reason = "errors are handed over, as in `map_err`")]
fn land_failure(error: LandError) -> Failure {
    Failure::new(error.kind(), configbus_runtime::report::chain(&error))
}

//! What it takes to undo, decided on one head.

use super::{RevertRequest, What};
use crate::committer::{Edit, Expected, Wanted};
use crate::failure::Failure;
use crate::ops::read::checked_prefix;
use configbus_gitstore::{LogEntry, ReadError, Store};
use configbus_model::{Change, CommitId, ConfigPath, Entry, EntryMode, ErrorKind, Head, Revision};
use configbus_proto::status::{ConflictDetail, Details};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Bytes that one revert brings back; they are in memory meanwhile.
const BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Conflicts explained in full.
const CONFLICTS_EXPLAINED_MAX: usize = 20;

/// Files and directories that are named. Each is compared on its own.
pub(super) const PATHS_MAX: usize = 1_000;

/// The files that a revert is about.
#[derive(Debug, Clone)]
pub(super) struct Scope {
    /// Without slashes at their ends; the empty one is everything.
    prefixes: Vec<String>,
}

impl Scope {
    pub(super) fn parse(request: &RevertRequest) -> Result<Self, Failure> {
        if request.paths.len() > PATHS_MAX {
            let found = request.paths.len();
            return Err(Failure::invalid(format!("paths are {found}, at most {PATHS_MAX}: name directories")));
        }
        let prefix = |path: &String| if path == "/" { Ok(String::new()) } else { checked_prefix(path) };
        let prefixes: Vec<String> = request.paths.iter().map(prefix).collect::<Result<_, _>>()?;
        match request.what {
            What::Restore(_) if prefixes.is_empty() => {
                Err(Failure::invalid("paths is empty: name what to restore, \"/\" is everything"))
            }
            _ if request.paths.iter().any(String::is_empty) => {
                Err(Failure::invalid("a path is empty: \"/\" is everything"))
            }
            _ => Ok(Self { prefixes }),
        }
    }

    fn holds(&self, path: &ConfigPath) -> bool {
        self.prefixes.is_empty() || self.prefixes.iter().any(|prefix| prefix.is_empty() || path.is_at_or_below(prefix))
    }

    pub(super) fn message(&self, what: &What, to: &Head, plan: &Plan) -> String {
        match what {
            What::Undo(_) => {
                let subject = plan.subject.as_deref().unwrap_or_default();
                format!("Revert \"{subject}\"\n\nThis reverts {} ({}).", to.revision, to.commit)
            }
            What::Restore(at) => {
                let named =
                    self.prefixes.iter().map(|prefix| if prefix.is_empty() { "everything" } else { prefix.as_str() });
                let named = named.take(3).collect::<Vec<_>>().join(", ");
                format!("Restore {named} to {}\n\nAs it was at {at} ({}).", to.revision, to.commit)
            }
        }
    }
}

/// What it takes to undo.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) edits: Vec<Edit>,
    pub(super) changes: Vec<Change>,
    /// First line of what is undone.
    subject: Option<String>,
}

/// A file that changed since, and how.
#[derive(Debug)]
pub(super) struct ChangedSince {
    path: ConfigPath,
    current: Option<Entry>,
    by: Option<LogEntry>,
}

/// Why there is no plan.
pub(super) enum PlanError {
    ChangedSince(Vec<ChangedSince>, Revision),
    NotThere { prefix: String, at: Revision },
    NothingHere { at: Revision },
    TooLarge,
    Read(ReadError),
}

impl From<ReadError> for PlanError {
    fn from(error: ReadError) -> Self {
        Self::Read(error)
    }
}

impl From<PlanError> for Failure {
    fn from(error: PlanError) -> Self {
        match error {
            PlanError::Read(error) => error.into(),
            PlanError::NotThere { prefix, at } => Self::not_found(format!("{prefix} exists neither at {at} nor now")),
            PlanError::NothingHere { at } => Self::not_found(format!("{at} changed nothing at these paths")),
            PlanError::TooLarge => Self::invalid(format!(
                "what comes back is larger than {} MiB: name fewer paths, or push the result of `git revert`",
                BYTES_MAX / 1024 / 1024
            )),
            PlanError::ChangedSince(changed, since) => conflict(&changed, since),
        }
    }
}

fn conflict(changed: &[ChangedSince], since: Revision) -> Failure {
    let mut message = format!("{} of the files have changed since {since}", changed.len());
    for ChangedSince { path, by, .. } in changed.iter().take(CONFLICTS_EXPLAINED_MAX) {
        let _ = match by {
            Some(LogEntry { revision, commit, .. }) => {
                write!(
                    message,
                    "\n  {path}: by {revision} {:.8} {} ({})",
                    commit.id,
                    plain(commit.subject()),
                    plain(&commit.author.name)
                )
            }
            None => write!(message, "\n  {path}"),
        };
    }
    if changed.len() > CONFLICTS_EXPLAINED_MAX {
        let _ = write!(message, "\n  and {} more", changed.len() - CONFLICTS_EXPLAINED_MAX);
    }
    message.push_str("\nrestore them to a revision instead, or undo the later changes first");
    let detail = |changed: &ChangedSince| ConflictDetail {
        path: changed.path.to_string(),
        current: changed.current.as_ref().map(|entry| entry.id.to_string()),
    };
    let details = Details { conflicts: changed.iter().map(detail).collect(), ..Details::default() };
    Failure { kind: ErrorKind::Conflict, message, details }
}

/// What a commit says must not steer the terminal of whoever is told about it.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

pub(super) fn undo(
    store: &Store,
    from: Option<&Head>,
    to: &Head,
    head: &Head,
    scope: &Scope,
) -> Result<Plan, PlanError> {
    let done = store.diff(from.map(|head| head.commit), to.commit, "")?;
    let done: Vec<Change> = done.into_iter().filter(|change| scope.holds(change.path())).collect();
    if done.is_empty() {
        return Err(PlanError::NothingHere { at: to.revision });
    }
    let (mut changes, mut changed) = (Vec::new(), Vec::new());
    for change in done {
        let now = file_at(store, head.commit, change.path())?;
        if same(now.as_ref(), change.new_entry()) {
            changes.extend(between(now, change.old().cloned()));
        } else if !same(now.as_ref(), change.old()) {
            let path = change.path().clone();
            let by = if changed.len() < CONFLICTS_EXPLAINED_MAX {
                store.log_of_path(head.revision, to.revision, &path, 1)?.entries.into_iter().next()
            } else {
                None
            };
            changed.push(ChangedSince { path, current: now, by });
        }
    }
    if !changed.is_empty() {
        return Err(PlanError::ChangedSince(changed, to.revision));
    }
    let subject = store.commit(to.commit)?.subject().chars().take(200).collect();
    Ok(Plan { subject: Some(subject), ..planned(store, head.commit, changes)? })
}

pub(super) fn restore(store: &Store, to: &Head, head: &Head, scope: &Scope) -> Result<Plan, PlanError> {
    let mut changes = BTreeMap::new();
    for prefix in &scope.prefixes {
        for change in store.diff(Some(head.commit), to.commit, prefix)? {
            changes.insert(change.path().clone(), change);
        }
        let is_there = |commit: CommitId| match ConfigPath::parse(prefix) {
            Ok(path) => Ok::<_, ReadError>(store.entry(commit, &path)?.is_some()),
            Err(_) => Ok(true),
        };
        if !is_there(head.commit)? && !is_there(to.commit)? {
            return Err(PlanError::NotThere { prefix: prefix.clone(), at: to.revision });
        }
    }
    planned(store, head.commit, changes.into_values().collect())
}

/// Makes edits of changes, each expecting what it was planned on.
fn planned(store: &Store, head: CommitId, changes: Vec<Change>) -> Result<Plan, PlanError> {
    let bytes: u64 = changes.iter().filter_map(Change::new_entry).map(|entry| entry.size_bytes).sum();
    if bytes > BYTES_MAX {
        return Err(PlanError::TooLarge);
    }
    let mut edits = Vec::with_capacity(changes.len());
    for change in &changes {
        let path = change.path().clone();
        let expected = match change.old() {
            Some(entry) => Expected::Blob(entry.id.into()),
            // A directory that is in the way goes with its files, and each of these is expected.
            None if store.entry(head, &path)?.is_some() => Expected::Any,
            None => Expected::Absent,
        };
        let wanted = match change.new_entry() {
            None => Wanted::Deleted,
            Some(entry) => Wanted::File { content: store.blob(entry.id.into())?, mode: Some(entry.mode) },
        };
        edits.push(Edit { path, expected, wanted });
    }
    Ok(Plan { edits, changes, subject: None })
}

fn file_at(store: &Store, commit: CommitId, path: &ConfigPath) -> Result<Option<Entry>, ReadError> {
    Ok(store.entry(commit, path)?.filter(|entry| entry.mode != EntryMode::Directory))
}

fn same(one: Option<&Entry>, other: Option<&Entry>) -> bool {
    let told = |entry: &Entry| (entry.id, entry.mode);
    one.map(told) == other.map(told)
}

fn between(old: Option<Entry>, new: Option<Entry>) -> Option<Change> {
    match (old, new) {
        (None, None) => None,
        (None, Some(new)) => Some(Change::Added(new)),
        (Some(old), None) => Some(Change::Deleted(old)),
        (Some(old), Some(new)) => Some(Change::Modified { old, new }),
    }
}

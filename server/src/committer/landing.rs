//! Lands one push on the running head, and what landing pushes and edits have in common. Synchronous: runs on the blocking
//! pool, one at a time per namespace.

use super::change::{Hold, How, Mounting, PushChange};
use super::expectation::{At, Edit, Expected, Mismatch, Wanted, compare};
use super::steps::Steps;
use super::{CommitError, foreign, recheck};
use crate::audit::AuditLog;
use crate::namespace::MountBoard;
use configbus_gitstore::{
    CommitMeta, ForeignWrite, HeadCommit, MoveHeadError, Person, PushLanding, ReadError, StagedFile, Store, TreeChange,
    TreeEdit,
};
use configbus_hooks::{Context, Gate, Mounts};
use configbus_model::{CommitId, ConfigPath, MountTable, Namespace, Principal, Revision, TreeId};
use configbus_runtime::Clock;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How often a foreign write or a foreign lock may come between before the change is given back.
pub(super) const ATTEMPTS_MAX: u32 = 5;

/// How long a foreign Git process may hold the lock of the ref: it writes 41 bytes under it.
pub(super) const LOCK_RETRY_PAUSE: std::time::Duration = std::time::Duration::from_millis(20);

/// What landing needs, shared with nobody who writes.
pub(super) struct Desk {
    pub(super) namespace: Namespace,
    pub(super) store: Store,
    pub(super) gate: Arc<Gate>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) audit: AuditLog,
    /// What moved lately.
    pub(super) steps: Mutex<Steps>,
    /// What is mounted where.
    pub(super) mounts: Arc<MountBoard>,
}

/// A landed change, before it is a head of an epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LandedCommit {
    pub(super) head: HeadCommit,
    pub(super) before: Option<HeadCommit>,
    pub(super) how: How,
    pub(super) files: Vec<StagedFile>,
}

enum Attempt {
    Done(LandedCommit),
    /// The ref was not where it was left; the foreign write has been dealt with.
    Again,
}

impl Desk {
    /// Makes a push durable and moves the head.
    pub(super) fn land_push(&self, change: &PushChange) -> Result<LandedCommit, CommitError> {
        for _ in 0..ATTEMPTS_MAX {
            if let Attempt::Done(landed) = self.attempt(change)? {
                return Ok(landed);
            }
        }
        Err(CommitError::Contended)
    }

    /// Lets somebody else land while nobody lands here.
    pub(super) fn hold(&self, hold: &Hold) -> Result<LandedCommit, CommitError> {
        let before = self.store.head();
        let (how, head) = match (hold.work)(&self.store) {
            Some(head) => (How::Edited, head),
            None => (How::Unchanged, before.ok_or(CommitError::Contended)?),
        };
        Ok(LandedCommit { head, before, how, files: Vec::new() })
    }

    /// Deals with a write to the ref that did not come through here.
    pub(super) fn look_for_foreign_writes(&self) -> Result<ForeignWrite, CommitError> {
        let mut gate = |old: Option<&HeadCommit>, new: &HeadCommit| match recheck::passes_gate(self, old, new) {
            Ok(passes) => passes,
            Err(error) => {
                tracing::error!("cannot check a foreign write: {}", configbus_runtime::report::chain(&error));
                false
            }
        };
        let before = self.store.head();
        let write = self.store.adopt_or_restore(self.clock.now_ms(), &mut gate)?;
        report(&write);
        foreign::note(self, before, &write);
        Ok(write)
    }

    fn attempt(&self, change: &PushChange) -> Result<Attempt, CommitError> {
        let running = self.store.head();
        let (commit, how) = self.write_push(running.as_ref(), change)?;
        let landed = |head| LandedCommit { head, before: running, how, files: Vec::new() };
        if let (How::Unchanged, Some(head)) = (how, running) {
            return Ok(Attempt::Done(landed(head)));
        }
        let (by, expected) = (Self::name_of(&change.principal), running.map(|head| head.commit));
        match self.store.move_head_for(by, expected, commit, self.clock.now_ms()) {
            Ok(head) => Ok(Attempt::Done(landed(head))),
            Err(MoveHeadError::HeadMoved { .. }) => self.look_for_foreign_writes().map(|_| Attempt::Again),
            Err(MoveHeadError::Locked { .. }) => {
                std::thread::sleep(LOCK_RETRY_PAUSE);
                Ok(Attempt::Again)
            }
            Err(error) => Err(error.into()),
        }
    }

    fn write_push(&self, running: Option<&HeadCommit>, change: &PushChange) -> Result<(CommitId, How), CommitError> {
        if change.checked_on != running.map(|head| head.commit) {
            recheck::push(self, running, change)?;
        }
        let meta = self.meta(bus(), merge_message(change));
        match self.store.land_push(running, change.tip, &meta)? {
            PushLanding::FastForward { commit, .. } => Ok((commit, How::FastForward)),
            PushLanding::Merged { commit, .. } => Ok((commit, How::Merged)),
            PushLanding::NothingNew => already_head(running, change.tip),
            PushLanding::Conflict(conflicts) => Err(CommitError::PushConflict(conflicts)),
            PushLanding::Unrelated => Err(CommitError::Unrelated),
        }
    }

    /// Returns whom a change is checked for, and when.
    pub(super) fn context<'a>(
        &'a self,
        principal: &'a Principal,
        mounts: &'a MountTable,
        mounting: Mounting,
    ) -> Context<'a> {
        let mounts = Mounts { table: Some(mounts), are_changed: mounting == Mounting::Changes };
        Context { principal, namespace: &self.namespace, now_ms: self.clock.now_ms(), mounts }
    }

    /// Returns the name to keep with a revision. Where nobody is authenticated there is none.
    pub(super) fn name_of(principal: &Principal) -> Option<&str> {
        Some(principal.name.as_str()).filter(|name| *name != Principal::open().name.as_str())
    }

    pub(super) fn steps(&self) -> MutexGuard<'_, Steps> {
        // Steps that a panic cut short do not lead to the head, and are forgotten for that.
        self.steps.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn meta(&self, author: Person, message: String) -> CommitMeta {
        CommitMeta { author, committer: bus(), time_ms: self.clock.now_ms(), message }
    }
}

/// A foreign write means that somebody works around the gate: it is never silent.
fn report(write: &ForeignWrite) {
    let outcome = match write {
        ForeignWrite::None => return,
        ForeignWrite::Adopted(head) => {
            tracing::warn!(commit = %head.commit, "adopted a foreign write to main");
            "adopted"
        }
        ForeignWrite::Restored { found, kept_as } => {
            let found = found.map_or_else(|| "a deletion".to_owned(), |commit| commit.to_string());
            let kept_as = kept_as.as_deref().unwrap_or("nothing");
            tracing::error!(found, kept_as, "put main back after a foreign write");
            "restored"
        }
    };
    metrics::counter!("configbus_server_foreign_writes_total", "outcome" => outcome).increment(1);
}

/// A push of the head itself is one that was made twice. Anything else that brings nothing new wants `main` moved back.
fn already_head(running: Option<&HeadCommit>, tip: CommitId) -> Result<(CommitId, How), CommitError> {
    if running.is_some_and(|head| head.commit == tip) { Ok((tip, How::Unchanged)) } else { Err(nothing_new(running)) }
}

/// Who commits what the bus makes.
pub(super) fn bus() -> Person {
    Person { name: "configbus".into(), email: "configbus@localhost".into() }
}

pub(super) fn nothing_new(running: Option<&HeadCommit>) -> CommitError {
    CommitError::NothingNew { head: running.map_or(Revision::ZERO, |head| head.revision) }
}

fn merge_message(change: &PushChange) -> String {
    let subject = format!("Merge {:.12} into main", change.tip);
    match &change.reason {
        Some(reason) => format!("{subject}\n\nReason: {reason}\n"),
        None => format!("{subject}\n"),
    }
}

/// Finds what is at a path of the head that edits are held to.
pub(crate) type Find<'a> = &'a dyn Fn(&ConfigPath) -> Result<Option<At>, ReadError>;

/// Holds every edit to its expectation, and returns what to write when all hold.
pub(crate) fn expect_and_convert(
    store: &Store,
    running: Option<&HeadCommit>,
    find: Find<'_>,
    edits: &[Edit],
) -> Result<Vec<TreeEdit>, CommitError> {
    let mut mismatches = Vec::new();
    for edit in edits {
        mismatches.extend(mismatch(store, running, find, edit)?);
    }
    if mismatches.is_empty() {
        Ok(edits.iter().map(tree_edit).collect())
    } else {
        Err(CommitError::Mismatch(mismatches))
    }
}

fn mismatch(
    store: &Store,
    running: Option<&HeadCommit>,
    find: Find<'_>,
    edit: &Edit,
) -> Result<Option<Mismatch>, CommitError> {
    let before = match edit.expected {
        Expected::Any => return Ok(None),
        Expected::UnchangedSince(revision) => match commit_at(store, revision)? {
            Some(then) => store.find(then.tree, &edit.path)?,
            None => None,
        },
        Expected::TreeUnchangedSince(revision) => {
            let then = commit_at(store, revision)?.map_or(TreeId::EMPTY, |then| then.tree);
            if let Some(head) = running.filter(|head| head.tree != then) {
                let (path, current) = (edit.path.clone(), find(&edit.path)?.map(|(_, id)| id));
                return Ok(Some(Mismatch { path, current, moved: Some((revision, head.revision)) }));
            }
            None
        }
        _ => None,
    };
    Ok(compare(edit, find(&edit.path)?, before))
}

/// Returns a revision; none is the namespace before its first commit.
fn commit_at(store: &Store, revision: Revision) -> Result<Option<HeadCommit>, CommitError> {
    if revision == Revision::ZERO {
        return Ok(None);
    }
    store.commit_at(revision)?.ok_or(CommitError::UnknownRevision { revision }).map(Some)
}

fn tree_edit(edit: &Edit) -> TreeEdit {
    let change = match &edit.wanted {
        Wanted::File { content, mode } => TreeChange::Put { mode: *mode, content: content.clone() },
        Wanted::Deleted => TreeChange::Delete,
    };
    TreeEdit { path: edit.path.clone(), change }
}

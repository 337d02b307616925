//! The last step, while the committer of `main` is held: the last commits, the policy, and the revision that moves the
//! directory.
//!
//! Everything that may take long was done before and is only followed up here. What turns out to be more than that is let go
//! of, with `main` as it was, and done before the next attempt.

use super::pending::Pending;
use super::plan::{Plan, policy_edits};
use crate::bus::Bus;
use crate::failure::Failure;
use crate::namespace::{LiveNamespace, Reservation, mounts_at, mounts_path};
use configbus_gitstore::{
    CommitMeta, EditLanding, ExtractError, Extraction, HeadCommit, MoveHeadError, Person, Store, TreeChange, TreeEdit,
};
use configbus_model::{CommitId, ConfigPath, Mount, Namespace, Position};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;

/// Longest time for following up: with what comes after it, nobody waits for a second.
const FOLLOW_UP_MAX: Duration = Duration::from_millis(400);

/// What became of an attempt.
pub(super) enum Attempted {
    /// The namespace is mounted.
    Done(Box<Done>),
    /// It would have taken too long, or what was found out before does not hold any more.
    Again(&'static str),
    /// It cannot be done. `main` is as it was.
    Failed(Failure),
}

/// A finished split.
pub(super) struct Done {
    pub(super) live: Arc<LiveNamespace>,
    pub(super) main: HeadCommit,
    pub(super) held: Duration,
}

/// What is handed over.
pub(super) struct Handover {
    pub(super) bus: Arc<Bus>,
    pub(super) namespace: Namespace,
    pub(super) prefix: ConfigPath,
    pub(super) author: Person,
    /// Kept with the revision of `main`; none where nobody is authenticated.
    pub(super) by: Option<String>,
    pub(super) pending: Pending,
    pub(super) plan: Box<Plan>,
    pub(super) copy: Store,
    pub(super) extraction: Mutex<Extraction>,
    pub(super) reservation: Reservation,
    pub(super) outcome: Mutex<Option<Attempted>>,
}

impl Handover {
    /// Does it, on the thread of the committer. Returns the new head of `main`, if there is one.
    pub(super) fn run(&self, main: &Store) -> Option<HeadCommit> {
        let started = Instant::now();
        let attempted = self.attempt(main, started).unwrap_or_else(Attempted::Failed);
        let head = if let Attempted::Done(done) = &attempted { Some(done.main) } else { None };
        *self.outcome.lock().unwrap_or_else(PoisonError::into_inner) = Some(attempted);
        head
    }

    fn attempt(&self, main: &Store, started: Instant) -> Result<Attempted, Failure> {
        let Some(head) = main.head() else { return Ok(Attempted::Again("main has no commit")) };
        let mut extraction = self.extraction.lock().unwrap_or_else(PoisonError::into_inner);
        match extraction.copy_to(&head, &mut |_| started.elapsed() < FOLLOW_UP_MAX) {
            Err(ExtractError::CalledOff) => return Ok(Attempted::Again("following up took too long")),
            copied => copied.map_err(|error| failure(error.kind(), &error))?,
        }
        if !self.plan.holds_at(main, &self.bus.gate, &self.prefix, &head)? {
            return Ok(Attempted::Again("the policy or files that it depends on changed"));
        }
        if started.elapsed() >= FOLLOW_UP_MAX {
            return Ok(Attempted::Again("following up took too long"));
        }
        let since = self.land_policy()?;
        self.pending.publish().map_err(|error| Failure::internal(&error))?;
        let commit = self.commit_in_main(main, &head, since);
        let moved = commit.map(|commit| self.move_main(main, &head, commit));
        match moved {
            Ok(Ok(landed)) => self.serve(landed, started),
            // It is not known whether `main` has moved. The next start finds out.
            Ok(Err(MoveHeadError::Write { path, source })) => {
                let error = MoveHeadError::Write { path, source };
                Err(Failure::internal(&error))
            }
            Ok(Err(error)) => {
                self.pending.clear().map_err(|error| Failure::internal(&error))?;
                Err(failure(error.kind(), &error))
            }
            Err(failure) => {
                self.pending.clear().map_err(|error| Failure::internal(&error))?;
                Err(failure)
            }
        }
    }

    /// Puts the translated policy on top of the history. Returns where the namespace is then.
    fn land_policy(&self) -> Result<Position, Failure> {
        let head = self.copy.head();
        let edits = policy_edits(&self.plan.policy)?;
        let message = format!("Bring the policy of main for {}\n", self.prefix);
        let meta = self.meta(message);
        let landing = self.copy.land_edits(head.as_ref(), &edits, &meta);
        let landed = match landing.map_err(|error| failure(error.kind(), &error))? {
            EditLanding::Unchanged => head,
            EditLanding::Landed { commit, .. } => {
                let expected = head.map(|head| head.commit);
                let moved = self.copy.move_head_for(self.by.as_deref(), expected, commit, meta.time_ms);
                Some(moved.map_err(|error| failure(error.kind(), &error))?)
            }
        };
        let landed = landed.ok_or_else(|| Failure::not_found(format!("nothing was ever at {}", self.prefix)))?;
        Ok(Position { epoch: self.bus.namespaces.data().epoch_of(&self.namespace), revision: landed.revision })
    }

    /// Makes the revision of `main` that takes the directory away and mounts the namespace there.
    fn commit_in_main(&self, main: &Store, head: &HeadCommit, since: Position) -> Result<CommitId, Failure> {
        let mount = Mount { prefix: self.prefix.clone(), namespace: self.namespace.clone(), since: Some(since) };
        let table = mounts_at(main, head.commit)?.with(mount)?;
        let mut content = serde_json::to_string_pretty(&table).map_err(|error| Failure::internal(&error))?;
        content.push('\n');
        let change = TreeChange::Put { mode: None, content: content.into() };
        let edits = [TreeEdit { path: mounts_path(), change }];
        let staged = main.stage_without(head.tree, &self.prefix, &edits);
        let staged = staged.map_err(|error| failure(error.kind(), &error))?;
        let revision = since.revision;
        // Whoever changes it from an old clone of `main` is told this subject with the conflict.
        let message = format!(
            "Split {0} off: it is /git/{1}.git now\n\nIts history goes on in the namespace {1} from {revision} on.\n",
            self.prefix, self.namespace
        );
        let meta = self.meta(message);
        let landing = main.land_staged(Some(head), &staged, &meta).map_err(|error| failure(error.kind(), &error))?;
        let EditLanding::Landed { commit, .. } = landing else {
            return Err(Failure::invalid(format!("{} is not in main", self.prefix)));
        };
        Ok(commit)
    }

    fn move_main(&self, main: &Store, head: &HeadCommit, commit: CommitId) -> Result<HeadCommit, MoveHeadError> {
        main.move_head_for(self.by.as_deref(), Some(head.commit), commit, self.bus.clock.now_ms())
    }

    /// Opens the namespace before anybody sees that it is mounted.
    fn serve(&self, main: HeadCommit, started: Instant) -> Result<Attempted, Failure> {
        let added = Handle::current().block_on(self.bus.namespaces.add_reserved(&self.reservation, &self.namespace));
        // The split is durable: whatever fails from here on, the next start makes good.
        if let Err(error) = self.pending.finish() {
            tracing::warn!(namespace = %self.namespace, %error, "the note of a finished split stays");
        }
        let (live, _) = added?;
        Ok(Attempted::Done(Box::new(Done { live, main, held: started.elapsed() })))
    }

    fn meta(&self, message: String) -> CommitMeta {
        let committer = Person { name: "configbus".into(), email: "configbus@localhost".into() };
        CommitMeta { author: self.author.clone(), committer, time_ms: self.bus.clock.now_ms(), message }
    }
}

fn failure(kind: configbus_model::ErrorKind, error: &dyn std::error::Error) -> Failure {
    Failure::new(kind, configbus_runtime::report::chain(error))
}

//! May these objects enter?

use super::dry_run::would_land;
use super::push::{Checked, Push, PushRefusal};
use crate::audit::change;
use crate::committer::{CommitError, count_outcome, landing_tree};
use crate::gate_time::GateDoor;
use crate::git_http::ref_rules::{RefRule, kept_only_line, rule_of};
use crate::namespace::LiveNamespace;
use configbus_gitstore::{CandidateView, HeadCommit, Quarantine, ReadError, Store};
use configbus_hooks::wire::{PreReceive, QuarantinePaths, ReferenceUpdate, Verdict};
use configbus_hooks::{
    CandidateError, Context, Gate, GitCandidate, Mounts, PushOptionError, PushOptions, Report, Style,
};
use configbus_model::{CommitId, ErrorKind, ObjectId, TreeId, at_most};
use configbus_runtime::report;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

/// Why a push is refused before its objects enter.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error(transparent)]
    Reference(#[from] crate::git_http::ref_rules::RefRefusal),
    #[error(transparent)]
    Option(#[from] PushOptionError),
    #[error("dry-run is for main: {reference} would be stored")]
    DryRunElsewhere { reference: String },
    #[error(
        "this push names too many references; push them in several: found {found} references, expected {}",
        at_most(max, "references", "limits.push_references_max")
    )]
    TooManyReferences { found: usize, max: usize },
    #[error("{reference} is {object}, which is no commit")]
    NoCommit { reference: String, object: ObjectId },
    #[error("git handed the objects over without a quarantine")]
    NoQuarantine,
    #[error(transparent)]
    Landing(#[from] CommitError),
    #[error("{landing}")]
    ShapesAndLanding { report: Box<Report>, landing: CommitError },
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Candidate(#[from] CandidateError),
}

impl Refusal {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Reference(_)
            | Self::DryRunElsewhere { .. }
            | Self::TooManyReferences { .. }
            | Self::NoCommit { .. } => ErrorKind::Invalid,
            Self::Option(error) => error.kind(),
            Self::NoQuarantine => ErrorKind::Internal,
            Self::Landing(error) => error.kind(),
            Self::ShapesAndLanding { .. } => ErrorKind::Rejected,
            Self::Read(error) => error.kind(),
            Self::Candidate(error) => error.kind(),
        }
    }

    /// Returns what the pusher reads. A report speaks for itself; what is the server's fault goes to the log as well.
    fn text(&self) -> String {
        match self {
            Self::Landing(CommitError::Rejected(findings)) => format!("\n{}", findings.render(Style::REMOTE)),
            Self::ShapesAndLanding { report, landing } => format!("\n{}{landing}", report.render(Style::REMOTE)),
            error if error.kind() == ErrorKind::Internal => {
                let chain = report::chain(error);
                tracing::error!("cannot check a push: {chain}");
                chain
            }
            error => error.to_string(),
        }
    }
}

/// What the audit log says of a refusal: which files, and why without what is in them.
impl From<&Refusal> for PushRefusal {
    fn from(refusal: &Refusal) -> Self {
        let report = match refusal {
            Refusal::Landing(CommitError::Rejected(report)) => Some(report),
            Refusal::ShapesAndLanding { report, .. } => Some(&**report),
            _ => None,
        };
        match (report, refusal) {
            (Some(report), _) => {
                let paths: BTreeSet<&String> = report.findings.iter().map(|finding| &finding.path).collect();
                Self { reason: change::reason_of_report(report), paths: paths.into_iter().cloned().collect() }
            }
            (None, Refusal::Landing(CommitError::PushConflict(conflicts))) => {
                let paths = conflicts.iter().map(|conflict| conflict.path.to_string()).collect();
                Self { reason: refusal.kind().to_string(), paths }
            }
            (None, _) => Self { reason: format!("{}: {refusal}", refusal.kind()), paths: Vec::new() },
        }
    }
}

/// Judges a push and remembers the verdict for proc-receive.
pub(super) async fn judge(live: &Arc<LiveNamespace>, push: &Arc<Push>, now_ms: u64, request: PreReceive) -> Verdict {
    let (updates, references_max) = (request.updates.clone(), live.limits.push_references_max);
    let (store, gate, asker) = (live.store.clone(), Arc::clone(&live.gate), Arc::clone(push));
    let mounts = live.mounts.current();
    let judged = live.check_push(move || {
        let mounts = Mounts { table: Some(&mounts), are_changed: false };
        let context = Context { principal: &asker.caller.principal, namespace: &asker.namespace, now_ms, mounts };
        let (found, max) = (request.updates.len(), references_max);
        if found > max {
            return Err(Refusal::TooManyReferences { found, max });
        }
        Judge { store: &store, gate: &gate, context }.check(&request)
    });
    match judged.await {
        Ok(Accepted { options, head, text, overridden }) => {
            let head = head.map(|head| head.commit);
            let is_accepted = push.accept(Checked { updates, options, head, overridden });
            Verdict { is_accepted, text }
        }
        Err(refusal) => {
            let kind = refusal.kind().as_str();
            count_outcome(kind);
            push.refuse(PushRefusal::from(&refusal));
            tracing::info!(namespace = %push.namespace, reason = kind, "refused a push to {}", push.namespace);
            Verdict { is_accepted: false, text: refusal.text() }
        }
    }
}

struct Accepted {
    options: PushOptions,
    head: Option<HeadCommit>,
    text: String,
    overridden: Vec<String>,
}

/// What one push is judged with.
struct Judge<'a> {
    store: &'a Store,
    gate: &'a Gate,
    context: Context<'a>,
}

impl Judge<'_> {
    fn check(&self, request: &PreReceive) -> Result<Accepted, Refusal> {
        let options = PushOptions::parse(&request.push_options)?;
        let mut text = String::new();
        let mut landing = Vec::new();
        let (mut kept, mut overridden) = (Vec::new(), Vec::new());
        for update in &request.updates {
            match rule_of(&update.reference, update.new)? {
                RefRule::Land => landing.push(update),
                RefRule::KeepOnly if options.dry_run => {
                    return Err(Refusal::DryRunElsewhere { reference: update.reference.clone() });
                }
                RefRule::KeepOnly => {
                    let _ = writeln!(text, "{}", kept_only_line(self.context.namespace, &update.reference));
                    kept.push(update.new);
                }
            }
        }
        let head = self.store.head();
        let view = self.open(request.quarantine.as_ref())?;
        self.check_kept(&view, head.as_ref(), &kept)?;
        for update in landing {
            let report = self.check_landing(&view, head.as_ref(), update)?;
            if options.dry_run {
                let line = would_land(&view, self.context.namespace, head.as_ref(), CommitId::from(update.new))?;
                let _ = writeln!(text, "{line}");
            }
            overridden.extend(report.overridden.iter().cloned());
            if let Some(line) = report.override_line() {
                let _ = writeln!(text, "{line}");
            }
        }
        Ok(Accepted { options, head, text, overridden })
    }

    fn open(&self, quarantine: Option<&QuarantinePaths>) -> Result<CandidateView, Refusal> {
        let QuarantinePaths { object_dir, alternates } = quarantine.ok_or(Refusal::NoQuarantine)?.clone();
        Ok(self.store.open_quarantined(&Quarantine { object_dir, alternates })?)
    }

    fn check_kept(&self, view: &CandidateView, head: Option<&HeadCommit>, tips: &[ObjectId]) -> Result<(), Refusal> {
        if !tips.is_empty() {
            self.accept(&GitCandidate::undistributed(view, tips, head.map(|head| head.tree)))?;
        }
        Ok(())
    }

    /// Lands the tip on the head, in thought only, and holds what it brings and what would land to everything at once.
    fn check_landing(
        &self,
        view: &CandidateView,
        head: Option<&HeadCommit>,
        update: &ReferenceUpdate,
    ) -> Result<Report, Refusal> {
        let no_commit = || Refusal::NoCommit { reference: update.reference.clone(), object: update.new };
        let tip = view.peel_to_commit(update.new)?.ok_or_else(no_commit)?;
        if tip.object_id() != update.new {
            return Err(no_commit());
        }
        let (tips, base) = ([update.new], head.map(|head| head.tree));
        if head.is_some_and(|head| head.commit == tip) {
            // What else was sent would be in the repository all the same.
            return self.accept(&GitCandidate::undistributed(view, &tips, base));
        }
        match trial(view, head, tip) {
            Ok(tree) => self.accept(&GitCandidate::push(view, &tips, base, tree)),
            // A tree with refused names may not be readable far enough for a merge; then the pushed one tells what it can.
            Err(error) if error.kind() == ErrorKind::Rejected => {
                self.accept(&GitCandidate::push(view, &tips, base, view.tree_of(tip)?))?;
                Err(error.into())
            }
            Err(landing) => match self.ask_gate(&GitCandidate::undistributed(view, &tips, base))? {
                report if report.is_accepted() => Err(landing.into()),
                report => Err(Refusal::ShapesAndLanding { report: report.into(), landing }),
            },
        }
    }

    fn accept(&self, candidate: &GitCandidate<'_>) -> Result<Report, Refusal> {
        let report = self.ask_gate(candidate)?;
        if report.is_accepted() { Ok(report) } else { Err(CommitError::Rejected(report).into()) }
    }

    fn ask_gate(&self, candidate: &GitCandidate<'_>) -> Result<Report, CandidateError> {
        GateDoor::Push.check(self.gate, candidate, &self.context)
    }
}

fn trial(view: &CandidateView, head: Option<&HeadCommit>, tip: CommitId) -> Result<TreeId, CommitError> {
    landing_tree(view.trial_merge(head.map(|head| head.commit), tip)?, head)
}

/// Checks a push that was accepted on another head, on the present one, and returns that. Its objects are in the repository.
pub(super) async fn check_again(
    live: &Arc<LiveNamespace>,
    push: &Push,
    now_ms: u64,
    tip: CommitId,
) -> Result<Option<CommitId>, CommitError> {
    let (store, gate, caller) = (live.store.clone(), Arc::clone(&live.gate), Arc::clone(&push.caller.principal));
    let (namespace, mounts) = (push.namespace.clone(), live.mounts.current());
    let checked = live.check_push(move || {
        let mounts = Mounts { table: Some(&mounts), are_changed: false };
        let context = Context { principal: &caller, namespace: &namespace, now_ms, mounts };
        let (head, view) = (store.head(), store.open_candidate()?);
        let tree = trial(&view, head.as_ref(), tip)?;
        let candidate = GitCandidate::step(&view, head.map(|head| head.tree), tree);
        let report = GateDoor::Push.check(&gate, &candidate, &context)?;
        if report.is_accepted() { Ok(head.map(|head| head.commit)) } else { Err(CommitError::Rejected(report)) }
    });
    checked.await
}

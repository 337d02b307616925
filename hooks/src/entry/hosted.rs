//! `pre-receive` of a repository that no server looks after: the same gate, in the hook itself.
//!
//! Nothing can be merged on the pusher's behalf here, so a push has to keep the head on the first-parent chain: that is what
//! makes a revision of a commit.

use super::{error::HookError, updates};
use crate::{
    CandidateError, Context, Gate, GitCandidate, PushOptions, ReferenceKind, Report, Style, wire::ReferenceUpdate,
};
use configbus_gitstore::{CandidateView, ReadError};
use configbus_model::{CommitId, ObjectId};
use std::{
    env,
    io::{BufRead, Write},
    process::ExitCode,
};

/// The branch that hosts follow.
const MAIN: &str = "refs/heads/main";

/// Why a push is refused that the gate would let through.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("{reference} cannot be deleted: undo a change with a new one, for example `git revert`")]
    Delete { reference: String },
    #[error("{reference} is not accepted here: push to main, to another branch or to a tag")]
    Reference { reference: String },
    #[error("{reference} is {object}, which is no commit")]
    NoCommit { reference: String, object: ObjectId },
    #[error(
        "this push would take the head of main, {head:.12}, off its first-parent chain: run `git pull --rebase` and push \
         again"
    )]
    NotOnHead { head: CommitId },
    #[error(transparent)]
    Option(#[from] crate::PushOptionError),
    #[error("push option \"reason\" has no place here: a hosted repository keeps no log but its commits")]
    Reason,
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Candidate(#[from] CandidateError),
}

pub(super) fn run(
    input: &mut impl BufRead,
    pusher: &mut impl Write,
    gate: &Gate,
    context: &Context<'_>,
) -> Result<ExitCode, HookError> {
    let lines = input.split(b'\n').map(|line| updates::parse_update(&line?));
    let updates = lines.collect::<Result<Vec<_>, HookError>>()?;
    let options = updates::push_options(|name| env::var_os(name))?;
    let judge = Judge { gate, context };
    match judge.check(&updates, &options) {
        Ok(Verdict::Accepted) => Ok(ExitCode::SUCCESS),
        Ok(Verdict::DryRun) => {
            writeln!(pusher, "dry run: valid, and refused so that nothing lands")?;
            Ok(ExitCode::FAILURE)
        }
        Ok(Verdict::Rejected(report)) => {
            write!(pusher, "\n{}", report.render(Style::REMOTE))?;
            Ok(ExitCode::FAILURE)
        }
        Err(refusal) => {
            writeln!(pusher, "configbus: {}", super::error::chain_of(&refusal))?;
            Ok(ExitCode::FAILURE)
        }
    }
}

enum Verdict {
    Accepted,
    DryRun,
    Rejected(Report),
}

struct Judge<'a> {
    gate: &'a Gate,
    context: &'a Context<'a>,
}

impl Judge<'_> {
    fn check(&self, updates: &[ReferenceUpdate], options: &[String]) -> Result<Verdict, Refusal> {
        let options = PushOptions::parse(options)?;
        if options.reason.is_some() {
            return Err(Refusal::Reason);
        }
        let view = CandidateView::open_from_env()?;
        for update in updates {
            let report = self.check_update(&view, update)?;
            if !report.is_accepted() {
                return Ok(Verdict::Rejected(report));
            }
        }
        Ok(if options.dry_run { Verdict::DryRun } else { Verdict::Accepted })
    }

    fn check_update(&self, view: &CandidateView, update: &ReferenceUpdate) -> Result<Report, Refusal> {
        let reference = || update.reference.clone();
        let is_main = update.reference == MAIN;
        if !is_main && ReferenceKind::of(&update.reference) != ReferenceKind::Undistributed {
            return Err(Refusal::Reference { reference: reference() });
        }
        if update.new.is_zero() {
            return if is_main { Err(Refusal::Delete { reference: reference() }) } else { Ok(Report::default()) };
        }
        let head = view.head()?;
        let base = head.map(|head| view.tree_of(head)).transpose()?;
        let tips = [update.new];
        if !is_main {
            return Ok(self.gate.check(&GitCandidate::undistributed(view, &tips, base), self.context)?);
        }
        let no_commit = || Refusal::NoCommit { reference: reference(), object: update.new };
        let tip = view.peel_to_commit(update.new)?.filter(|tip| tip.object_id() == update.new).ok_or_else(no_commit)?;
        if let Some(head) = head
            && !view.is_fast_forward(head, tip)?
        {
            return Err(Refusal::NotOnHead { head });
        }
        Ok(self.gate.check(&GitCandidate::push(view, &tips, base, view.tree_of(tip)?), self.context)?)
    }
}

//! The steps of a delivery that read and write the disk.

use super::{
    decision::{Occasion, Step, step},
    error::PlaceError,
    intact::is_intact,
    ledger::{Ledger, Record, Stage},
    owner::OwnerIds,
    rule::Deliver,
    source::Source,
    staged::{Staged, clear_leftovers},
};
use crate::delivery::DiskError;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// What a delivery needs, and the copy for it.
#[derive(Debug)]
pub(super) enum Prepared {
    /// The bus has no such path.
    Absent,
    /// Everything is as it should be, except for the failure of the command then.
    Rest { failure: Option<String> },
    /// The same content was refused before.
    StayRefused,
    /// It has its place already, and its command has not ended.
    Tell { digest: String },
    /// It waits beside its place.
    Staged { digest: String, staged: Staged },
}

/// What was placed, and what of it was seen last.
#[derive(Debug)]
pub(super) struct Shelf {
    ledger: Ledger,
    seen: BTreeMap<PathBuf, (Source, String)>,
}

impl Shelf {
    /// Opens the ledger and removes what an earlier life left.
    pub(super) fn open(folder: &Path, rules: &[Deliver]) -> Result<Self, DiskError> {
        let mut ledger = Ledger::open(folder)?;
        ledger.keep(|to| rules.iter().any(|rule| rule.to == to));
        rules.iter().for_each(|rule| clear_leftovers(&rule.to));
        Ok(Self { ledger, seen: BTreeMap::new() })
    }

    /// Finds out what a delivery needs, and makes the copy.
    pub(super) fn prepare(&mut self, rule: &Deliver, view: &Path, occasion: Occasion) -> Result<Prepared, PlaceError> {
        let Some(source) = Source::survey(view, &rule.path)? else {
            self.seen.remove(&rule.to);
            return Ok(Prepared::Absent);
        };
        let owner = rule.owner.as_ref().map_or(Ok(OwnerIds::default()), |owner| owner.resolve())?;
        let digest = self.digest(rule, &source, owner)?;
        let record = self.ledger.of(&rule.to);
        let (ours, failure) = record.map_or((false, None), |record| (record.ours, record.failure.clone()));
        match step(record, &digest, occasion, || is_intact(&source, rule, owner)) {
            Step::Rest => Ok(Prepared::Rest { failure }),
            Step::StayRefused => Ok(Prepared::StayRefused),
            Step::Tell => Ok(Prepared::Tell { digest }),
            Step::Place => {
                let staged = Staged::write(&source, rule, owner)?;
                staged.check_place(ours)?;
                Ok(Prepared::Staged { digest, staged })
            }
        }
    }

    /// Returns a name for content, permissions and owner together: another mode is placed like another content.
    fn digest(&mut self, rule: &Deliver, source: &Source, owner: OwnerIds) -> Result<String, PlaceError> {
        let content = match self.seen.get(&rule.to) {
            Some((seen, digest)) if source.is_unchanged_from(seen) => digest.clone(),
            _ => source.digest()?,
        };
        self.seen.insert(rule.to.clone(), (source.clone(), content.clone()));
        let number = |id: Option<u32>| id.map(|id| id.to_string()).unwrap_or_default();
        let (mode, user, group) = (rule.mode.map(String::from), number(owner.user), number(owner.group));
        Ok(format!("{content} {} {user}:{group}", mode.unwrap_or_else(|| "-".into())))
    }

    /// Lets a checked copy take its place. What is owed is noted before.
    pub(super) fn place(&mut self, rule: &Deliver, digest: &str, staged: Staged) -> Result<(), PlaceError> {
        self.note(rule, digest, Stage::Owed, None)?;
        staged.take_place()?;
        if rule.on_change.is_none() {
            self.note(rule, digest, Stage::Settled, None)?;
        }
        Ok(())
    }

    /// The check said no.
    pub(super) fn refuse(&mut self, rule: &Deliver, digest: &str) -> Result<(), PlaceError> {
        Ok(self.note(rule, digest, Stage::Refused, None)?)
    }

    /// The command ended.
    pub(super) fn settle(&mut self, rule: &Deliver, digest: &str, failure: Option<String>) -> Result<(), PlaceError> {
        Ok(self.note(rule, digest, Stage::Settled, failure)?)
    }

    fn note(&mut self, rule: &Deliver, digest: &str, stage: Stage, failure: Option<String>) -> Result<(), DiskError> {
        let ours = stage != Stage::Refused || self.ledger.of(&rule.to).is_some_and(|record| record.ours);
        self.ledger.note(&rule.to, Record { digest: digest.to_owned(), stage, ours, failure })
    }
}

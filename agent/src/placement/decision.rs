//! What a delivery needs. Pure.

use super::ledger::{Record, Stage};

/// The next step of one delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Everything is as it should be.
    Rest,
    /// The content that is wanted was refused before.
    StayRefused,
    /// The content takes its place, and its command follows.
    Place,
    /// The content has its place, and its command has not ended.
    Tell,
}

/// When the question is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Occasion {
    /// For the first time in this life: what is there may have been altered since, and so may what a check looks at.
    Start,
    /// After a flip.
    Flip,
}

/// Decides from what was noted. `is_intact` is asked only when it matters, because it reads both sides.
pub(super) fn step(record: Option<&Record>, digest: &str, occasion: Occasion, is_intact: impl Fn() -> bool) -> Step {
    let Some(record) = record.filter(|record| record.digest == digest) else { return Step::Place };
    match (record.stage, occasion) {
        (Stage::Refused, Occasion::Flip) => Step::StayRefused,
        (Stage::Settled, Occasion::Flip) => Step::Rest,
        (Stage::Settled, Occasion::Start) if is_intact() => Step::Rest,
        (Stage::Owed, _) if is_intact() => Step::Tell,
        (Stage::Refused | Stage::Settled | Stage::Owed, _) => Step::Place,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_owed_until_it_ends_and_a_refusal_stands_until_something_changes() {
        use {Occasion::*, Stage::*, Step::*};
        for (stage, occasion, same, intact, expected) in [
            (Settled, Flip, true, false, Rest),
            (Settled, Flip, false, true, Place),
            (Settled, Start, true, true, Rest),
            (Settled, Start, true, false, Place),
            (Owed, Flip, true, true, Tell),
            (Owed, Start, true, true, Tell),
            (Owed, Start, true, false, Place),
            (Refused, Flip, true, false, StayRefused),
            (Refused, Flip, false, false, Place),
            (Refused, Start, true, false, Place),
        ] {
            let record = Record { digest: if same { "new" } else { "old" }.into(), stage, ours: true, failure: None };
            let step = step(Some(&record), "new", occasion, || intact);
            assert_eq!(step, expected, "{stage:?} {occasion:?} same {same} intact {intact}");
        }
        assert_eq!(step(None, "new", Flip, || true), Place);
    }
}

use super::*;
use configbus_model::{CommitId, Epoch, Revision, TreeId};
use proptest::prelude::*;

fn head(revision: u64, commit: u8) -> Head {
    Head {
        epoch: Epoch::FIRST,
        revision: Revision(revision),
        commit: CommitId::from_bytes([commit; 20]),
        tree: TreeId::EMPTY,
        time_ms: 7,
        traceparent: None,
    }
}

fn main() -> Namespace {
    Namespace::main()
}

fn due(head: &Head, intent: Intent) -> Due {
    Due { namespace: main(), head: head.clone(), intent }
}

fn accepted(head: &Head) -> Ledger {
    let mut ledger = Ledger::default();
    ledger.accept(&main(), head, 100);
    ledger
}

#[test]
fn an_accepted_head_is_due_until_the_registry_has_it() {
    let mut ledger = accepted(&head(1, 1));
    assert_eq!(ledger.due(), [due(&head(1, 1), Intent::Announce)]);
    assert!(ledger.failed(&due(&head(1, 1), Intent::Announce), "away"));
    assert!(!ledger.failed(&due(&head(1, 1), Intent::Announce), "away"), "the same reason is no news");
    let unannounced = &ledger.unannounced()[&main()];
    assert_eq!((unannounced.since_ms, unannounced.attempts, unannounced.reason.as_deref()), (100, 2, Some("away")));
    ledger.answered(&due(&head(1, 1), Intent::Announce), &Announcement::Written);
    assert!(ledger.due().is_empty() && ledger.unannounced().is_empty());
}

#[test]
fn an_answer_about_an_overtaken_head_does_not_announce_the_newer_one() {
    let mut ledger = accepted(&head(1, 1));
    let first = ledger.due();
    ledger.accept(&main(), &head(2, 2), 101);
    ledger.answered(&first[0], &Announcement::Written);
    assert_eq!(ledger.due(), [due(&head(2, 2), Intent::Announce)]);
}

#[test]
fn a_value_that_git_does_not_know_is_corrected() {
    for found in [head(999_999, 9), head(5, 6)] {
        let mut ledger = accepted(&head(5, 5));
        let answer = if found.revision == Revision(5) {
            Announcement::Diverged(found)
        } else {
            Announcement::AlreadyNewer(found)
        };
        ledger.answered(&due(&head(5, 5), Intent::Announce), &answer);
        assert_eq!(ledger.due(), [due(&head(5, 5), Intent::Correct)]);
        ledger.answered(&due(&head(5, 5), Intent::Correct), &Announcement::Written);
        assert!(ledger.due().is_empty());
    }
}

#[test]
fn a_newer_value_that_was_accepted_meanwhile_is_no_error() {
    let mut ledger = accepted(&head(1, 1));
    let first = ledger.due();
    ledger.accept(&main(), &head(2, 2), 101);
    ledger.answered(&first[0], &Announcement::AlreadyNewer(head(2, 2)));
    assert!(ledger.due().is_empty());
}

#[test]
fn a_wrong_value_that_appears_later_is_noticed() {
    let mut ledger = accepted(&head(5, 5));
    ledger.answered(&due(&head(5, 5), Intent::Announce), &Announcement::Same);
    ledger.observe(&Heads::from([(main(), head(4, 4))]));
    assert!(ledger.due().is_empty(), "the registry's view may lag");
    ledger.observe(&Heads::from([(main(), head(6, 6))]));
    assert_eq!(ledger.due(), [due(&head(5, 5), Intent::Correct)]);
    assert_eq!(ledger.unannounced().len(), 1);
}

#[test]
fn a_doubted_head_is_checked_and_does_not_count_as_unannounced() {
    let mut ledger = accepted(&head(5, 5));
    ledger.answered(&due(&head(5, 5), Intent::Announce), &Announcement::Written);
    ledger.doubt();
    assert_eq!(ledger.due(), [due(&head(5, 5), Intent::Announce)]);
    assert!(ledger.unannounced().is_empty());
    assert!(!ledger.failed(&due(&head(5, 5), Intent::Announce), "away"));
    assert_eq!(ledger.due().len(), 1, "it stays due until it is checked");
}

#[test]
fn an_older_head_is_not_accepted() {
    let mut ledger = accepted(&head(5, 5));
    ledger.accept(&main(), &head(4, 4), 101);
    assert_eq!(ledger.due(), [due(&head(5, 5), Intent::Announce)]);
}

proptest! {
    /// Whatever a registry holds and loses, a ledger that is served until nothing is due has announced the newest
    /// accepted head.
    #[test]
    fn nothing_accepted_is_ever_forgotten(steps in prop::collection::vec((0u8..4, 1u64..30), 1..60)) {
        let mut ledger = Ledger::default();
        let mut registry: Option<Head> = None;
        let mut newest = None;
        for (step, revision) in steps {
            match step {
                0 => {
                    ledger.accept(&main(), &head(revision, 1), 0);
                    newest = newest.max(Some(revision));
                }
                1 => registry = Some(head(revision, 2)),
                2 => registry = None,
                _ => serve(&mut ledger, &mut registry),
            }
        }
        ledger.doubt();
        for _ in 0..3 {
            serve(&mut ledger, &mut registry);
        }
        prop_assert!(ledger.due().is_empty());
        if let Some(newest) = newest {
            prop_assert_eq!(registry, Some(head(newest, 1)));
        }
    }
}

fn serve(ledger: &mut Ledger, registry: &mut Option<Head>) {
    use crate::head_record::HeadRecord;
    for due in ledger.due() {
        let found = registry.clone().map(|head| HeadRecord { head, corrections: 0 });
        let record = match due.intent {
            Intent::Announce => HeadRecord::announce(found.as_ref(), &due.head),
            Intent::Correct => HeadRecord::correct(found.as_ref(), &due.head),
        };
        let answer = record.map_or_else(
            |answer| answer,
            |record| {
                *registry = Some(record.head);
                Announcement::Written
            },
        );
        ledger.answered(&due, &answer);
    }
}

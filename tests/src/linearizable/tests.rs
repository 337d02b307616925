use super::*;
use proptest::prelude::*;

fn entry(asked: u64, answered: u64, operation: Operation, outcome: Outcome) -> Entry {
    Entry { operation, outcome, asked, answered }
}

fn read(asked: u64, answered: u64, seen: u64) -> Entry {
    entry(asked, answered, Operation::Read, Outcome::Saw(Some(seen)))
}

fn write(asked: u64, answered: u64, to: u64) -> Entry {
    entry(asked, answered, Operation::Write { to: Some(to) }, Outcome::Done)
}

fn set(asked: u64, answered: u64, from: u64, to: u64, outcome: Outcome) -> Entry {
    entry(asked, answered, Operation::CompareAndSet { from: Some(from), to: Some(to) }, outcome)
}

#[test]
fn what_a_file_can_do_is_accepted() {
    let done = Outcome::Done;
    for history in [
        vec![],
        vec![entry(0, 1, Operation::Read, Outcome::Saw(None)), write(2, 3, 1), read(4, 5, 1)],
        // While a write is under way, some see it and some do not.
        vec![write(0, 1, 1), write(2, 9, 2), read(3, 4, 1), read(5, 6, 2), read(7, 8, 2)],
        // Of two at once one wins, and the other is told so.
        vec![write(0, 1, 1), set(2, 8, 1, 2, done), set(3, 7, 1, 3, Outcome::Conflict(Some(2)))],
        // Nobody knows of a write until somebody sees it, much later.
        vec![write(0, 1, 1), set(2, 3, 1, 2, Outcome::Unanswered), read(4, 5, 1), read(6, 7, 2)],
        vec![write(0, 1, 1), set(2, 3, 1, 2, Outcome::Unanswered), read(4, 5, 1), set(6, 7, 1, 3, done)],
        vec![
            entry(0, 1, Operation::CompareAndSet { from: None, to: Some(1) }, done),
            entry(2, 3, Operation::CompareAndSet { from: Some(1), to: None }, done),
            entry(4, 5, Operation::Read, Outcome::Saw(None)),
            entry(6, 7, Operation::Read, Outcome::Unanswered),
        ],
    ] {
        assert_eq!(check(&history), Ok(()), "{history:?}");
    }
}

#[test]
fn what_no_file_does_is_refused() {
    let done = Outcome::Done;
    for (what, history) in [
        ("an acknowledged write is lost", vec![write(0, 1, 1), write(2, 3, 2), read(4, 5, 1)]),
        ("nobody wrote what is read", vec![write(0, 1, 1), read(2, 3, 7)]),
        ("a write is seen before it is asked for", vec![write(0, 1, 1), read(2, 3, 2), write(4, 5, 2)]),
        ("two win on one content", vec![write(0, 1, 1), set(2, 9, 1, 2, done), set(3, 8, 1, 3, done)]),
        ("new, then old", vec![write(0, 1, 1), write(2, 9, 2), read(3, 4, 2), read(5, 6, 1)]),
        (
            "a write that was not answered is seen and then gone",
            vec![write(0, 1, 1), set(2, 3, 1, 2, Outcome::Unanswered), read(4, 5, 2), read(6, 7, 1)],
        ),
        ("refused although it fits", vec![write(0, 1, 1), set(2, 3, 1, 2, Outcome::Conflict(Some(1)))]),
        (
            "refused with what is no longer there",
            vec![write(0, 1, 1), write(2, 3, 2), set(4, 5, 9, 3, Outcome::Conflict(Some(1)))],
        ),
    ] {
        assert!(check(&history).is_err(), "{what}");
    }
}

#[test]
fn a_violation_names_what_cannot_be() {
    let stale = read(4, 5, 1);
    let violation = check(&[write(0, 1, 1), write(2, 3, 2), stale, read(6, 7, 2)]).unwrap_err();
    assert_eq!(violation, Violation { explained: 2, content: Some(2), stuck: vec![stale] });
}

/// Tries every order of all subsets that hold everything that was answered: slow, and plainly right.
fn check_slowly(history: &[Entry], content: Content) -> bool {
    let ends = |entry: &Entry| if entry.outcome == Outcome::Unanswered { u64::MAX } else { entry.answered };
    let explained = history.iter().all(|entry| entry.outcome == Outcome::Unanswered);
    explained
        || history.iter().enumerate().any(|(at, next)| {
            let is_first = history.iter().all(|other| next.asked <= ends(other));
            let rest = || [&history[..at], &history[at + 1..]].concat();
            is_first && step(content, next).is_some_and(|content| check_slowly(&rest(), content))
        })
}

fn any_entry() -> impl Strategy<Value = Entry> {
    let content = || prop_oneof![Just(None), (1..4_u64).prop_map(Some)];
    let operation = prop_oneof![
        content().prop_map(|seen| (Operation::Read, Outcome::Saw(seen))),
        (content(), any::<bool>()).prop_map(|(to, told)| (Operation::Write { to }, answer(told, Outcome::Done))),
        (content(), content(), any::<bool>())
            .prop_map(|(from, to, told)| (Operation::CompareAndSet { from, to }, answer(told, Outcome::Done))),
        (content(), content(), content())
            .prop_map(|(from, to, there)| (Operation::CompareAndSet { from, to }, Outcome::Conflict(there))),
    ];
    (operation, 0..12_u64, 1..6_u64).prop_map(|((operation, outcome), asked, took)| {
        // Moments are never shared.
        entry(asked * 2, (asked + took) * 2 + 1, operation, outcome)
    })
}

fn answer(told: bool, outcome: Outcome) -> Outcome {
    if told { outcome } else { Outcome::Unanswered }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]
    #[test]
    fn the_search_agrees_with_trying_everything(history in prop::collection::vec(any_entry(), 0..7)) {
        prop_assert_eq!(check(&history).is_ok(), check_slowly(&history, None));
    }
}

//! Decisions of a subscription, one by one.

use super::{Action, Answer, Beat, Event, Failure, Greeting, Phase, Standing, Subscription, UpdatePart};
use crate::{
    Moment,
    delivery::{Awaited, Mounted, Remedy, Scope, Shown, fixture},
};
use bytes::Bytes;
use configbus_model::{CommitId, Head, Member, MemberRole, Namespace, Revision, TreeId, ViewName};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

const A: &str = "http://a";
const B: &str = "http://b";

fn head(revision: u64) -> Head {
    fixture::head(revision, TreeId::from_bytes([u8::try_from(revision).unwrap(); 20]))
}

fn shown(head: &Head) -> Shown {
    let (view, vector) = (ViewName::new(head.revision, 0), head.clone().into());
    Shown { view, vector, effective_tree: head.tree, flipped_ms: 0 }
}

fn standing(head: &Head) -> Standing {
    Standing { shown: Some(shown(head)), ..Standing::default() }
}

/// What a host says that holds this of `main`.
fn holding(head: Option<Head>) -> Greeting {
    let holding = head.map(|head| (Namespace::main(), head)).into_iter().collect();
    Greeting { holding, ..Greeting::default() }
}

fn at(ms: u64) -> Moment {
    Moment::default().after(Duration::from_millis(ms))
}

fn beat(revision: u64) -> Event {
    beat_with(revision, &[])
}

fn beat_with(revision: u64, members: &[(&str, u64)]) -> Event {
    let heads = |revision| BTreeMap::from([(Namespace::main(), head(revision))]);
    let member = |(url, revision): &(&str, u64)| Member {
        role: MemberRole::Store,
        id: (*url).to_owned(),
        incarnation: String::new(),
        url: (*url).to_owned(),
        heads: heads(*revision),
        subscribers: 0,
    };
    Event::Beat(Beat {
        heads: heads(revision),
        upstream_heads: heads(revision),
        members: members.iter().map(member).collect(),
        upstream_connected: true,
    })
}

fn part(from: Option<u64>, to: u64, part: u32, last: bool) -> UpdatePart {
    UpdatePart {
        namespace: Namespace::main(),
        to: head(to),
        from: from.map(head),
        part,
        last,
        total_bytes: 1,
        objects: Bytes::new(),
    }
}

fn update(from: Option<u64>, to: u64) -> Event {
    Event::Update(part(from, to, 0, true))
}

fn done(revision: u64) -> Event {
    Event::Delivered { namespace: Namespace::main(), to: head(revision), result: Ok(standing(&head(revision))) }
}

fn failed(revision: u64, remedy: Remedy) -> Event {
    let result = Err(Failure { remedy, reason: "because".into() });
    Event::Delivered { namespace: Namespace::main(), to: head(revision), result }
}

fn refused(revision: u64) -> Action {
    Action::Answer(Namespace::main(), head(revision), Answer::Refused("because".into()))
}

fn applied(revision: u64) -> Action {
    Action::Answer(Namespace::main(), head(revision), Answer::Applied(head(revision).tree))
}

/// A subscription to store `A` alone that holds a revision.
fn following(holding: u64) -> Subscription {
    following_one_of(&[A.to_owned()], holding)
}

fn following_one_of(stores: &[String], holding: u64) -> Subscription {
    let mut machine = Subscription::new("host", stores, None, standing(&head(holding)), false);
    let opened = machine.step(at(0), Event::Wake);
    let expected = self::holding(Some(head(holding)));
    assert!(matches!(&opened[..], [Action::Open { greeting, .. }] if *greeting == expected), "{opened:?}");
    assert_eq!(machine.step(at(1), Event::Opened), []);
    assert_eq!(machine.step(at(2), beat(holding)), []);
    machine
}

fn store_of(machine: &Subscription) -> String {
    match machine.status().phase {
        Phase::Opening { store } | Phase::Following { store, .. } => store,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_update_is_handed_on_and_answered() {
    let mut machine = following(1);
    let first = part(Some(1), 2, 0, false);
    assert_eq!(machine.step(at(10), Event::Update(first.clone())), [Action::Deliver(first)]);
    assert_eq!(machine.step(at(11), Event::Taken), []);
    let last = part(Some(1), 2, 1, true);
    let observed = Action::Answer(Namespace::main(), head(2), Answer::Observed);
    assert_eq!(machine.step(at(12), Event::Update(last.clone())), [Action::Deliver(last), observed]);
    assert_eq!(machine.step(at(13), Event::Taken), []);
    assert_eq!(machine.step(at(14), done(2)), [applied(2)]);
}

#[test]
fn a_head_never_moves_back() {
    let mut machine = following(5);
    let answers = machine.step(at(10), update(None, 3));
    let reason = "r3 is older than r5, which this host shows".to_owned();
    assert_eq!(answers, [Action::Answer(Namespace::main(), head(3), Answer::Refused(reason))]);
    assert_eq!(machine.step(at(11), update(None, 5)), [applied(5)], "it is here already");
    machine.step(at(12), update(Some(5), 7));
    assert!(matches!(&machine.step(at(13), update(Some(5), 6))[..], [Action::Answer(_, _, Answer::Refused(_))]));
}

#[test]
fn another_history_is_counted_and_taken() {
    let mut machine = following(5);
    let mut other = part(None, 5, 0, true);
    other.to.commit = CommitId::from_bytes([9; 20]);
    assert!(matches!(&machine.step(at(10), Event::Update(other))[..], [Action::Deliver(_), Action::Answer(..)]));
    assert_eq!(machine.status().divergences, 1);
}

#[test]
fn namespaces_that_are_not_mounted_are_refused() {
    let mut machine = following(1);
    let other = UpdatePart { namespace: Namespace::parse("traffic").unwrap(), ..part(None, 9, 0, true) };
    let reason = "namespace traffic is not mounted on this host".to_owned();
    assert_eq!(
        machine.step(at(10), Event::Update(other)),
        [Action::Answer(Namespace::parse("traffic").unwrap(), head(9), Answer::Refused(reason))]
    );
    assert_eq!(machine.status().upstream[&Namespace::main()].head().unwrap().revision, Revision(1));
}

#[test]
fn missing_objects_are_asked_for_in_full_at_once() {
    let mut machine = following(1);
    machine.step(at(10), update(Some(1), 2));
    assert_eq!(machine.step(at(11), failed(2, Remedy::FullSync)), [refused(2), Action::Greet(holding(None))]);
    machine.step(at(12), update(None, 2));
    assert_eq!(machine.step(at(13), done(2)), [applied(2)]);
    machine.step(at(14), update(Some(2), 3));
    assert_eq!(machine.step(at(15), failed(3, Remedy::AskAgain)), [refused(3), Action::Greet(holding(Some(head(2))))]);
}

#[test]
fn a_full_disk_is_tried_again_after_a_while() {
    let mut machine = following(1);
    machine.step(at(10), update(Some(1), 2));
    assert_eq!(machine.step(at(11), failed(2, Remedy::Later)), [refused(2)]);
    assert_eq!(machine.status().refusals[0].reason, "because");
    let wake = machine.wake_at().unwrap();
    assert!(wake > Duration::from_millis(11) && wake < Duration::from_millis(600), "{wake:?}");
    let later = Moment { elapsed: wake, wall_ms: 0 };
    assert_eq!(machine.step(later, Event::Wake), [Action::Greet(holding(Some(head(1))))]);
    machine.step(later, update(Some(1), 2));
    assert_eq!(machine.step(later, done(2)), [applied(2)]);
    assert!(machine.status().refusals.is_empty());
}

#[test]
fn a_store_that_sends_broken_updates_twice_is_left() {
    let mut machine = following_one_of(&[A.to_owned(), B.to_owned()], 1);
    let first = store_of(&machine);
    machine.step(at(10), update(Some(1), 2));
    machine.step(at(11), failed(2, Remedy::FullSync));
    machine.step(at(12), update(None, 2));
    let actions = machine.step(at(13), failed(2, Remedy::FullSync));
    assert!(matches!(&actions[..], [_, Action::Open { greeting, .. }] if *greeting == holding(None)), "{actions:?}");
    assert_ne!(store_of(&machine), first);
}

#[test]
fn parts_out_of_order_are_refused_and_the_rest_is_dropped() {
    let mut machine = following(1);
    machine.step(at(10), Event::Update(part(Some(1), 2, 0, false)));
    let actions = machine.step(at(11), Event::Update(part(Some(1), 2, 2, false)));
    assert!(matches!(&actions[..], [Action::Abandon(_), Action::Answer(..), Action::Greet(_)]), "{actions:?}");
    assert_eq!(machine.step(at(12), Event::Update(part(Some(1), 2, 3, true))), []);
    assert!(matches!(&machine.step(at(13), update(Some(1), 2))[..], [Action::Deliver(_), _]));
}

#[test]
fn the_rest_of_an_update_that_failed_early_is_dropped() {
    let mut machine = following(1);
    machine.step(at(10), Event::Update(part(Some(1), 2, 0, false)));
    machine.step(at(11), Event::Taken);
    assert_eq!(machine.step(at(12), failed(2, Remedy::AskAgain)), [refused(2), Action::Greet(holding(Some(head(1))))]);
    assert_eq!(machine.step(at(13), Event::Update(part(Some(1), 2, 1, true))), []);
}

#[test]
fn a_silent_store_is_left_after_three_beats() {
    let mut machine = following_one_of(&[A.to_owned(), B.to_owned()], 1);
    let first = store_of(&machine);
    assert_eq!(machine.step(at(3_400), Event::Wake), []);
    assert_eq!(machine.wake_at(), Some(Duration::from_millis(3_502)));
    let actions = machine.step(at(3_502), Event::Wake);
    assert!(matches!(&actions[..], [Action::Close, Action::Open { .. }]), "{actions:?}");
    assert_ne!(store_of(&machine), first);
    assert!(machine.status().last_error.unwrap().contains("silent for 3500 ms"));
}

#[test]
fn a_stream_that_waits_for_the_disk_is_not_silent() {
    let mut machine = following(1);
    machine.step(at(10), Event::Update(part(Some(1), 2, 0, false)));
    assert_eq!(machine.step(at(60_000), Event::Wake), []);
    machine.step(at(60_000), Event::Taken);
    assert_eq!(machine.wake_at(), Some(Duration::from_millis(63_500)));
}

#[test]
fn the_host_moves_when_another_store_stays_ahead() {
    let mut machine = following(1);
    assert_eq!(machine.step(at(1_000), beat_with(1, &[(A, 1), (B, 3)])), []);
    assert_eq!(machine.step(at(2_000), beat_with(3, &[(A, 3), (B, 4)])), [], "it caught up with what was ahead");
    assert_eq!(machine.step(at(3_000), beat_with(4, &[(A, 4), (B, 5)])), []);
    let actions = machine.step(at(4_000), beat_with(4, &[(A, 4), (B, 5)]));
    assert_eq!(actions, [Action::Open { store: B.to_owned(), greeting: holding(Some(head(1))) }]);
}

#[test]
fn a_store_that_forgets_to_send_is_reminded() {
    let mut machine = following(1);
    for second in 1..=5 {
        assert_eq!(machine.step(at(second * 1_000), beat(2)), []);
    }
    assert_eq!(machine.step(at(6_000), beat(2)), [Action::Greet(holding(Some(head(1))))]);
    assert_eq!(machine.step(at(7_000), beat(2)), []);
}

#[test]
fn the_same_commit_with_another_tree_is_repaired_in_full() {
    let mut machine = following(1);
    let mut other = head(1);
    other.tree = TreeId::from_bytes([0xee; 20]);
    let heads = BTreeMap::from([(Namespace::main(), other)]);
    let beat = Event::Beat(Beat { heads, upstream_connected: true, ..Beat::default() });
    assert_eq!(machine.step(at(1_000), beat.clone()), []);
    assert_eq!(machine.step(at(6_000), beat), [Action::Greet(holding(None))]);
}

#[test]
fn damage_on_the_disk_is_repaired_in_full() {
    let mut machine = following(1);
    assert_eq!(machine.step(at(10), Event::Damaged("rot".into())), [Action::Greet(holding(None))]);
    assert!(matches!(&machine.step(at(11), update(None, 1))[..], [Action::Deliver(_), _]));
    assert_eq!(machine.step(at(12), done(1)), [applied(1)]);
    let mut machine = Subscription::new("host", &[A.to_owned()], None, standing(&head(1)), true);
    assert_eq!(machine.step(at(0), Event::Wake), [Action::Open { store: A.to_owned(), greeting: holding(None) }]);
}

#[test]
fn an_update_on_its_way_to_the_disk_survives_the_stream() {
    let mut machine = following(1);
    machine.step(at(10), update(Some(1), 2));
    assert_eq!(machine.step(at(11), Event::Closed("gone".into())), [Action::Close]);
    let wake = Moment { elapsed: machine.wake_at().unwrap(), wall_ms: 0 };
    assert_eq!(
        machine.step(wake, Event::Wake),
        [Action::Open { store: A.to_owned(), greeting: holding(Some(head(1))) }]
    );
    machine.step(wake, Event::Opened);
    assert_eq!(machine.step(wake, update(Some(1), 2)), [], "it is on its way already");
    assert_eq!(machine.step(wake, done(2)), [applied(2)]);
}

#[test]
fn an_update_that_breaks_off_is_forgotten() {
    let mut machine = following(1);
    machine.step(at(10), Event::Update(part(Some(1), 2, 0, false)));
    assert_eq!(machine.step(at(11), Event::Closed("gone".into())), [Action::Close, Action::Abandon(Namespace::main())]);
}

#[test]
fn the_server_is_asked_for_stores_and_again_when_none_works() {
    let server = || Some("http://server".to_owned());
    let mut machine = Subscription::new("host", &[], server(), Standing::default(), false);
    assert_eq!(machine.step(at(0), Event::Wake), [Action::Discover("http://server".into())]);
    assert_eq!(machine.step(at(1), Event::Discovered(Err("refused".into()))), []);
    assert_eq!(machine.status().last_error.as_deref(), Some("refused"));
    let wake = Moment { elapsed: machine.wake_at().unwrap(), wall_ms: 0 };
    assert_eq!(machine.step(wake, Event::Wake), [Action::Discover("http://server".into())]);
    let Event::Beat(beat) = beat_with(1, &[(A, 1)]) else { unreachable!() };
    let open = Action::Open { store: A.to_owned(), greeting: holding(None) };
    assert_eq!(machine.step(wake, Event::Discovered(Ok(beat.members))), [open]);
    assert_eq!(machine.step(wake, Event::Closed("down".into())), [Action::Close]);
    let mut asked = false;
    for _ in 0..5 {
        let wake = Moment { elapsed: machine.wake_at().unwrap(), wall_ms: 0 };
        for action in machine.step(wake, Event::Wake) {
            asked |= action == Action::Discover("http://server".into());
            let down = if asked { Event::Discovered(Ok(vec![])) } else { Event::Closed("down".into()) };
            machine.step(wake, down);
        }
    }
    assert!(asked);
}

#[test]
fn readers_refusals_are_passed_on_while_a_store_listens() {
    let mut machine = following(1);
    assert_eq!(machine.step(at(10), Event::ReaderRefused("because".into())), [refused(1)]);
    machine.step(at(11), Event::Closed("gone".into()));
    assert_eq!(machine.step(at(12), Event::ReaderRefused("because".into())), []);
}

fn traffic() -> Namespace {
    Namespace::parse("traffic").unwrap()
}

fn update_of(namespace: &Namespace, to: u64) -> Event {
    Event::Update(UpdatePart { namespace: namespace.clone(), ..part(None, to, 0, true) })
}

/// A host that holds one revision of `main`, and of `traffic` if any, and has the rest waiting.
fn mounted(main: u64, traffic: Option<u64>, parked: &[(Namespace, u64)]) -> Standing {
    let mut standing = standing(&head(main));
    if let Some(revision) = traffic {
        let mounted = Mounted { prefix: configbus_model::ConfigPath::parse("traffic").unwrap(), head: head(revision) };
        standing.shown.as_mut().unwrap().vector.mounted.insert(self::traffic(), mounted);
    }
    standing.wanted = BTreeSet::from([self::traffic()]);
    standing.parked = parked.iter().map(|(namespace, revision)| (namespace.clone(), head(*revision))).collect();
    if !parked.is_empty() {
        standing.awaited = vec![Awaited { namespace: self::traffic(), since: None }];
    }
    standing
}

fn delivered(namespace: Namespace, to: u64, standing: Standing) -> Event {
    Event::Delivered { namespace, to: head(to), result: Ok(standing) }
}

/// A host at r1 to which a revision that mounts `traffic` has come.
fn waiting() -> Subscription {
    let mut machine = following(1);
    machine.step(at(10), update(Some(1), 2));
    let standing = mounted(1, None, &[(Namespace::main(), 2)]);
    let actions = machine.step(at(11), delivered(Namespace::main(), 2, standing));
    assert_eq!(actions, [Action::Want(BTreeSet::from([traffic()]))]);
    machine
}

#[test]
fn a_mounted_namespace_is_asked_for_and_both_are_answered_when_readers_see_them() {
    let mut machine = waiting();
    assert!(matches!(&machine.step(at(12), update_of(&traffic(), 7))[..], [Action::Deliver(_), Action::Answer(..)]));
    let effective = head(2).tree;
    let answers = machine.step(at(13), delivered(traffic(), 7, mounted(2, Some(7), &[])));
    let applied_both = [
        Action::Answer(Namespace::main(), head(2), Answer::Applied(effective)),
        Action::Answer(traffic(), head(7), Answer::Applied(effective)),
    ];
    assert_eq!(answers, applied_both);
    machine.step(at(14), update_of(&traffic(), 8));
    let answers = machine.step(at(15), delivered(traffic(), 8, mounted(2, Some(8), &[])));
    assert_eq!(answers, [Action::Answer(traffic(), head(8), Answer::Applied(effective))]);
    let actions = machine.step(at(16), Event::Closed("gone".into()));
    assert_eq!(actions, [Action::Close]);
    let wake = Moment { elapsed: machine.wake_at().unwrap(), wall_ms: 0 };
    let held = BTreeMap::from([(Namespace::main(), head(2)), (traffic(), head(8))]);
    let greeting = Greeting { holding: held, wanted: BTreeSet::from([traffic()]) };
    assert_eq!(machine.step(wake, Event::Wake), [Action::Open { store: A.to_owned(), greeting }]);
}

#[test]
fn a_revision_that_waits_is_not_taken_twice_and_gives_way_to_a_newer_one() {
    let mut machine = waiting();
    assert_eq!(machine.step(at(12), update(Some(1), 2)), []);
    assert!(matches!(&machine.step(at(13), update(Some(1), 3))[..], [Action::Deliver(_), Action::Answer(..)]));
    assert_eq!(machine.step(at(14), failed(3, Remedy::Later)), [refused(3)]);
    assert!(matches!(&machine.step(at(15), update(Some(1), 2))[..], [Action::Deliver(_), Action::Answer(..)]));
}

#[test]
fn a_store_that_does_not_send_what_is_waited_for_is_not_waited_for_forever() {
    let mut machine = waiting();
    let mut last = vec![];
    for second in 1..=31 {
        machine.step(at(second * 1_000), beat(2));
        last = machine.step(at(second * 1_000), Event::Wake);
        assert!(second > 30 || last.is_empty(), "after {second} s: {last:?}");
    }
    assert_eq!(last, [Action::Expire]);
    assert_eq!(machine.step(at(31_001), failed(2, Remedy::Later)), [refused(2)]);
    machine.step(at(31_002), Event::Changed(standing(&head(1))));
    assert!(machine.wake_at().unwrap() < Duration::from_secs(33), "it is asked for again");
}

#[test]
fn what_may_not_be_read_is_passed_on_and_not_asked_for_again() {
    let mut machine = waiting();
    let scope = Scope { denied: [traffic()].into(), ..Scope::default() };
    assert_eq!(machine.step(at(12), Event::Scope(scope.clone())), [Action::Limit(scope)]);
    let standing = Standing { denied: [traffic()].into(), ..mounted(2, None, &[]) };
    assert_eq!(machine.step(at(13), Event::Changed(standing)), [applied(2)]);
    let heads = BTreeMap::from([(Namespace::main(), head(2)), (traffic(), head(9))]);
    for second in 1..10 {
        let beat = Beat { heads: heads.clone(), upstream_connected: true, ..Beat::default() };
        assert_eq!(machine.step(at(second * 1_000), Event::Beat(beat)), []);
    }
}

#[test]
fn each_namespace_recovers_by_itself_and_damage_concerns_all() {
    let held = mounted(2, Some(7), &[]);
    let mut machine = Subscription::new("host", &[A.to_owned()], None, held, false);
    machine.step(at(0), Event::Wake);
    machine.step(at(1), Event::Opened);
    let difference = UpdatePart { namespace: traffic(), ..part(Some(7), 8, 0, true) };
    machine.step(at(2), Event::Update(difference));
    let failure = Failure { remedy: Remedy::FullSync, reason: "because".into() };
    let failed = Event::Delivered { namespace: traffic(), to: head(8), result: Err(failure) };
    let greeting = |namespaces: &[(Namespace, u64)]| Greeting {
        holding: namespaces.iter().map(|(name, revision)| (name.clone(), head(*revision))).collect(),
        wanted: BTreeSet::from([traffic()]),
    };
    let refused = Action::Answer(traffic(), head(8), Answer::Refused("because".into()));
    assert_eq!(machine.step(at(3), failed), [refused, Action::Greet(greeting(&[(Namespace::main(), 2)]))]);
    assert_eq!(machine.status().refusals[0].namespace, traffic());
    assert_eq!(machine.step(at(4), Event::Damaged("rot".into())), [Action::Greet(greeting(&[]))]);
}

#[test]
fn what_is_not_mounted_any_more_is_let_go() {
    let held = mounted(2, Some(7), &[]);
    let mut machine = Subscription::new("host", &[A.to_owned()], None, held, false);
    machine.step(at(0), Event::Wake);
    machine.step(at(1), Event::Opened);
    let first = UpdatePart { namespace: traffic(), ..part(Some(7), 8, 0, false) };
    machine.step(at(2), Event::Update(first));
    machine.step(at(3), update(Some(2), 3));
    let actions = machine.step(at(4), done(3));
    assert_eq!(actions, [applied(3), Action::Abandon(traffic()), Action::Want(BTreeSet::new())]);
    assert_eq!(machine.status().upstream.len(), 1);
}

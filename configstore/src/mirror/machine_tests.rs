use super::*;
use crate::testing::{head, head_of};
use configbus_model::Revision;

/// A mirror with a clock that only moves when a test says so.
struct Bench {
    mirror: Mirror,
    now: Instant,
}

impl Bench {
    fn holding(held: Option<Head>) -> Self {
        Self { mirror: Mirror::new(held, None, 7), now: Instant::now() }
    }

    fn step(&mut self, event: Event) -> Vec<Action> {
        self.mirror.step(self.now, event)
    }

    /// Lets a rest end.
    fn wake(&mut self) -> Vec<Action> {
        self.now += REST_MAX;
        self.step(Event::Tick)
    }
}

fn found(head: &Head) -> Found {
    Found { commit: head.commit, tree: head.tree, revision: head.revision, committed_ms: head.time_ms, descends: true }
}

fn fetch(from: &Head, to: &Head) -> Action {
    Action::FetchPack { from: from.commit, to: to.commit }
}

#[test]
fn an_announced_head_is_fetched_adopted_and_then_published() {
    let mut bench = Bench::holding(Some(head(1)));
    assert_eq!(bench.step(Event::Announced(head(2))), [fetch(&head(1), &head(2))]);
    assert_eq!(bench.step(Event::Fetched(found(&head(2)))), [Action::Adopt(head(2))]);
    assert_eq!(bench.step(Event::Adopted), [Action::Publish(head(2))]);
}

#[test]
fn heads_that_arrive_meanwhile_are_fetched_in_one_go() {
    let mut bench = Bench::holding(Some(head(1)));
    bench.step(Event::Announced(head(2)));
    assert_eq!(bench.step(Event::Announced(head(3))), []);
    assert_eq!(bench.step(Event::Announced(head(4))), []);
    bench.step(Event::Fetched(found(&head(2))));
    assert_eq!(bench.step(Event::Adopted), [Action::Publish(head(2)), fetch(&head(2), &head(4))]);
}

#[test]
fn a_stale_announcement_moves_nothing() {
    let mut bench = Bench::holding(Some(head_of(2, 5, 0)));
    assert_eq!(bench.step(Event::Announced(head_of(2, 4, 0))), []);
    assert_eq!(bench.step(Event::Announced(head_of(1, 900, 0))), []);
    assert_eq!(bench.step(Event::Announced(head_of(2, 5, 0))), []);
    assert_eq!(bench.mirror.upstream_head(), Some(&head_of(2, 5, 0)));
}

#[test]
fn an_empty_mirror_asks_the_server_before_it_believes_anybody() {
    let mut bench = Bench::holding(None);
    assert_eq!(bench.step(Event::Announced(head_of(9, 900, 9))), [Action::AskServer]);
    let told = bench.step(Event::ServerSaid(Some(head(3))));
    assert_eq!(told, [Action::Count(Incident::Repair), Action::Fill]);
    assert_eq!(bench.step(Event::Filled(Some(found(&head(3))))), [Action::Adopt(head(3))]);
}

#[test]
fn an_empty_server_leaves_an_empty_mirror_at_rest() {
    let mut bench = Bench::holding(None);
    assert_eq!(bench.step(Event::ServerSaid(None)), []);
}

#[test]
fn revision_and_tree_come_from_what_was_fetched() {
    let mut bench = Bench::holding(Some(head(1)));
    let mut wrong = head(2);
    (wrong.revision, wrong.tree) = (Revision(99), head(77).tree);
    bench.step(Event::Announced(wrong));
    let actions = bench.step(Event::Fetched(found(&head(2))));
    let mut right = head(2);
    right.time_ms = 2;
    assert_eq!(actions, [Action::Count(Incident::Misannounced), Action::Adopt(right)]);
}

#[test]
fn a_forged_hint_is_dropped_and_does_not_hide_the_real_head() {
    let mut bench = Bench::holding(Some(head(10)));
    bench.step(Event::Announced(head_of(1, 999_999, 9)));
    assert_eq!(bench.step(Event::Announced(head(11))), []);
    assert_eq!(bench.step(Event::Failed(Failure::Unknown)), [Action::AskServer]);
    assert_eq!(bench.mirror.upstream_head(), Some(&head(10)));
    assert_eq!(bench.step(Event::ServerSaid(Some(head(11)))), [fetch(&head(10), &head(11))]);
}

#[test]
fn a_hint_cannot_raise_the_epoch_but_the_server_can() {
    let mut bench = Bench::holding(Some(head_of(1, 100, 0)));
    let restored = head_of(2, 95, 1);
    assert_eq!(bench.step(Event::Announced(restored.clone())), [Action::AskServer]);
    let told = bench.step(Event::ServerSaid(Some(restored.clone())));
    assert_eq!(told, [Action::Count(Incident::Repair), Action::Fill]);
    let filled = Found { descends: false, ..found(&restored) };
    assert_eq!(bench.step(Event::Filled(Some(filled))), [Action::Adopt(restored)]);
}

#[test]
fn a_new_epoch_of_the_same_commit_needs_no_objects() {
    let mut bench = Bench::holding(Some(head_of(1, 5, 0)));
    let raised = Head { epoch: configbus_model::Epoch(2), ..head_of(1, 5, 0) };
    assert_eq!(bench.step(Event::ServerSaid(Some(raised.clone()))), [Action::Adopt(raised)]);
}

#[test]
fn the_same_revision_with_another_commit_is_counted_and_the_servers_taken() {
    let mut bench = Bench::holding(Some(head_of(1, 5, 0)));
    let other = head_of(1, 5, 1);
    let hinted = bench.step(Event::Announced(other.clone()));
    assert_eq!(hinted, [Action::Count(Incident::Diverged), Action::AskServer]);
    let told = bench.step(Event::ServerSaid(Some(other.clone())));
    assert_eq!(told, [Action::Count(Incident::Diverged), Action::Count(Incident::Repair), Action::Fill]);
    let filled = Found { descends: false, ..found(&other) };
    assert_eq!(bench.step(Event::Filled(Some(filled))), [Action::Adopt(other)]);
}

#[test]
fn a_server_that_lost_history_is_counted_once_and_not_followed_back() {
    let mut bench = Bench::holding(Some(head(10)));
    assert_eq!(bench.step(Event::ServerSaid(Some(head(8)))), [], "it may have crossed with an announcement");
    assert_eq!(bench.step(Event::ServerSaid(Some(head(8)))), [Action::Count(Incident::ServerBehind)]);
    assert_eq!(bench.step(Event::ServerSaid(Some(head(8)))), []);
    assert_eq!(bench.mirror.upstream_head(), Some(&head(10)));
}

#[test]
fn another_lineage_is_followed_only_on_the_servers_word() {
    let other = head_of(1, 12, 1);
    let apart = Found { descends: false, ..found(&other) };
    let mut bench = Bench::holding(Some(head(10)));
    bench.step(Event::Announced(other.clone()));
    let refused = bench.step(Event::Fetched(apart));
    assert_eq!(refused, [Action::Count(Incident::Diverged), Action::AskServer]);
    bench.step(Event::ServerSaid(Some(other.clone())));
    let taken = bench.step(Event::Fetched(apart));
    assert_eq!(taken, [Action::Count(Incident::Diverged), Action::Adopt(other)]);
}

#[test]
fn repairs_go_from_fill_to_rebuild() {
    let mut bench = Bench::holding(Some(head(1)));
    bench.step(Event::Announced(head(2)));
    let fill = [Action::Count(Incident::Repair), Action::Fill];
    assert_eq!(bench.step(Event::Failed(Failure::Damaged)), fill);
    assert!(matches!(bench.step(Event::Failed(Failure::Damaged))[..], [Action::WakeAt(_)]));
    assert_eq!(bench.wake(), [Action::Count(Incident::Repair), Action::Rebuild]);
    assert_eq!(bench.step(Event::Filled(Some(found(&head(2)))))[1..], [Action::Adopt(head(2))]);
}

#[test]
fn a_damaged_mirror_at_the_head_is_rebuilt_and_put_in_place() {
    let mut bench = Bench::holding(Some(head(1)));
    bench.step(Event::ServerSaid(Some(head(1))));
    assert_eq!(bench.step(Event::Damaged), [Action::Count(Incident::Repair), Action::Rebuild]);
    assert_eq!(bench.step(Event::Filled(Some(found(&head(1))))), [Action::Adopt(head(1))]);
    assert_eq!(bench.step(Event::Adopted), [Action::Publish(head(1))]);
}

#[test]
fn damage_found_during_a_fill_still_leads_to_a_rebuild() {
    let mut bench = Bench::holding(None);
    bench.step(Event::ServerSaid(Some(head(1))));
    bench.step(Event::Damaged);
    bench.step(Event::Filled(Some(found(&head(1)))));
    let actions = bench.step(Event::Adopted);
    assert_eq!(actions, [Action::Publish(head(1)), Action::Count(Incident::Repair), Action::Rebuild]);
}

#[test]
fn an_unreachable_server_is_tried_again_when_it_answers_or_after_a_growing_pause() {
    let mut bench = Bench::holding(Some(head(1)));
    bench.step(Event::ServerSaid(Some(head(2))));
    let rest = |actions: Vec<Action>, now| match actions[..] {
        [Action::WakeAt(until)] => until - now,
        _ => panic!("expected a pause: {actions:?}"),
    };
    let first = rest(bench.step(Event::Failed(Failure::Unreachable)), bench.now);
    assert_eq!(bench.step(Event::Announced(head(3))), [], "announcements do not cut the pause short");
    assert_eq!(bench.step(Event::ServerSaid(Some(head(3)))), [fetch(&head(1), &head(3))]);
    for _ in 0..20 {
        let pause = rest(bench.step(Event::Failed(Failure::Unreachable)), bench.now);
        assert!(first <= REST_MIN && pause <= REST_MAX);
        assert_eq!(bench.wake(), [fetch(&head(1), &head(3))]);
    }
}

#[test]
fn a_fill_that_overtakes_the_servers_word_asks_again() {
    let mut bench = Bench::holding(None);
    bench.step(Event::ServerSaid(Some(head(3))));
    let actions = bench.step(Event::Filled(Some(found(&head(4)))));
    assert_eq!(actions, [Action::AskServer, Action::Adopt(head(4))]);
}

#[test]
fn a_fill_from_before_a_restore_is_not_taken_for_the_new_epoch() {
    let mut bench = Bench::holding(Some(head_of(1, 10, 0)));
    bench.step(Event::ServerSaid(Some(head_of(1, 10, 1))));
    bench.step(Event::ServerSaid(Some(head_of(2, 8, 2))));
    let old = Found { descends: false, ..found(&head_of(1, 10, 1)) };
    let actions = bench.step(Event::Filled(Some(old)));
    assert_eq!(actions, [Action::AskServer, Action::Adopt(head_of(1, 10, 1))]);
    bench.step(Event::Adopted);
    let told = bench.step(Event::ServerSaid(Some(head_of(2, 8, 2))));
    assert_eq!(told, [Action::Count(Incident::Repair), Action::Fill]);
}

#[test]
fn fetches_that_keep_failing_while_the_server_answers_lead_to_a_rebuild() {
    let mut bench = Bench::holding(None);
    let fill = [Action::Count(Incident::Repair), Action::Fill];
    assert_eq!(bench.step(Event::ServerSaid(Some(head(1)))), fill);
    for _ in 1..FETCH_FAILURES_MAX {
        bench.step(Event::Failed(Failure::Fetch));
        assert_eq!(bench.wake(), fill);
    }
    bench.step(Event::Failed(Failure::Fetch));
    assert_eq!(bench.wake(), [Action::Count(Incident::Repair), Action::Rebuild]);
}

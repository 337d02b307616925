use super::*;
use crate::{subscription::Answer, testing::head};
use configbus_runtime::ManualClock;

fn roster(subscribers_max: usize) -> (Arc<Roster>, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new(1_000));
    (Roster::new(clock.clone(), subscribers_max), clock)
}

fn identity(host: &str, incarnation: &str) -> HostIdentity {
    HostIdentity { host: host.into(), incarnation: incarnation.into(), ..HostIdentity::default() }
}

fn applied(revision: u64) -> Acknowledgement {
    let (namespace, head) = (Namespace::main(), head(revision));
    Acknowledgement { namespace, head, answer: Answer::Applied, effective_tree: None, reason: String::new() }
}

fn check_hosts(news: &News, expected: &[(&str, &str, bool)]) {
    let mut hosts: Vec<_> =
        news.hosts.iter().map(|host| (host.host.as_str(), host.incarnation.as_str(), host.connected)).collect();
    hosts.sort_unstable();
    assert_eq!(hosts, expected);
}

#[tokio::test]
async fn the_newer_stream_of_a_host_replaces_the_older_and_speaks_for_it() {
    let (roster, _) = roster(10);
    let first = roster.join(identity("a", "1")).unwrap();
    let second = roster.join(identity("a", "2")).unwrap();
    first.replaced().await;
    second.greet(identity("a", "2"), BTreeMap::new());
    second.acknowledge(&applied(7));
    first.acknowledge(&applied(3));
    drop(first);
    assert_eq!(*roster.subscribers().borrow(), 1);
    let news = roster.take_news("s", 10).await;
    check_hosts(&news, &[("a", "2", true)]);
    assert_eq!(news.hosts[0].applied[0].revision, 7);
}

#[tokio::test]
async fn a_full_store_refuses_new_hosts_but_not_those_that_come_back() {
    let (roster, _) = roster(1);
    let first = roster.join(identity("a", "1")).unwrap();
    assert_eq!(roster.join(identity("b", "1")).err(), Some(JoinError::Full { subscribers_max: 1 }));
    let again = roster.join(identity("a", "1")).unwrap();
    drop((first, again));
    roster.join(identity("b", "1")).unwrap();
}

#[tokio::test]
async fn news_are_told_once_in_bounded_portions_and_all_on_request() {
    let (roster, _) = roster(10);
    let seats: Vec<_> = ["a", "b", "c"].map(|host| roster.join(identity(host, "1")).unwrap()).into();
    for seat in &seats {
        seat.acknowledge(&applied(1));
    }
    assert_eq!(roster.take_news("s", 2).await.hosts.len(), 2);
    assert_eq!(roster.take_news("s", 2).await.hosts.len(), 1);
    check_hosts(&roster.take_all("s"), &[("a", "1", true), ("b", "1", true), ("c", "1", true)]);
    drop(seats);
    check_hosts(&roster.take_news("s", 10).await, &[("a", "1", false), ("b", "1", false), ("c", "1", false)]);
}

#[tokio::test]
async fn hosts_that_left_are_remembered_for_a_while_and_then_reported_gone() {
    let (roster, clock) = roster(10);
    drop(roster.join(identity("a", "1")).unwrap());
    roster.take_news("s", 10).await;
    roster.forget_gone();
    check_hosts(&roster.take_all("s"), &[("a", "1", false)]);
    clock.set(1_000 + REMEMBERED_MS + 1);
    roster.forget_gone();
    assert_eq!(roster.take_news("s", 10).await, News { hosts: Vec::new(), gone: vec!["a".into()] });
}

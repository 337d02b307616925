//! What every registry must do, as one suite.
//!
//! A [`Fixture`] makes a fresh bus and views of it. A registry whose views share one memory returns the same one each
//! time; one over a wire returns the server's side for [`Fixture::server`] and a client for [`Fixture::observer`].

#![allow(clippy::unwrap_used, reason = "a suite of tests")]

use crate::{Announcement, HeadRegistry, Heads, Registration, RegistrationState};
use async_trait::async_trait;
use configbus_model::{CommitId, Epoch, ErrorKind, Head, Member, MemberRole, Namespace, Revision, TreeId};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::sync::watch;

/// How long anything may take; never reached unless it never happens.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// Makes views of one bus, started.
#[async_trait]
pub trait Fixture: Send + Sync {
    /// Returns the registry of a server, the same one each time.
    async fn server(&self) -> Arc<dyn HeadRegistry>;
    /// Returns the registry of another process, a new one each time if the implementation allows it.
    async fn observer(&self) -> Arc<dyn HeadRegistry>;
}

/// Runs the suite; `fresh` makes a bus on which nothing has happened.
pub async fn check_registry<F: Fixture>(fresh: impl AsyncFn() -> F) {
    check_heads_reach_everybody(&fresh().await).await;
    check_heads_only_rise(&fresh().await).await;
    check_racing_announcements_leave_the_highest(&fresh().await).await;
    check_divergence_is_answered_and_changes_nothing(&fresh().await).await;
    check_a_wrong_head_is_corrected_for_everybody(&fresh().await).await;
    check_members_come_change_and_go(&fresh().await).await;
    check_a_younger_life_hides_an_older_one(&fresh().await).await;
    check_one_live_server_per_namespace(&fresh().await).await;
    check_members_that_cannot_be_listed_are_refused(&fresh().await).await;
}

/// Returns a head for tests; heads with the same arguments are equal.
pub fn head(revision: u64, commit: u8) -> Head {
    Head {
        epoch: Epoch::FIRST,
        revision: Revision(revision),
        commit: CommitId::from_bytes([commit; 20]),
        tree: TreeId::EMPTY,
        time_ms: 1_700_000_000_000 + revision,
        traceparent: None,
    }
}

/// Returns a member for tests.
pub fn member(role: MemberRole, id: &str, incarnation: &str) -> Member {
    Member {
        role,
        id: id.into(),
        incarnation: incarnation.into(),
        url: "http://127.0.0.1:7421".into(),
        heads: BTreeMap::new(),
        subscribers: 0,
    }
}

/// Waits until a channel holds what is expected; says what it holds instead otherwise.
pub async fn check_becomes<T: std::fmt::Debug + Clone>(
    what: &str,
    mut channel: watch::Receiver<T>,
    expected: impl Fn(&T) -> bool,
) -> T {
    let outcome = tokio::time::timeout(DEADLINE, channel.wait_for(|value| expected(value))).await;
    match outcome.map(|value| value.expect("the registry outlives its channels").clone()) {
        Ok(value) => value,
        Err(_) => panic!("{what}: still {:?}", *channel.borrow()),
    }
}

/// Waits until a registry is connected.
pub async fn check_connects(registry: &dyn HeadRegistry) {
    check_becomes("connection", registry.connection(), crate::Connection::is_connected).await;
}

/// Waits until a registry yields `head` for a namespace.
pub async fn check_yields(registry: &dyn HeadRegistry, namespace: &Namespace, head: &Head) {
    check_becomes("heads", registry.heads(), |heads: &Heads| heads.get(namespace) == Some(head)).await;
}

/// Waits until a registration has come to a state.
pub async fn check_state(registration: &Registration, expected: impl Fn(&RegistrationState) -> bool) {
    check_becomes("registration", registration.state(), expected).await;
}

/// Waits until exactly these `id-incarnation` are members.
pub async fn check_members(registry: &dyn HeadRegistry, expected: &[&str]) -> Vec<Member> {
    let names = |members: &Vec<Member>| members.iter().map(Member::node_name).collect::<Vec<_>>();
    check_becomes("members", registry.members(), |members| names(members) == expected).await
}

async fn check_heads_reach_everybody(fixture: &impl Fixture) {
    let (server, early) = (fixture.server().await, fixture.observer().await);
    let (main, traffic) = (Namespace::main(), Namespace::parse("traffic").expect("it is a name"));
    assert_eq!(server.announce(&main, &head(1, 1)).await.unwrap(), Announcement::Written);
    let traced =
        Head { traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into()), ..head(7, 7) };
    assert_eq!(server.announce(&traffic, &traced).await.unwrap(), Announcement::Written);
    let late = fixture.observer().await;
    for registry in [&server, &early, &late] {
        check_yields(registry.as_ref(), &main, &head(1, 1)).await;
        check_yields(registry.as_ref(), &traffic, &traced).await;
    }
}

async fn check_heads_only_rise(fixture: &impl Fixture) {
    let (server, observer) = (fixture.server().await, fixture.observer().await);
    let main = Namespace::main();
    assert_eq!(server.announce(&main, &head(5, 5)).await.unwrap(), Announcement::Written);
    assert_eq!(server.announce(&main, &head(5, 5)).await.unwrap(), Announcement::Same);
    assert_eq!(server.announce(&main, &head(4, 4)).await.unwrap(), Announcement::AlreadyNewer(head(5, 5)));
    let restored = Head { epoch: Epoch(Epoch::FIRST.0 + 1), ..head(3, 3) };
    check_yields(observer.as_ref(), &main, &head(5, 5)).await;
    assert_eq!(server.announce(&main, &restored).await.unwrap(), Announcement::Written);
    assert_eq!(server.announce(&main, &head(6, 6)).await.unwrap(), Announcement::AlreadyNewer(restored.clone()));
    check_yields(observer.as_ref(), &main, &restored).await;
}

async fn check_racing_announcements_leave_the_highest(fixture: &impl Fixture) {
    const LAST: u64 = 200;
    let (server, observer) = (fixture.server().await, fixture.observer().await);
    let main = Namespace::main();
    let mut heads = observer.heads();
    let watching = async {
        let mut revisions = vec![];
        while revisions.last() != Some(&LAST) {
            heads.changed().await.expect("the registry lives");
            revisions.extend(heads.borrow_and_update().get(&main).map(|head| head.revision.0));
        }
        revisions
    };
    // Two announcers, each in order, one of odd and one of even revisions.
    let announce = async |first: u64| {
        for revision in (first..=LAST).step_by(2) {
            server.announce(&main, &head(revision, 1)).await.unwrap();
        }
    };
    let both = async { tokio::join!(announce(1), announce(2), watching) };
    let (_, _, seen) = tokio::time::timeout(DEADLINE, both).await.expect("the last head arrives");
    assert!(seen.is_sorted(), "a head moved back: {seen:?}");
}

async fn check_divergence_is_answered_and_changes_nothing(fixture: &impl Fixture) {
    let (server, observer) = (fixture.server().await, fixture.observer().await);
    let main = Namespace::main();
    server.announce(&main, &head(5, 5)).await.unwrap();
    assert_eq!(server.announce(&main, &head(5, 6)).await.unwrap(), Announcement::Diverged(head(5, 5)));
    check_yields(observer.as_ref(), &main, &head(5, 5)).await;
    check_yields(server.as_ref(), &main, &head(5, 5)).await;
}

async fn check_a_wrong_head_is_corrected_for_everybody(fixture: &impl Fixture) {
    let (server, observer) = (fixture.server().await, fixture.observer().await);
    let main = Namespace::main();
    server.announce(&main, &head(999_999_999_999, 9)).await.unwrap();
    check_yields(observer.as_ref(), &main, &head(999_999_999_999, 9)).await;
    assert_eq!(server.correct(&main, &head(42, 1)).await.unwrap(), Announcement::Written);
    assert_eq!(server.correct(&main, &head(42, 1)).await.unwrap(), Announcement::Same);
    for registry in [&server, &observer, &fixture.observer().await] {
        check_yields(registry.as_ref(), &main, &head(42, 1)).await;
    }
    assert_eq!(server.announce(&main, &head(43, 2)).await.unwrap(), Announcement::Written);
    check_yields(observer.as_ref(), &main, &head(43, 2)).await;
    assert_eq!(server.correct(&main, &head(43, 3)).await.unwrap(), Announcement::Written);
    check_yields(observer.as_ref(), &main, &head(43, 3)).await;
}

async fn check_members_come_change_and_go(fixture: &impl Fixture) {
    let (server, a, b) = (fixture.server().await, fixture.observer().await, fixture.observer().await);
    let (a_member, a_receiver) = watch::channel(member(MemberRole::Store, "a", "1"));
    let (_b_member, b_receiver) = watch::channel(member(MemberRole::Store, "b", "7"));
    let a_listed = a.register(a_receiver).await.unwrap();
    let b_listed = b.register(b_receiver).await.unwrap();
    for listed in [&a_listed, &b_listed] {
        check_state(listed, |state| *state == RegistrationState::Held).await;
    }
    for registry in [&server, &a, &b] {
        check_members(registry.as_ref(), &["a-1", "b-7"]).await;
    }
    for subscribers in 1..=20 {
        a_member.send_modify(|member| member.subscribers = subscribers);
    }
    a_member.send_modify(|member| drop(member.heads.insert(Namespace::main(), head(3, 3))));
    check_becomes("members", b.members(), |members: &Vec<Member>| {
        members.iter().any(|member| member.subscribers == 20 && member.heads.len() == 1)
    })
    .await;
    drop(a_listed);
    for registry in [&server, &a, &b] {
        check_members(registry.as_ref(), &["b-7"]).await;
    }
}

async fn check_a_younger_life_hides_an_older_one(fixture: &impl Fixture) {
    let (server, old, new) = (fixture.server().await, fixture.observer().await, fixture.observer().await);
    let (_older, older) = watch::channel(member(MemberRole::Store, "a", "9"));
    let (_younger, younger) = watch::channel(member(MemberRole::Store, "a", "1"));
    let _older = old.register(older).await.unwrap();
    check_members(server.as_ref(), &["a-9"]).await;
    let younger = new.register(younger).await.unwrap();
    check_members(server.as_ref(), &["a-1"]).await;
    drop(younger);
    check_members(server.as_ref(), &["a-9"]).await;
}

async fn check_one_live_server_per_namespace(fixture: &impl Fixture) {
    let (server, observer) = (fixture.server().await, fixture.observer().await);
    let (_first, receiver) = watch::channel(member(MemberRole::Server, "one", "1"));
    let first = server.claim(&Namespace::main(), receiver).await.unwrap();
    check_state(&first, |state| *state == RegistrationState::Held).await;
    check_members(observer.as_ref(), &["one-1"]).await;

    let (_second, receiver) = watch::channel(member(MemberRole::Server, "two", "1"));
    let second = match observer.claim(&Namespace::main(), receiver).await {
        Ok(second) => second,
        Err(error) => return assert_eq!(error.kind(), ErrorKind::Unsupported),
    };
    let refused = RegistrationState::Refused { by: "one-1".into() };
    check_state(&second, |state| *state == refused).await;
    check_members(observer.as_ref(), &["one-1"]).await;
    drop(first);
    check_state(&second, |state| *state == RegistrationState::Held).await;
    check_members(observer.as_ref(), &["two-1"]).await;

    // A server that comes back under the same id takes over what its earlier life has left behind.
    let (_next, receiver) = watch::channel(member(MemberRole::Server, "two", "2"));
    let next = server.claim(&Namespace::main(), receiver).await.unwrap();
    check_state(&next, |state| *state == RegistrationState::Held).await;
    check_state(&second, |state| matches!(state, RegistrationState::Refused { .. })).await;
    check_members(observer.as_ref(), &["two-2"]).await;
}

async fn check_members_that_cannot_be_listed_are_refused(fixture: &impl Fixture) {
    let observer = fixture.observer().await;
    let (_member, receiver) = watch::channel(member(MemberRole::Store, "a/b", "1"));
    let refusal = observer.register(receiver).await.err().map(|error| error.kind());
    assert_eq!(refusal, Some(ErrorKind::Invalid));
}

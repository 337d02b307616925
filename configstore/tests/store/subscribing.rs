//! What a host is sent.

use crate::{
    agent::{Agent, Disk, hello},
    bench::Bench,
    server_double::put,
};
use bytes::Bytes;
use configbus_configstore::Limits;
use configbus_model::{CommitId, ErrorKind, Head, Revision};
use configbus_proto::{
    status::kind_of,
    v1::{self, acknowledgement::State, subscribe_request::Message},
};
use std::collections::BTreeMap;
use tonic::transport::Channel;

/// Returns content that does not compress.
fn noise(seed: u64, size: usize) -> Vec<u8> {
    let mut noise = fastrand::Rng::with_seed(seed);
    std::iter::repeat_with(|| noise.u8(..)).take(size).collect()
}

fn files(entries: &[(&str, &str)]) -> BTreeMap<String, Bytes> {
    entries.iter().map(|(path, content)| ((*path).to_owned(), Bytes::from((*content).to_owned()))).collect()
}

#[tokio::test]
async fn a_new_host_gets_everything_and_then_only_what_changed() {
    let bench = Bench::start().await;
    let first = bench.land(&[("a.json", "1"), ("ads/b.json", "2"), ("ads/deep/c.json", "3")]).await;
    let mut agent = bench.subscribe("h").await;
    let update = agent.update().await;
    assert_eq!((&update.from, &update.to, update.parts), (&None, &first, 1));
    let expected = files(&[("a.json", "1"), ("ads/b.json", "2"), ("ads/deep/c.json", "3")]);
    assert_eq!(agent.apply(&update).await, expected);

    let second = bench.land(&[("ads/b.json", "two")]).await;
    let update = agent.update().await;
    assert_eq!((update.from.as_ref(), &update.to), (Some(&first), &second));
    assert_eq!((update.trees.len(), &update.blobs[..]), (2, &[Bytes::from("two")][..]), "root, ads/ and one file");
    let expected = files(&[("a.json", "1"), ("ads/b.json", "two"), ("ads/deep/c.json", "3")]);
    assert_eq!(agent.apply(&update).await, expected);
    bench.stop().await;
}

#[tokio::test]
async fn a_host_that_is_up_to_date_hears_heartbeats_only() {
    let bench = Bench::start().await;
    let head = bench.land(&[("a.json", "1")]).await;
    bench.store_reaches(&head).await;
    let mut agent = Agent::subscribe(bench.url(), "h", Disk::holding(head.clone())).await;
    let beat = agent.heartbeat_with(|beat| beat.upstream_connected && beat.members[0].subscribers == 1).await;
    assert_eq!((beat.heads[0].revision, &beat.heads[0].tree), (1, &head.tree.to_string()));
    assert_eq!(beat.heads, beat.upstream_heads);
    let member = &beat.members[0];
    assert_eq!((member.id.as_str(), member.url.as_str()), ("store-1", bench.url()));
    assert_eq!(member.heads, beat.heads);
    bench.stop().await;
}

#[tokio::test]
async fn a_host_that_comes_back_gets_a_delta_and_one_with_an_unknown_commit_everything() {
    let bench = Bench::start().await;
    let old = bench.land(&[("a.json", "1"), ("b.json", "1")]).await;
    let mut agent = bench.subscribe("h").await;
    agent.reach(&old).await;
    let disk = agent.leave();
    bench.land(&[("a.json", "2")]).await;
    let head = bench.land(&[("a.json", "3")]).await;
    bench.store_reaches(&head).await;
    let mut agent = Agent::subscribe(bench.url(), "h", disk).await;
    let update = agent.update().await;
    assert_eq!((update.from.as_ref(), update.blobs.len()), (Some(&old), 1));
    assert_eq!(agent.apply(&update).await, files(&[("a.json", "3"), ("b.json", "1")]));

    let strange = Head { commit: CommitId::from_bytes([7; 20]), ..old.clone() };
    let mistaken = Head { tree: head.tree, ..old };
    for held in [strange, mistaken] {
        let mut agent = Agent::subscribe(bench.url(), "i", Disk::holding(held)).await;
        assert_eq!(agent.update().await.from, None);
    }
    bench.stop().await;
}

#[tokio::test]
async fn a_slow_host_skips_to_the_latest_head() {
    let bench = Bench::start().await;
    let first = bench.land(&[("a.json", "0")]).await;
    let mut agent = bench.subscribe("h").await;
    let update = agent.update().await;
    assert_eq!(update.to, first);
    let mut head = first.clone();
    for n in 1..=20 {
        head = bench.land(&[("a.json", &n.to_string())]).await;
    }
    bench.store_reaches(&head).await;
    agent.apply(&update).await;
    let update = agent.update().await;
    assert_eq!((update.from, &update.to), (Some(first), &head), "nineteen revisions are skipped");
    bench.stop().await;
}

#[tokio::test]
async fn a_refused_head_stays_refused_until_the_next_one_or_the_next_hello() {
    let bench = Bench::start().await;
    let first = bench.land(&[("a.json", "1")]).await;
    let mut agent = bench.subscribe("h").await;
    agent.reach(&first).await;
    let second = bench.land(&[("a.json", "2")]).await;
    let update = agent.update().await;
    agent.answer(State::Refused, &update.to, "disk full").await;
    agent.heartbeat_with(|beat| beat.heads[0].revision == 2).await;
    agent.heartbeat().await;

    agent.send(Message::Hello(hello("h", agent.disk.held.as_ref()))).await;
    let update = agent.update().await;
    assert_eq!((update.from.as_ref(), &update.to), (Some(&first), &second));
    agent.answer(State::Refused, &second, "disk full").await;
    let third = bench.land(&[("a.json", "3")]).await;
    let update = agent.update().await;
    assert_eq!((update.from.as_ref(), &update.to), (Some(&first), &third));
    agent.apply(&update).await;
    bench.stop().await;
}

#[tokio::test]
async fn a_host_ahead_of_the_store_is_left_alone() {
    let bench = Bench::start().await;
    let head = bench.land(&[("a.json", "1")]).await;
    bench.store_reaches(&head).await;
    let ahead = Head { revision: Revision(9), commit: CommitId::from_bytes([9; 20]), ..head };
    let mut agent = Agent::subscribe(bench.url(), "h", Disk::holding(ahead)).await;
    assert_eq!(agent.heartbeat().await.heads[0].revision, 1);
    agent.heartbeat().await;
    bench.stop().await;
}

#[tokio::test]
async fn large_updates_come_in_parts_with_progress() {
    let bench = Bench::start().await;
    let mut edits: Vec<_> = (0..40).map(|n| put(&format!("many/{n}.bin"), &noise(n, 200_000))).collect();
    edits.push(put("one.bin", &noise(99, 4_000_000)));
    let head = bench.server.land_edits(&edits);
    bench.announce(&head).await;
    let mut agent = bench.subscribe("h").await;
    let update = agent.update().await;
    assert!(update.parts >= 9, "{} parts", update.parts);
    assert!(update.largest_part < 4_010_000, "only the one large file makes a large part: {}", update.largest_part);
    assert_eq!(agent.apply(&update).await.len(), 41);
    bench.stop().await;
}

#[tokio::test]
async fn a_newer_stream_of_the_same_host_replaces_the_older() {
    let bench = Bench::start().await;
    let head = bench.land(&[("a.json", "1")]).await;
    let mut older = bench.subscribe("h").await;
    older.reach(&head).await;
    let newer = v1::Hello { incarnation: "2".into(), ..hello("h", Some(&head)) };
    let mut newer = Agent::greet(bench.url(), newer, Disk::holding(head)).await;
    let end = older.end().await;
    assert_eq!(kind_of(&end), ErrorKind::Conflict, "{end}");
    newer.heartbeat_with(|beat| beat.members[0].subscribers == 1).await;
    bench.stop().await;
}

#[tokio::test]
async fn a_full_store_says_so_and_serves_again_when_a_host_leaves() {
    let mut bench = Bench::without_store().await;
    bench.limits = Limits { subscribers_max: 2, ..Limits::default() };
    bench.start_store().await;
    let (mut first, mut second) = (bench.subscribe("a").await, bench.subscribe("b").await);
    first.heartbeat().await;
    second.heartbeat_with(|beat| beat.members[0].subscribers == 2).await;
    let end = bench.subscribe("c").await.end().await;
    assert_eq!(kind_of(&end), ErrorKind::Exhausted, "{end}");
    drop(first);
    second.heartbeat_with(|beat| beat.members[0].subscribers == 1).await;
    bench.subscribe("c").await.heartbeat().await;
    bench.stop().await;
}

#[tokio::test]
async fn nonsense_ends_the_stream_with_its_reason() {
    let bench = Bench::start().await;
    let check_refused = async |first: Message, kind: ErrorKind, reason: &str| {
        let channel = Channel::from_shared(bench.url().to_owned()).unwrap().connect().await.unwrap();
        let end = Agent::open(channel, first, Disk::default()).await.end().await;
        assert!(kind_of(&end) == kind && end.message().contains(reason), "{end}");
    };
    let wrong_version = v1::Hello { protocol_version: 99, ..hello("h", None) };
    check_refused(Message::Hello(wrong_version), ErrorKind::Unsupported, "protocol version 99").await;
    check_refused(Message::Hello(hello("", None)), ErrorKind::Invalid, "hello.host").await;
    let answer = Message::Acknowledgement(v1::Acknowledgement::default());
    check_refused(answer.clone(), ErrorKind::Invalid, "hello").await;

    let mut agent = bench.subscribe("h").await;
    agent.send(answer).await;
    let end = agent.end().await;
    assert!(kind_of(&end) == ErrorKind::Invalid && end.message().contains("acknowledgement"), "{end}");
    let mut agent = bench.subscribe("h").await;
    agent.send(Message::Hello(hello("another", None))).await;
    assert_eq!(kind_of(&agent.end().await), ErrorKind::Invalid);
    bench.stop().await;
}

#[tokio::test]
async fn subscribers_are_told_when_the_store_stops() {
    let bench = Bench::start().await;
    let mut agent = bench.subscribe("h").await;
    agent.heartbeat().await;
    bench.begin_to_stop_store();
    let end = agent.end().await;
    assert_eq!(kind_of(&end), ErrorKind::Unavailable, "{end}");
    bench.stop().await;
}

#[tokio::test]
async fn a_thousand_hosts_on_one_store_all_arrive() {
    const HOSTS: usize = 1_000;
    let bench = Bench::start().await;
    let head = bench.land(&[("a.json", "0")]).await;
    bench.store_reaches(&head).await;
    let mut channels = Vec::new();
    for _ in 0..10 {
        channels.push(Channel::from_shared(bench.url().to_owned()).unwrap().connect().await.unwrap());
    }
    let join = async |n: usize| {
        let (channel, host) = (channels[n % channels.len()].clone(), format!("host-{n}"));
        let disk = Disk::holding(head.clone());
        let mut agent = Agent::open(channel, Message::Hello(hello(&host, Some(&head))), disk).await;
        agent.heartbeat().await;
        agent
    };
    let mut agents = futures_util::future::join_all((0..HOSTS).map(join)).await;
    let next = bench.land(&[("a.json", "1")]).await;
    let updates = futures_util::future::join_all(agents.iter_mut().map(Agent::update)).await;
    assert!(updates.iter().all(|update| update.to == next && update.from.as_ref() == Some(&head)));
    bench.stop().await;
}

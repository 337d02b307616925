//! How a store keeps at the server's head.

use crate::{agent::Agent, agent::Disk, bench::Bench, server_double::Packs};
use configbus_model::{CommitId, Epoch, ErrorKind, Head, Revision};

#[tokio::test]
async fn the_first_fill_is_a_fetch_and_every_step_after_it_a_pack() {
    let bench = Bench::start().await;
    bench.store_is_ready().await;
    let first = bench.land(&[("a.json", "1")]).await;
    bench.store_reaches(&first).await;
    let fetches = bench.server.git_asked();
    assert!(fetches > 0 && bench.server.packs_sent() == 0);
    for n in 2..12 {
        let head = bench.land(&[("a.json", &n.to_string())]).await;
        bench.store_reaches(&head).await;
    }
    assert_eq!((bench.server.git_asked(), bench.server.packs_sent()), (fetches, 10));
    bench.stop().await;
}

#[tokio::test]
async fn without_coordination_heads_are_asked_of_the_server() {
    let bench = Bench::start().await;
    let first = bench.land(&[("a.json", "1")]).await;
    bench.store_reaches(&first).await;
    bench.registry.cut();
    let second = bench.server.land(&[("a.json", "2")]);
    bench.store_reaches(&second).await;
    bench.stop().await;
}

#[tokio::test]
async fn a_store_serves_its_last_mirror_while_the_server_is_down_and_follows_when_it_is_back() {
    let mut bench = Bench::start().await;
    let head = bench.land(&[("a.json", "1")]).await;
    bench.store_reaches(&head).await;
    bench.stop_store().await;
    bench.server.pause().await;
    bench.start_store().await;
    bench.store_is_ready().await;
    assert_eq!(bench.store_head(), Some(head.clone()), "landing time included");
    let mut agent = bench.subscribe("h").await;
    agent.reach(&head).await;
    agent.heartbeat_with(|beat| !beat.upstream_connected).await;

    let next = bench.server.land(&[("a.json", "2")]);
    bench.server.resume().await;
    agent.reach(&next).await;
    agent.heartbeat_with(|beat| beat.upstream_connected).await;
    bench.stop().await;
}

#[tokio::test]
async fn stale_and_forged_announcements_move_nothing_and_hide_nothing() {
    let bench = Bench::start().await;
    let first = bench.land(&[("a.json", "1")]).await;
    let second = bench.land(&[("a.json", "2")]).await;
    bench.store_reaches(&second).await;
    let forged = Head { revision: Revision(1_000), commit: CommitId::from_bytes([0xbb; 20]), ..first.clone() };
    let forged_epoch = Head { epoch: Epoch(7), ..first };
    for head in [&forged, &forged_epoch] {
        bench.announce(head).await;
    }
    // The registry now ignores every real head: only the server's word brings them.
    let third = bench.server.land(&[("a.json", "3")]);
    bench.store_reaches(&third).await;
    bench.stop().await;
}

#[tokio::test]
async fn revision_and_tree_are_those_of_the_commit_whatever_was_announced() {
    let bench = Bench::start().await;
    let first = bench.land(&[("a.json", "1")]).await;
    bench.store_reaches(&first).await;
    let second = bench.server.land(&[("a.json", "2")]);
    let misannounced = Head { revision: Revision(40), tree: first.tree, time_ms: 77, ..second.clone() };
    bench.announce(&misannounced).await;
    let held = bench.store_serves(|held| held.commit == second.commit).await;
    assert_eq!((held.revision, held.tree, held.time_ms), (second.revision, second.tree, 77));
    bench.stop().await;
}

#[tokio::test]
async fn a_restore_with_a_raised_epoch_is_followed_to_a_lower_revision() {
    let bench = Bench::start().await;
    for n in 0..5 {
        bench.land(&[("a.json", &n.to_string())]).await;
    }
    let mut agent = bench.subscribe("h").await;
    agent.reach(&bench.server.head()).await;
    bench.server.restore(2, 2);
    let restored = bench.land(&[("b.json", "other")]).await;
    assert_eq!((restored.epoch, restored.revision), (Epoch(2), Revision(3)));
    let files = agent.reach(&restored).await;
    assert_eq!((&files["a.json"][..], &files["b.json"][..]), (&b"1"[..], &b"other"[..]));
    bench.stop().await;
}

#[tokio::test]
async fn a_server_that_lost_history_is_not_followed_back() {
    let bench = Bench::start().await;
    for n in 0..5 {
        bench.land(&[("a.json", &n.to_string())]).await;
    }
    let held = bench.server.head();
    bench.store_reaches(&held).await;
    bench.server.restore(2, 1);
    bench.server.land(&[("a.json", "lost")]);
    let mut agent = Agent::subscribe(bench.url(), "h", Disk::default()).await;
    assert_eq!(agent.update().await.to, held);
    // Another lineage is taken once it is past what was held.
    bench.server.land(&[("a.json", "4")]);
    bench.server.land(&[("a.json", "5")]);
    let past = bench.server.land(&[("a.json", "6")]);
    bench.store_reaches(&past).await;
    bench.stop().await;
}

#[tokio::test]
async fn the_same_revision_with_another_commit_gives_way_to_the_servers() {
    let bench = Bench::start().await;
    bench.land(&[("a.json", "1")]).await;
    let held = bench.land(&[("a.json", "2")]).await;
    bench.store_reaches(&held).await;
    bench.server.restore(1, 1);
    let other = bench.server.land(&[("a.json", "other")]);
    assert_eq!(other.position(), held.position());
    bench.store_reaches(&other).await;
    bench.stop().await;
}

#[tokio::test]
async fn packs_that_are_refused_or_altered_are_replaced_by_a_fetch() {
    let bench = Bench::start().await;
    let first = bench.land(&[("a.json", "1")]).await;
    bench.store_reaches(&first).await;
    for (n, packs) in [Packs::Refused, Packs::Altered].into_iter().enumerate() {
        bench.server.send_packs(packs);
        let head = bench.land(&[("a.json", &format!("{packs:?} {n}"))]).await;
        bench.store_reaches(&head).await;
    }
    bench.server.send_packs(Packs::Whole);
    let (fetches, head) = (bench.server.git_asked(), bench.land(&[("a.json", "last")]).await);
    bench.store_reaches(&head).await;
    assert_eq!(bench.server.git_asked(), fetches, "back on the short way");
    bench.stop().await;
}

#[tokio::test]
async fn a_second_store_on_the_same_folder_is_refused() {
    let bench = Bench::start().await;
    let error = bench.build().await.err().expect("the folder is taken");
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    bench.stop().await;
}

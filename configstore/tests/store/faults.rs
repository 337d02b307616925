//! A mirror that is damaged on disk.

use crate::{
    agent::{Agent, DEADLINE, Disk},
    bench::Bench,
};
use configbus_model::Head;
use std::{fs, os::unix::fs::FileExt as _, os::unix::fs::PermissionsExt as _, path::Path};

/// Subscribes until a full sync succeeds: a damaged store ends the streams it cannot serve.
async fn check_full_sync(bench: &Bench, head: &Head) {
    let sync = async {
        loop {
            let mut agent = Agent::subscribe(bench.url(), "new", Disk::default()).await;
            match agent.try_update().await {
                Ok(update) => break update,
                Err(status) => assert_eq!(status.code(), tonic::Code::Unavailable, "{status}"),
            }
        }
    };
    let update = tokio::time::timeout(DEADLINE, sync).await.expect("the store recovers");
    assert_eq!(update.to.commit, head.commit);
    assert_eq!(Disk::default().take(&update).len(), 3);
}

/// Alters the packs in place, as a failing disk does; their length stays.
fn alter_packs(mirror: &Path) {
    for entry in fs::read_dir(mirror.join("objects/pack")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "pack") {
            fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
            let file = fs::OpenOptions::new().read(true).write(true).open(&path).unwrap();
            let mut content = fs::read(&path).unwrap();
            content[12..].iter_mut().for_each(|byte| *byte ^= 0xa5);
            file.write_all_at(&content, 0).unwrap();
        }
    }
}

async fn bench_with_three_files() -> (Bench, Head) {
    let bench = Bench::start().await;
    bench.land(&[("a.json", "1"), ("b/b.json", "1")]).await;
    let head = bench.land(&[("b/c.json", "1")]).await;
    bench.store_reaches(&head).await;
    (bench, head)
}

#[tokio::test]
async fn a_mirror_altered_under_a_running_store_is_rebuilt_while_hosts_keep_following() {
    let (bench, head) = bench_with_three_files().await;
    let mut follower = bench.subscribe("follower").await;
    follower.reach(&head).await;
    alter_packs(&bench.mirror());
    check_full_sync(&bench, &head).await;
    let mut follower = Agent::subscribe(bench.url(), "follower", follower.leave()).await;
    let next = bench.land(&[("a.json", "2")]).await;
    let files = follower.reach(&next).await;
    assert_eq!((&files["a.json"][..], files.len()), (&b"2"[..], 3));
    bench.stop().await;
}

#[tokio::test]
async fn a_new_head_reaches_hosts_although_the_mirror_is_altered() {
    let (bench, _) = bench_with_three_files().await;
    alter_packs(&bench.mirror());
    let next = bench.land(&[("a.json", "2")]).await;
    bench.store_reaches(&next).await;
    check_full_sync(&bench, &next).await;
    bench.stop().await;
}

#[tokio::test]
async fn a_mirror_that_was_damaged_while_the_store_was_down_is_made_anew() {
    let (mut bench, head) = bench_with_three_files().await;
    let mirror = bench.mirror();
    let damages: [&dyn Fn(); 4] = [
        &|| alter_packs(&mirror),
        &|| fs::remove_dir_all(mirror.join("objects")).unwrap(),
        &|| fs::remove_file(mirror.join("HEAD")).unwrap(),
        &|| fs::remove_dir_all(&mirror).unwrap(),
    ];
    for (n, damage) in damages.iter().enumerate() {
        bench.stop_store().await;
        damage();
        bench.start_store().await;
        bench.store_reaches(&head).await;
        check_full_sync(&bench, &head).await;
        eprintln!("recovered from damage {n}");
    }
    bench.stop().await;
}

#[tokio::test]
async fn a_store_that_died_between_ref_and_record_catches_up() {
    let (mut bench, old) = bench_with_three_files().await;
    let record = bench.mirror().with_file_name("main.head.json");
    let content = fs::read(&record).unwrap();
    let next = bench.land(&[("a.json", "2")]).await;
    bench.store_reaches(&next).await;
    bench.stop_store().await;
    fs::write(&record, content).unwrap();
    let store = bench.build().await.unwrap();
    let mut heads = store.heads();
    bench.run(store);
    let seen = async {
        let mut seen = Vec::new();
        while seen.last() != Some(&next) {
            heads.changed().await.unwrap();
            seen.extend(heads.borrow_and_update().values().cloned());
        }
        seen
    };
    let seen = tokio::time::timeout(DEADLINE, seen).await.unwrap();
    assert!(seen == [old, next.clone()] || seen == [next], "{seen:?}");
    bench.stop().await;
}

#[tokio::test]
async fn without_its_head_record_a_store_asks_the_server_again() {
    let (mut bench, head) = bench_with_three_files().await;
    let record = bench.mirror().with_file_name("main.head.json");
    for content in [&b""[..], b"{}"] {
        bench.stop_store().await;
        fs::write(&record, content).unwrap();
        bench.start_store().await;
        bench.store_reaches(&head).await;
    }
    check_full_sync(&bench, &head).await;
    bench.stop().await;
}

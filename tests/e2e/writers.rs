//! Many writers at once over gRPC: only those who change the same file meet, and those who try again lose nothing.

use configbus_api::{ApiError, ChangeSet, Client, Edit, Expected, Landed};
use configbus_model::{BlobId, ConfigPath, blob_id};
use configbus_tests::{
    cluster::{Cluster, Plan},
    git::{WorkingCopy, git},
    rest::Rest,
};
use std::{collections::BTreeMap, future::Future};
use tokio::task::JoinSet;

const WRITERS: u64 = 64;

fn server() -> Cluster {
    let mut cluster = Cluster::plan(&Plan::default());
    cluster.server.start();
    cluster.server.ready();
    cluster
}

/// Runs as many writers as there are, each in a task of its own.
async fn run_all<F: Future<Output = ()> + Send + 'static>(writer: impl Fn(u64) -> F) {
    let mut writers = JoinSet::new();
    for number in 0..WRITERS {
        writers.spawn(writer(number));
    }
    while let Some(ended) = writers.join_next().await {
        ended.unwrap();
    }
}

fn path(text: &str) -> ConfigPath {
    ConfigPath::parse(text).unwrap()
}

async fn put(client: &Client, path: &ConfigPath, content: &str, expected: Expected) -> Result<Landed, ApiError> {
    let edit = Edit::put(path.clone(), content, expected);
    client.compare_and_set(&ChangeSet::new(format!("{path} to {content}")).with(edit)).await
}

/// Returns how many batches went to disk.
fn batches(cluster: &Cluster) -> u64 {
    let metrics = Rest::new(cluster.server.url()).get("/metrics", &[]).body;
    let count = metrics.lines().find_map(|line| line.strip_prefix("configbus_server_batch_commits_count "));
    count.expect("batches are counted").parse().unwrap()
}

fn check_fsck(cluster: &Cluster) {
    let output = git(&cluster.server_data().join("namespaces/main.git")).args(["fsck", "--full", "--strict"]).output();
    let output = output.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_of_files_of_their_own_never_conflict_and_each_change_is_a_commit() {
    const ROUNDS: u64 = 4;
    let cluster = server();
    let client = Client::connect(cluster.server.url()).await.unwrap();
    run_all(|number| {
        let client = client.clone();
        async move {
            let file = path(&format!("writers/{number:02}.json"));
            let mut expected = Expected::Absent;
            for round in 0..ROUNDS {
                let content = format!("[{number}, {round}]");
                let landed = put(&client, &file, &content, expected).await.unwrap();
                assert!(landed.committed && !landed.repeated);
                expected = Expected::Id(blob_id(content.as_bytes()).unwrap());
            }
        }
    })
    .await;
    let clone = WorkingCopy::clone(&cluster.git(), &[]);
    let subjects = clone.git(&["log", "--reverse", "--first-parent", "--format=%s"]).expect_ok().stdout;
    assert_eq!(subjects.lines().count() as u64, WRITERS * ROUNDS, "one commit each");
    let mut by_file: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for subject in subjects.lines() {
        let (file, content) = subject.split_once(" to ").unwrap();
        by_file.entry(file).or_default().push(content);
    }
    for (number, contents) in by_file.values().enumerate() {
        assert!(contents.iter().copied().eq((0..ROUNDS).map(|round| format!("[{number}, {round}]"))), "{contents:?}");
    }
    assert_eq!(by_file.len() as u64, WRITERS);
    assert!(batches(&cluster) < WRITERS * ROUNDS, "nobody shared a sync");
    check_fsck(&cluster);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_increment_of_a_counter_is_lost() {
    const INCREMENTS: u64 = 2;
    let cluster = server();
    let client = Client::connect(cluster.server.url()).await.unwrap();
    let counter = path("counter.json");
    put(&client, &counter, "0", Expected::Absent).await.unwrap();
    run_all(|_| {
        let (client, counter) = (client.clone(), counter.clone());
        async move {
            for _ in 0..INCREMENTS {
                increment(&client, &counter).await;
            }
        }
    })
    .await;
    let (value, _) = read(&client, &counter).await;
    assert_eq!(value, WRITERS * INCREMENTS);
    let clone = WorkingCopy::clone(&cluster.git(), &[]);
    let subjects = clone.git(&["log", "--reverse", "--first-parent", "--format=%s"]).expect_ok().stdout;
    let expected: Vec<_> = (0..=WRITERS * INCREMENTS).map(|value| format!("counter.json to {value}")).collect();
    assert_eq!(subjects.lines().collect::<Vec<_>>(), expected, "each value once, in order");
    check_fsck(&cluster);
}

async fn read(client: &Client, counter: &ConfigPath) -> (u64, BlobId) {
    let content = client.get(counter, None).await.unwrap().content;
    (std::str::from_utf8(&content).unwrap().parse().unwrap(), blob_id(&content).unwrap())
}

/// Reads, adds one, writes back what was read to be replaced; as often as somebody else was faster.
async fn increment(client: &Client, counter: &ConfigPath) {
    loop {
        let (value, id) = read(client, counter).await;
        match put(client, counter, &(value + 1).to_string(), Expected::Id(id)).await {
            Ok(landed) => {
                assert!(landed.committed);
                return;
            }
            Err(ApiError::Conflict { conflicts, .. }) => {
                assert!(conflicts[0].current.is_some_and(|current| current != id), "{conflicts:?} although it holds");
            }
            Err(error) => panic!("{error}"),
        }
    }
}

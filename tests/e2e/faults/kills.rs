//! kill -9 of agent, store and server at random moments while 200 changes are written.

use super::observer::observe;
use configbus_tests::{
    cluster::{Cluster, Plan, Role},
    corpus::files_below,
    eventually::eventually,
    git::WorkingCopy,
    rest::Rest,
};
use std::{
    collections::BTreeMap,
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

const WRITES: u64 = 200;
/// One write in so many meets a kill.
const KILL_EVERY: u64 = 9;
/// One write in so many is a push; the others are API calls.
const PUSH_EVERY: u64 = 4;
/// Longest delay of a kill, in microseconds: about what a push takes.
const DELAY_MICROS_MAX: u64 = 40_000;

#[test]
fn every_acknowledged_change_survives_kills_and_everything_converges() {
    let seed = std::env::var("CONFIGBUS_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    eprintln!("seed {seed}: replay with CONFIGBUS_TEST_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);

    let mut cluster = Cluster::start(&Plan::default());
    let mut writer = Writer::new(&cluster);
    let root = cluster.root().to_owned();
    let stop = AtomicBool::new(false);
    let seen = thread::scope(|scope| {
        let observer = scope.spawn(|| observe(&root, &stop));
        for number in 0..WRITES {
            if random.u64(..KILL_EVERY) == 0 {
                write_beside_a_kill(number, &mut writer, &mut cluster, &mut random);
            } else {
                writer.write(number);
            }
        }
        let _ = cluster.run(&["wait", &writer.head(), "--timeout", "60s"]).expect_ok();
        stop.store(true, Ordering::Relaxed);
        observer.join().unwrap()
    });

    let clone = WorkingCopy::clone(&cluster.git(), &[]);
    let files = files_below(clone.path());
    for (path, content) in &writer.acknowledged {
        assert_eq!(files.get(path), Some(content), "{path} was acknowledged and is lost");
    }
    assert!(writer.acknowledged.len() as u64 > WRITES / 2, "only {} acknowledged", writer.acknowledged.len());
    assert!(files_below(&root.join("current")) == files, "the host differs from the clone");
    assert!(seen.count() > 5, "only {} views were seen", seen.count());
    seen.check_against(&clone);
    let _ = clone.git(&["fsck", "--full", "--strict"]).expect_ok();
}

/// Writers at once, so that changes land in batches.
const WRITERS: usize = 16;
/// How often the server is killed under them.
const SERVER_KILLS: usize = 6;

#[test]
fn every_acknowledged_change_of_a_batch_survives_a_kill_of_the_server() {
    let mut random = fastrand::Rng::new();
    let mut cluster = Cluster::plan(&Plan::default());
    cluster.server.start();
    cluster.server.ready();
    let url = cluster.server.url().to_owned();
    let stop = AtomicBool::new(false);
    let acknowledged: Vec<BTreeMap<String, Vec<u8>>> = thread::scope(|scope| {
        let write = |number| {
            let (url, stop) = (&url, &stop);
            scope.spawn(move || write_until(stop, &Rest::new(url), number))
        };
        let writers: Vec<_> = (0..WRITERS).map(write).collect();
        for _ in 0..SERVER_KILLS {
            // The moment is what is random here; nothing waits for the delay to have been long enough.
            thread::park_timeout(Duration::from_millis(100 + random.u64(..200)));
            cluster.server.kill();
            cluster.server.start();
            cluster.server.ready();
        }
        stop.store(true, Ordering::Relaxed);
        writers.into_iter().map(|writer| writer.join().unwrap()).collect()
    });
    let clone = WorkingCopy::clone(&cluster.git(), &[]);
    let files = files_below(clone.path());
    for (path, content) in acknowledged.iter().flatten() {
        assert_eq!(files.get(path), Some(content), "{path} was acknowledged and is lost");
    }
    let count: usize = acknowledged.iter().map(BTreeMap::len).sum();
    assert!(count > WRITERS, "only {count} were acknowledged");
    let repository = cluster.server_data().join("namespaces/main.git");
    let fsck = Command::new("git").arg("-C").arg(repository).args(["fsck", "--full", "--strict"]).output().unwrap();
    assert!(fsck.status.success(), "{}", String::from_utf8_lossy(&fsck.stderr));
}

/// Writes a file of its own each time, and returns those that were acknowledged.
fn write_until(stop: &AtomicBool, rest: &Rest, writer: usize) -> BTreeMap<String, Vec<u8>> {
    let mut acknowledged = BTreeMap::new();
    for number in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let path = format!("writes/{writer:02}/{number:04}.json");
        let content = format!("{{\"writer\": {writer}, \"number\": {number}}}\n");
        match rest.try_put(&format!("/v1/files/{path}"), &[], &content) {
            Some(answer) if answer.status < 300 => drop(acknowledged.insert(path, content.into_bytes())),
            _ => eventually("the server is back", || {
                (stop.load(Ordering::Relaxed) || rest.is_ok("/readyz")).then_some(())
            }),
        }
    }
    acknowledged
}

fn write_beside_a_kill(number: u64, writer: &mut Writer, cluster: &mut Cluster, random: &mut fastrand::Rng) {
    let delay = Duration::from_micros(random.u64(..DELAY_MICROS_MAX));
    let victim = random.usize(..3);
    let role: &mut Role =
        [&mut cluster.agent, &mut cluster.store, &mut cluster.server].into_iter().nth(victim).unwrap();
    thread::scope(|scope| {
        scope.spawn(|| {
            // The moment is what is random here; nothing waits for the delay to have been long enough.
            thread::park_timeout(delay);
            role.kill();
        });
        writer.write(number);
    });
    let role: &mut Role =
        [&mut cluster.agent, &mut cluster.store, &mut cluster.server].into_iter().nth(victim).unwrap();
    role.start();
    if victim == 2 {
        role.ready();
    }
}

/// Writes a file of its own each time, so that each acknowledgement can be checked for itself.
struct Writer {
    rest: Rest,
    clone: WorkingCopy,
    server: String,
    acknowledged: BTreeMap<String, Vec<u8>>,
}

impl Writer {
    fn new(cluster: &Cluster) -> Self {
        let clone = WorkingCopy::init(&cluster.git());
        let server = cluster.server.url().to_owned();
        Self { rest: Rest::new(&server), clone, server, acknowledged: BTreeMap::new() }
    }

    fn write(&mut self, number: u64) {
        let path = format!("writes/{:02}/{number:03}.json", number % 7);
        let content = format!("{{\"number\": {number}}}\n");
        let accepted = if number.is_multiple_of(PUSH_EVERY) {
            self.clone.change(&path, &content).ok
        } else {
            let answer = self.rest.try_put(&format!("/v1/files/{path}"), &[], &content);
            answer.is_some_and(|answer| answer.status < 300)
        };
        if accepted {
            self.acknowledged.insert(path, content.into_bytes());
        }
    }

    fn head(&self) -> String {
        let log = Rest::new(&self.server).get("/v1/log?limit=1", &[]).json();
        format!("r{}", log["commits"][0]["revision"])
    }
}

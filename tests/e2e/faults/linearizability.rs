//! Clients that read, write, compare, set and delete a few files while the server is killed: for each file there must be one
//! order in which everybody was told the truth, and what was acknowledged is in the history that Git tells.

use configbus_model::blob_id;
use configbus_tests::{
    cluster::{Cluster, Plan},
    eventually::eventually,
    git::{WorkingCopy, git},
    history::{Content, Entry, Operation, Outcome, Timeline},
    linearizable,
    rest::{Answer, Rest},
};
use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

const CLIENTS: u64 = 8;
const FILES: [&str; 3] = ["a.json", "dir/b.json", "dir/c.json"];
const KILLS: usize = 6;
/// The server lives at least and at most so long, in milliseconds.
const LIFE_MS: std::ops::Range<u64> = 100..600;

#[test]
fn histories_are_linearizable_while_the_server_is_killed() {
    let seed = std::env::var("CONFIGBUS_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    eprintln!("seed {seed}: replay with CONFIGBUS_TEST_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let mut cluster = Cluster::plan(&Plan::default());
    cluster.server.start();
    cluster.server.ready();
    let shared = Shared { url: cluster.server.url().to_owned(), ..Shared::default() };
    let recorded: Vec<Client<'_>> = thread::scope(|scope| {
        let start = |number: u64| {
            let (shared, random) = (&shared, random.fork());
            scope.spawn(move || Client::new(shared, random, number).run())
        };
        let clients: Vec<_> = (0..CLIENTS).map(start).collect();
        for _ in 0..KILLS {
            // The moment is what is random here; nothing waits for the delay to have been long enough.
            thread::park_timeout(Duration::from_millis(random.u64(LIFE_MS)));
            cluster.server.kill();
            cluster.server.start();
            cluster.server.ready();
        }
        shared.stop.store(true, Ordering::Relaxed);
        clients.into_iter().map(|client| client.join().unwrap()).collect()
    });

    let mut last = Client::new(&shared, random, CLIENTS);
    (0..FILES.len()).for_each(|file| last.read(file));
    let acknowledged: Vec<_> = recorded.iter().flat_map(|client| &client.acknowledged).collect();
    check_git_tells_of(&acknowledged, &cluster);
    for (file, path) in FILES.iter().enumerate() {
        let mut history: Vec<Entry> = Vec::new();
        recorded.iter().chain([&last]).for_each(|client| history.extend(&client.histories[file]));
        let answered = history.iter().filter(|entry| entry.outcome != Outcome::Unanswered).count();
        eprintln!("{path}: {} operations, {answered} answered", history.len());
        linearizable::check(&history).unwrap_or_else(|violation| panic!("{path}: {violation:#?} of {history:#?}"));
        // The check is worth something: it sees a write that is lost, in the same history.
        history.push(stale_read(&history, &shared.timeline));
        assert!(linearizable::check(&history).is_err(), "a stale read of {path} is not noticed");
    }
    assert!(acknowledged.len() > KILLS * FILES.len(), "only {} writes were acknowledged", acknowledged.len());
}

/// Returns a read of something that was replaced long ago.
fn stale_read(history: &[Entry], timeline: &Timeline) -> Entry {
    let replaced = history.iter().find_map(|entry| match (entry.operation, entry.outcome) {
        (Operation::CompareAndSet { from: from @ Some(_), .. }, Outcome::Done) => Some(from),
        _ => None,
    });
    timeline.record(Operation::Read, || Outcome::Saw(replaced.expect("something was replaced")))
}

/// Every revision that somebody was told holds what that somebody wrote.
fn check_git_tells_of(acknowledged: &[&Acknowledged], cluster: &Cluster) {
    let repository = cluster.server_data().join("namespaces/main.git");
    let fsck = git(&repository).args(["fsck", "--full", "--strict"]).output().unwrap();
    assert!(fsck.status.success(), "{}", String::from_utf8_lossy(&fsck.stderr));
    let clone = WorkingCopy::clone(&cluster.git(), &[]);
    let format =
        ["log", "--reverse", "--first-parent", "--raw", "--no-abbrev", "--no-renames", "--format=tformat:commit"];
    let log = clone.git(&format).expect_ok().stdout;
    let mut revisions: BTreeMap<u64, (String, String)> = BTreeMap::new();
    for (commit, revision) in log.split("commit\n").skip(1).zip(1..) {
        let change = commit.trim().strip_prefix(':').expect("each changes one file");
        let (change, path) = change.split_once('\t').unwrap();
        revisions.insert(revision, (path.to_owned(), change.split(' ').nth(3).unwrap().to_owned()));
    }
    for Acknowledged { revision, path, content } in acknowledged {
        let id = content.map_or_else(|| "0".repeat(40), id_of);
        assert_eq!(revisions.get(revision), Some(&((*path).to_owned(), id)), "r{revision} was acknowledged");
    }
}

/// What everybody knows.
#[derive(Default)]
struct Shared {
    url: String,
    timeline: Timeline,
    stop: AtomicBool,
    /// The newest content.
    contents: AtomicU64,
    /// Contents by their ids, for reading what conflicts tell.
    ids: Mutex<HashMap<String, u64>>,
}

/// A write that was answered with its revision.
struct Acknowledged {
    revision: u64,
    path: &'static str,
    content: Content,
}

struct Client<'a> {
    shared: &'a Shared,
    rest: Rest,
    random: fastrand::Rng,
    number: u64,
    requests: u64,
    /// What each file held when it was last heard of.
    known: [Content; FILES.len()],
    histories: [Vec<Entry>; FILES.len()],
    acknowledged: Vec<Acknowledged>,
}

fn text(content: u64) -> String {
    format!("{{\"content\": {content}}}\n")
}

fn id_of(content: u64) -> String {
    blob_id(text(content).as_bytes()).unwrap().to_string()
}

impl<'a> Client<'a> {
    fn new(shared: &'a Shared, random: fastrand::Rng, number: u64) -> Self {
        let (rest, known, histories) = (Rest::new(&shared.url), Default::default(), Default::default());
        Self { shared, rest, random, number, requests: 0, known, histories, acknowledged: Vec::new() }
    }

    fn run(mut self) -> Self {
        while !self.shared.stop.load(Ordering::Relaxed) {
            let file = self.random.usize(..FILES.len());
            match self.random.u8(..10) {
                0..4 => self.read(file),
                4..8 => self.compare_and_set(file),
                8 => self.write(file),
                _ => self.delete(file),
            }
        }
        self
    }

    fn read(&mut self, file: usize) {
        let entry = self.shared.timeline.record(Operation::Read, || match self.rest.try_get(&url(file), &[]) {
            Some(answer) if answer.status == 200 => Outcome::Saw(Some(parse(&answer.body))),
            Some(answer) if answer.status == 404 => Outcome::Saw(None),
            _ => Outcome::Unanswered,
        });
        self.note(file, entry);
    }

    fn write(&mut self, file: usize) {
        let to = self.new_content();
        self.change(file, Operation::Write { to });
    }

    fn compare_and_set(&mut self, file: usize) {
        let to = self.new_content();
        self.change(file, Operation::CompareAndSet { from: self.known[file], to });
    }

    fn delete(&mut self, file: usize) {
        if let from @ Some(_) = self.known[file] {
            self.change(file, Operation::CompareAndSet { from, to: None });
        }
    }

    fn new_content(&self) -> Content {
        let content = self.shared.contents.fetch_add(1, Ordering::Relaxed);
        self.shared.ids.lock().unwrap().insert(id_of(content), content);
        Some(content)
    }

    /// Sends a change; some of those that are not answered are sent again under their id until they are.
    fn change(&mut self, file: usize, operation: Operation) {
        let insists = self.random.bool();
        self.requests += 1;
        let key = format!("{}-{}", self.number, self.requests);
        let mut acknowledged = None;
        let entry = self.shared.timeline.record(operation, || {
            loop {
                let answer = self.send(file, operation, &key);
                let outcome = answer.as_ref().map_or(Outcome::Unanswered, |answer| self.outcome(answer));
                if let (Outcome::Done, Some(answer)) = (outcome, &answer) {
                    acknowledged = answer.header("configbus-revision").strip_prefix('r').map(|r| r.parse().unwrap());
                }
                if outcome != Outcome::Unanswered {
                    break outcome;
                }
                eventually("the server is back", || self.rest.is_ok("/readyz").then_some(()));
                if !insists {
                    break outcome;
                }
            }
        });
        if let (Some(revision), Some(content)) = (acknowledged, written(operation)) {
            self.acknowledged.push(Acknowledged { revision, path: FILES[file], content });
        }
        self.note(file, entry);
    }

    fn send(&self, file: usize, operation: Operation, key: &str) -> Option<Answer> {
        let url = url(file);
        let etag = |content: Content| content.map(|content| format!("\"{}\"", id_of(content)));
        let condition = match operation {
            Operation::CompareAndSet { from, .. } => Some(etag(from)),
            _ => None,
        };
        let condition = condition.as_ref().map(|etag| match etag {
            Some(etag) => ("If-Match", etag.as_str()),
            None => ("If-None-Match", "*"),
        });
        let headers: Vec<_> = condition.into_iter().chain([("Idempotency-Key", key)]).collect();
        match written(operation)? {
            Some(content) => self.rest.try_put(&url, &headers, text(content)),
            None => self.rest.try_delete(&url, &headers),
        }
    }

    fn outcome(&self, answer: &Answer) -> Outcome {
        match answer.status {
            200 | 201 => Outcome::Done,
            412 => Outcome::Conflict(answer.json()["conflicts"][0]["current"].as_str().map(|id| self.content(id))),
            // The server stops or breaks, and cannot tell.
            500 | 503 => Outcome::Unanswered,
            status => panic!("{status}: {}", answer.body),
        }
    }

    fn content(&self, id: &str) -> u64 {
        self.shared.ids.lock().unwrap()[id]
    }

    fn note(&mut self, file: usize, entry: Entry) {
        match entry.outcome {
            Outcome::Saw(content) | Outcome::Conflict(content) => self.known[file] = content,
            Outcome::Done => self.known[file] = written(entry.operation).flatten(),
            Outcome::Unanswered => {}
        }
        self.histories[file].push(entry);
    }
}

fn url(file: usize) -> String {
    format!("/v1/files/{}", FILES[file])
}

fn parse(body: &str) -> u64 {
    serde_json::from_str::<serde_json::Value>(body).unwrap()["content"].as_u64().unwrap()
}

/// Returns what an operation writes.
fn written(operation: Operation) -> Option<Content> {
    match operation {
        Operation::Read => None,
        Operation::Write { to } | Operation::CompareAndSet { to, .. } => Some(to),
    }
}

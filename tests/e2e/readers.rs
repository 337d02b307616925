//! What programs on a host see while the bus is busy.

use configbus_client::ConfigBus;
use configbus_tests::{bus::Bus, corpus::Corpus, eventually::DEADLINE, git::WorkingCopy, rest::Rest};
use rustix::fs::{Mode, OFlags, open, openat};
use std::{
    collections::BTreeSet,
    fs,
    io::Read as _,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

const COMMITS: u64 = 200;
const FILES: usize = 40;
/// One commit in so many is pushed; the others come through the API.
const PUSH_EVERY: u64 = 20;

#[test]
fn forty_files_are_never_mixed_in_the_plain_layout() {
    check_never_mixed("plain");
}

#[test]
fn forty_files_are_never_mixed_in_the_linked_layout() {
    check_never_mixed("linked");
}

/// Changes 40 of the real files at once, 200 times, while two programs read all 40 in a loop.
fn check_never_mixed(layout: &str) {
    let bus = Bus::with(&["--layout", layout]);
    let copy = WorkingCopy::init(bus.git());
    Corpus::open().copy_valid_to(copy.path());
    copy.commit("everything");
    let _ = copy.push().expect_ok();
    let listed = copy.git(&["ls-files", "valid/*.json"]).expect_ok().stdout;
    let paths: Vec<String> = listed.lines().step_by(7).take(FILES).map(ToOwned::to_owned).collect();
    assert_eq!(paths.len(), FILES);
    change(0, &paths, &bus, &copy);
    let _ = bus.run(&["wait", "r2", "--timeout", "60s"]).expect_ok();

    let root = bus.endpoints().agents[0].root.clone();
    let stop = AtomicBool::new(false);
    let (by_library, by_hand) = thread::scope(|scope| {
        let by_library = scope.spawn(|| read_with_library(&root, &paths, &stop));
        let by_hand = scope.spawn(|| read_by_hand(&root, &paths, &stop));
        (1..=COMMITS).for_each(|number| change(number, &paths, &bus, &copy));
        let last = format!("r{}", COMMITS + 2);
        let _ = bus.run(&["wait", &last, "--timeout", "60s"]).expect_ok();
        stop.store(true, Ordering::Relaxed);
        (by_library.join().unwrap(), by_hand.join().unwrap())
    });
    for seen in [by_library, by_hand] {
        assert!(seen.len() > 20, "only {} revisions were seen: nothing was proven", seen.len());
    }
}

fn change(number: u64, paths: &[String], bus: &Bus, copy: &WorkingCopy) {
    let content = format!("{{\"commit\": {number}}}\n");
    if number.is_multiple_of(PUSH_EVERY) {
        copy.pull();
        paths.iter().for_each(|path| copy.write(path, &content));
        copy.commit(&format!("change {number}"));
        let _ = copy.push().expect_ok();
        return;
    }
    let edit = |path: &String| serde_json::json!({ "path": path, "expected": "any", "content": content });
    let edits = serde_json::json!({ "message": "forty", "edits": paths.iter().map(edit).collect::<Vec<_>>() });
    let json = [("Content-Type", "application/json")];
    let answer = Rest::new(bus.server()).post("/v1/commits", &json, edits.to_string());
    assert!(answer.status < 300, "{} {}", answer.status, answer.body);
}

/// Reads through snapshots of the client library, and returns the different contents it saw.
fn read_with_library(root: &Path, paths: &[String], stop: &AtomicBool) -> BTreeSet<Vec<u8>> {
    let bus = ConfigBus::open(root).unwrap();
    let mut seen = BTreeSet::new();
    while !stop.load(Ordering::Relaxed) {
        let snapshot = bus.snapshot().unwrap();
        let contents: BTreeSet<Vec<u8>> = paths.iter().map(|path| snapshot.read(path).unwrap()).collect();
        assert_eq!(contents.len(), 1, "{} is a mix: {contents:?}", snapshot.revision());
        seen.extend(contents);
        bus.wait_for(configbus_client::Revision(snapshot.revision().0 + 1), DEADLINE / 600);
    }
    seen
}

/// Reads as any program does that opens the directory once and the files relative to it.
fn read_by_hand(root: &Path, paths: &[String], stop: &AtomicBool) -> BTreeSet<Vec<u8>> {
    let mut seen = BTreeSet::new();
    while !stop.load(Ordering::Relaxed) {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let view = open(root.join("current"), flags, Mode::empty()).unwrap();
        let read = |path: &String| {
            let file = openat(&view, path.as_str(), OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).unwrap();
            let mut content = Vec::new();
            fs::File::from(file).read_to_end(&mut content).unwrap();
            content
        };
        let contents: BTreeSet<Vec<u8>> = paths.iter().map(read).collect();
        assert_eq!(contents.len(), 1, "a mix: {contents:?}");
        seen.extend(contents);
        thread::yield_now();
    }
    seen
}

#[test]
fn a_running_program_is_called_back_with_old_new_and_revision() {
    let bus = Bus::start();
    let _ = bus.run_with(&["put", "web/limits.yaml"], b"max: 1\n").expect_ok();
    bus.shows("web/limits.yaml", "max: 1\n");
    let reader = ConfigBus::open(&bus.endpoints().agents[0].root).unwrap();
    let limits = reader.subscribe::<serde_json::Value>("web/limits.yaml").unwrap();
    let changes = limits.record();

    let copy = WorkingCopy::clone(bus.git(), &[]);
    let _ = copy.change("web/limits.yaml", "max: 2\n").expect_ok();
    let change = changes.wait_for(1, DEADLINE).expect("a callback").remove(0);
    assert_eq!(change.old.unwrap()["max"], 1);
    assert_eq!(change.new.unwrap()["max"], 2);
    assert_eq!(change.revision.0, 2);
    assert_eq!(limits.load().unwrap()["max"], 2);

    let _ = bus.run(&["rm", "web/limits.yaml"]).expect_ok();
    let deleted = changes.wait_for(2, DEADLINE).expect("a callback").remove(1);
    assert!(deleted.new.is_none());
}

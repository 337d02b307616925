//! Stock Git against the bus.

use configbus_tests::{
    bus::Bus,
    corpus::{Corpus, files_below},
    git::WorkingCopy,
};

#[test]
fn real_input_is_on_the_host_byte_for_byte() {
    let bus = Bus::start();
    let copy = WorkingCopy::init(bus.git());
    let files = Corpus::open().copy_valid_to(copy.path());
    assert!(files >= 1_060, "{files}");
    copy.commit("schemas and valid files");
    let _ = copy.push().expect_ok();
    let _ = bus.run(&["wait", "r1", "--timeout", "60s"]).expect_ok();
    assert!(files_below(&bus.current()) == files_below(copy.path()), "the host differs from the clone");
}

#[test]
fn a_refused_push_leaves_nothing_visible() {
    let bus = Bus::start();
    let copy = WorkingCopy::init(bus.git());
    let _ = copy.change("good.json", "{}\n").expect_ok();
    bus.shows("good.json", "{}\n");

    copy.write("also/good.json", "{\"new\": true}\n");
    let refused = copy.change("bad.json", "{\n  \"a\": 1,\n}\n").expect_refused();
    assert!(refused.stderr.contains("bad.json"), "{}", refused.stderr);
    let lost = copy.id("HEAD");

    let other = WorkingCopy::clone(bus.git(), &[]);
    assert_eq!(other.git(&["ls-files"]).stdout, "good.json\n");
    let _ = other.git(&["fetch", "origin", &lost]).expect_refused();
    assert_eq!(bus.run(&["get", "also/good.json"]).code, 5);
    let _ = other.change("good.json", "{\"n\": 2}\n").expect_ok();
    bus.shows("good.json", "{\"n\": 2}\n");
    assert_eq!(files_below(&bus.current()).len(), 1);
}

#[test]
fn pushes_from_stale_clones_land() {
    let bus = Bus::start();
    let _ = WorkingCopy::init(bus.git()).change("base.json", "{}").expect_ok();
    let clones: Vec<_> = (0..4).map(|_| WorkingCopy::clone(bus.git(), &[])).collect();
    for round in 0..3 {
        std::thread::scope(|scope| {
            for (number, copy) in clones.iter().enumerate() {
                scope.spawn(move || {
                    copy.change(&format!("team-{number}.json"), format!("{{\"n\": {round}}}")).expect_ok()
                });
            }
        });
    }
    let fresh = WorkingCopy::clone(bus.git(), &[]);
    for number in 0..4 {
        assert_eq!(std::fs::read_to_string(fresh.path().join(format!("team-{number}.json"))).unwrap(), "{\"n\": 2}");
    }
    clones[0].pull();
    assert_eq!(clones[0].id("HEAD"), fresh.id("HEAD"));
    let _ = fresh.git(&["fsck", "--full"]).expect_ok();
}

#[test]
fn a_true_conflict_is_refused_and_names_the_path() {
    let bus = Bus::start();
    let _ = WorkingCopy::init(bus.git()).change("shared.json", "{}").expect_ok();
    let (ada, bob) = (WorkingCopy::clone(bus.git(), &[]), WorkingCopy::clone(bus.git(), &[]));
    let _ = ada.change("shared.json", "{\"by\": \"ada\"}").expect_ok();
    let refused = bob.change("shared.json", "{\"by\": \"bob\"}").expect_refused();
    assert!(refused.stderr.contains("shared.json"), "{}", refused.stderr);
    assert!(bus.run(&["get", "shared.json"]).expect_ok().stdout.contains("ada"));
}

#[test]
fn shallow_and_partial_clones_push() {
    let bus = Bus::start();
    let first = WorkingCopy::init(bus.git());
    for number in 0..5 {
        let _ = first.change("history.json", format!("{{\"n\": {number}}}")).expect_ok();
    }
    let shallow = WorkingCopy::clone(bus.git(), &["--depth=1"]);
    let partial = WorkingCopy::clone(bus.git(), &["--filter=blob:none"]);
    let _ = first.change("later.json", "{}").expect_ok();
    let _ = shallow.change("shallow.json", "{\"depth\": 1}").expect_ok();
    let _ = partial.change("partial.json", "{\"filter\": 1}").expect_ok();
    let fresh = WorkingCopy::clone(bus.git(), &[]);
    let files = fresh.git(&["ls-files"]).stdout;
    assert_eq!(files, "history.json\nlater.json\npartial.json\nshallow.json\n");
    let _ = fresh.git(&["fsck", "--full"]).expect_ok();
}

#[test]
fn an_empty_bus_can_be_cloned_and_pushed_to() {
    let bus = Bus::start();
    let copy = WorkingCopy::clone(bus.git(), &[]);
    let pushed = copy.change("first file.txt", "hello\n").expect_ok();
    assert!(pushed.remote_lines().contains("r1"), "{}", pushed.stderr);
    bus.shows("first file.txt", "hello\n");
}

#[test]
fn main_is_neither_forced_back_nor_deleted() {
    let bus = Bus::start();
    let copy = WorkingCopy::init(bus.git());
    for number in 0..3 {
        let _ = copy.change("a.json", format!("{number}")).expect_ok();
    }
    let _ = copy.git(&["push", "--force", "origin", "HEAD~2:main"]).expect_refused();
    let _ = copy.git(&["push", "origin", ":main"]).expect_refused();
    let log = bus.run(&["log", "--output", "json"]).expect_ok().json();
    assert_eq!(log["commits"].as_array().unwrap().len(), 3);
}

#[test]
fn a_dry_run_lands_nothing() {
    let bus = Bus::start();
    let copy = WorkingCopy::init(bus.git());
    let _ = copy.change("a.json", "1").expect_ok();
    copy.write("a.json", "2");
    copy.commit("tried");
    let tried = copy.git(&["push", "-o", "dry-run", "origin", "HEAD:main"]);
    assert!(tried.stderr.contains("dry"), "{}", tried.stderr);
    assert_eq!(bus.run(&["get", "a.json"]).expect_ok().stdout, "1");
    let _ = copy.git(&["push", "-o", "rollout=canary", "origin", "HEAD:main"]).expect_refused();
}

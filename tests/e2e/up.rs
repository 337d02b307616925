//! `configbus up` and `configbus demo`: one command, nothing left behind, everything found again.

use configbus_tests::{
    bus::{Bus, Run},
    git::WorkingCopy,
    rest::Rest,
};

#[test]
fn everything_is_found_again_at_the_next_start() {
    let mut bus = Bus::with(&["--agents", "2"]);
    let copy = WorkingCopy::init(bus.git());
    let _ = copy.change("ads/limits.json", "{\"max\": 1}\n").expect_ok();
    bus.shows("ads/limits.json", "{\"max\": 1}\n");
    let second = bus.endpoints().agents[1].root.clone();

    assert!(bus.process().interrupt().success());
    assert!(!bus.data().join("endpoints.json").exists(), "addresses of a stopped bus mislead");
    assert_eq!(bus.read("ads/limits.json").as_deref(), Some(&b"{\"max\": 1}\n"[..]), "readers keep what they have");

    bus.restart();
    assert_eq!(bus.endpoints().agents[1].root, second);
    let _ = bus.run(&["wait", "r1", "--timeout", "60s"]).expect_ok();
    let _ = bus.run_with(&["put", "ads/limits.json"], b"{\"max\": 2}\n").expect_ok();
    bus.shows("ads/limits.json", "{\"max\": 2}\n");
}

#[test]
fn every_part_says_that_it_is_ready() {
    let bus = Bus::start();
    let _ = bus.run_with(&["put", "a.json"], b"1").expect_ok();
    let _ = bus.run(&["wait", "r1", "--timeout", "60s"]).expect_ok();
    for base in [bus.server(), &bus.endpoints().store, &bus.endpoints().agents[0].listen] {
        for path in ["/healthz", "/readyz", "/metrics"] {
            assert!(Rest::new(base).is_ok(path), "{base}{path}");
        }
    }
}

#[test]
fn a_second_bus_on_one_data_folder_is_refused() {
    let bus = Bus::start();
    let data = bus.data().to_str().unwrap();
    let addresses = ["--listen", "--store-listen", "--agent-listen"].map(|flag| [flag, "127.0.0.1:0"]).concat();
    let second = Run::of(&[&["up", "--data", data], &addresses[..]].concat(), b"");
    assert_eq!(second.code, 7, "{}", second.stderr);
    assert!(second.stderr.contains("held by another process"), "{}", second.stderr);
}

#[test]
fn the_tour_succeeds() {
    let tour = Run::of(&["demo"], b"").expect_ok();
    for part in ["refused", "conflict", "callback", "both landed", "p50"] {
        assert!(tour.stdout.contains(part), "{part} is missing:\n{}", tour.stdout);
    }
}

//! Switches from the shell to a running process.

use configbus_client::{ConfigBus, OverlayPlace, Recipient};
use configbus_tests::{
    bus::{Bus, Run},
    eventually::eventually,
    ofrep::{BULK, Events, JSON, question},
    rest::Rest,
};
use insta::assert_snapshot;

#[test]
fn a_decider_is_set_from_the_shell_and_changes_in_a_running_process() {
    let bus = Bus::start();
    let text = "# deciders of web\nnew_db: # reads\n  default_availability: 0\n  owner: storage\n";
    let _ = bus.run_with(&["put", "web/decider.yml"], text.as_bytes()).expect_ok();
    let client = ConfigBus::open(bus.current().parent().unwrap()).unwrap();
    let decider = client.decider("web/decider.yml", &OverlayPlace::default()).unwrap();
    let new_db = decider.handle("new_db");
    let await_value = |value| eventually("the value is there", || (new_db.value() == Some(value)).then_some(()));
    await_value(0);
    assert_eq!(new_db.is_available_for(Recipient::user(42_u64)), Some(false));

    let _ = bus.run(&["decider", "set", "web/decider.yml", "new_db", "10000"]).expect_ok();
    await_value(10_000);
    assert_eq!(new_db.is_available(), Some(true));
    assert_eq!(bus.run(&["get", "web/decider.yml"]).expect_ok().stdout, text.replace(": 0\n", ": 10000\n"));
    assert_snapshot!(bus.run(&["decider", "get", "web/decider.yml", "new_db"]).expect_ok().stdout, @"10000");
    assert_snapshot!(bus.run(&["decider", "list", "web/decider.yml"]).expect_ok().stdout, @r"
    key     value  share  owner    expires
    new_db  10000  100 %  storage
    ");

    let ramp = ["decider", "ramp", "web/decider.yml", "new_db", "--to", "0", "--step", "6000", "--every", "1ms"];
    let _ = bus.run(&ramp).expect_ok();
    await_value(0);
    assert_eq!(bus.run(&["decider", "set", "web/decider.yml", "new_db", "10001"]).code, 2);
    assert_eq!(bus.run(&["decider", "get", "web/decider.yml", "nobody"]).code, 5);
}

#[test]
fn flags_are_asked_and_looked_through_in_a_folder() {
    let bus = Bus::start();
    let feature = "owner: ada\nstage: beta\nexpires: 2026-01-01\nparameters:\n  on: {type: bool, default: false}\n\
                   rules:\n  - name: german\n    when: {country: DE}\n    set: {on: true}\n";
    let _ = bus.run_with(&["put", "features/shop/cart.yaml"], feature.as_bytes()).expect_ok();
    let _ = bus.run(&["wait", "r1"]).expect_ok();
    let root = bus.current().parent().unwrap().to_str().unwrap().to_owned();
    let german = r#"{"country": "DE"}"#;
    let eval = |key: &str, more: &[&str]| {
        Run::of(&[&["flags", "eval", key, "--dir", &root, "--context", german], more].concat(), b"")
    };
    assert_snapshot!(eval("shop/cart.on", &["--explain"]).expect_ok().stdout, @r"
    asked          found
    file           features/shop/cart.yaml
    rule 'german'  matches
    parameter      on

    value    true
    variant  german
    reason   TARGETING_MATCH
    ");
    let json = eval("shop/cart", &["--output", "json"]).expect_ok().stdout;
    assert!(json.contains(r#""value":{"on":true},"variant":"german""#), "{json}");
    let unknown = eval("cart", &[]);
    assert_eq!(unknown.code, 5);
    assert!(unknown.stderr.contains("shop/cart"), "{}", unknown.stderr);
    let lint = ["flags", "lint", "--dir", &root, "--at", "2026-06-01", "--strict"];
    let lint = Run::of(&lint, b"");
    assert_eq!(lint.code, 4);
    assert_snapshot!(lint.stdout, @r"
    file                     switch     owner  what
    features/shop/cart.yaml  shop/cart  ada    should be gone since 2026-01-01
    ");
}

#[test]
fn a_feature_whose_test_fails_is_refused_with_the_line() {
    let bus = Bus::start();
    let feature =
        "owner: ada\nstage: beta\nparameters:\n  on: {type: bool, default: false}\ntests:\n  - expect: {on: true}\n";
    let refused = bus.run_with(&["put", "features/cart.yaml"], feature.as_bytes());
    assert_eq!(refused.code, 4);
    assert!(
        refused.stderr.contains("features/cart.yaml:6:18") && refused.stderr.contains("switch/test"),
        "{}",
        refused.stderr
    );
}

#[test]
fn one_command_changes_a_running_process_and_tells_programs_in_other_languages() {
    let bus = Bus::start();
    let path = "flags/web/decider.yml";
    let _ = bus.run_with(&["put", path], b"new_db: {default_availability: 0, owner: storage}\n").expect_ok();
    let client = ConfigBus::open(bus.current().parent().unwrap()).unwrap();
    let new_db = client.decider(path, &OverlayPlace::default()).unwrap().handle("new_db");
    let agent = &bus.endpoints().agents[0].listen;
    let rest = Rest::new(agent);
    let all = |validator: &str| rest.post(BULK, &[JSON, ("If-None-Match", validator)], question("ada"));
    let before = eventually("the agent has read the decider", || {
        let answer = all("\"none\"");
        (answer.status == 200 && answer.body.contains("web/decider.new_db")).then_some(answer)
    });
    assert_eq!(all(before.header("etag")).status, 304);
    let one = || rest.post(&format!("{BULK}/web/decider.new_db"), &[JSON], question("ada")).json();
    assert_eq!((&one()["value"], &one()["metadata"]["owner"]), (&false.into(), &"storage".into()));
    eventually("the process has read the decider", || new_db.is_available().filter(|is_on| !is_on));
    let mut events = Events::open(agent);

    let _ = bus.run(&["decider", "set", path, "new_db", "10000"]).expect_ok();
    eventually("the process takes the new way", || {
        new_db.is_available_for(Recipient::user("ada")).filter(|is_on| *is_on)
    });
    assert_eq!(events.next_data().unwrap()["type"], "refetchEvaluation");
    let after = all(before.header("etag"));
    assert_eq!((after.status, &one()["value"]), (200, &true.into()));
    assert_eq!(all(after.header("etag")).status, 304);
}

#[test]
fn switches_that_are_over_or_that_no_source_names_are_listed_with_their_owners() {
    let (bus, source) = (Bus::start(), tempfile::tempdir().unwrap());
    let put = |path: &str, text: &str| bus.run_with(&["put", path], text.as_bytes()).expect_ok();
    let _ = put(
        "web/decider.yml",
        "used: {default_availability: 1, owner: ann}\nold: {default_availability: 1, owner: bob}\n",
    );
    let toggle = r#"{"toggles": [{"id": "com.shop.Used", "description": "d", "fraction": 0.1},
                                {"id": "com.shop.Old", "description": "d", "fraction": 0.1}]}"#;
    let _ = put("lib/toggles/configs/com.shop.json", toggle);
    let variants = "variants:\n  a: {range: [0, 50]}\n  b: {range: [50, 100]}\n";
    let _ = put("experiments/past.yaml", &format!("owner: cid\nunit: user\nstop: 2026-01-01\n{variants}"));
    let _ = bus.run(&["wait", "r3"]).expect_ok();
    std::fs::write(source.path().join("shop.py"), "decider('used'); toggle('com.shop.Used'); experiment('past')")
        .unwrap();

    let root = bus.current().parent().unwrap().display().to_string();
    let from = source.path().display().to_string();
    let lint =
        Run::of(&["flags", "lint", "--dir", &root, "--source", &from, "--at", "2026-06-01", "--output", "json"], b"");
    let json = lint.expect_ok().json();
    let text = |lint: &serde_json::Value, name: &str| lint[name].as_str().unwrap_or("-").to_owned();
    let listed = json["lints"].as_array().unwrap().iter();
    let mut listed: Vec<_> =
        listed.map(|lint| ["path", "key", "owner", "told"].map(|name| text(lint, name)).join("|")).collect();
    listed.sort();
    assert_eq!(
        listed,
        [
            "experiments/past.yaml|past|cid|is over since 2026-01-01",
            "lib/toggles/configs/com.shop.json|com.shop.Old|-|no source names it",
            "web/decider.yml|old|bob|no source names it",
        ]
    );
}

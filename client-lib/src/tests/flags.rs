//! Flags and features that follow their files.

use crate::{ConfigBus, FlagPlaces, InMemory};
use configbus_switches::{Context, ErrorCode, Reason};
use std::sync::mpsc;

fn check_set(memory: &InMemory, files: &[(&str, &str)]) {
    for (path, content) in files {
        memory.set(path, content).unwrap();
    }
    memory.flip();
}

fn feature(country: &str) -> String {
    format!(
        "owner: a\nstage: beta\nparameters:\n  on: {{type: bool, default: false}}\n  size: {{type: int, default: 1}}\n\
         rules:\n  - name: there\n    when: {{country: {country}}}\n    set: {{on: true, size: 5}}\n"
    )
}

const FLAG: &str =
    r#"{"flags": {"f": {"state": "ENABLED", "variants": {"a": "one", "b": "two"}, "defaultVariant": "a"}}}"#;

#[test]
fn handles_follow_their_files_and_keep_the_last_good() {
    let memory = ConfigBus::in_memory();
    let flags = memory.bus().flags(&FlagPlaces::default()).unwrap();
    let (on, size) = (flags.handle("shop/cart.on", false), flags.handle("shop/cart.size", 9_i64));
    let text = flags.handle("f", "none".to_owned());
    let german = [("country", "DE".into())];
    let german = Context::of(&german);
    let seen = || (on.get(&german), size.get(&german), text.get(&german));
    assert_eq!(seen(), (false, 9, "none".to_owned()));
    assert_eq!(on.details(&german).error, Some(ErrorCode::FlagNotFound));

    check_set(&memory, &[("features/shop/cart.yaml", &feature("DE")), ("flags/web.json", FLAG), ("flags/x.txt", "{")]);
    assert_eq!(seen(), (true, 5, "one".to_owned()));
    assert_eq!((on.get(&Context::default()), size.get(&Context::default())), (false, 1));
    let details = size.details(&german);
    assert_eq!((details.value, details.variant.as_deref(), details.reason), (5, Some("there"), Reason::TargetingMatch));
    assert_eq!(flags.handle("shop/cart.size", true).details(&german).error, Some(ErrorCode::TypeMismatch));
    assert!(flags.refusals().is_empty());

    let bad = [("features/shop/cart.yaml", "owner: a\nstage: bta\nparameters: {}\n"), ("flags/web.json", "{")];
    check_set(&memory, &bad);
    assert_eq!(seen(), (true, 5, "one".to_owned()), "the last good set stays");
    let refusals = flags.refusals();
    assert_eq!(refusals.len(), 2);
    assert!(refusals.values().next().unwrap().to_string().contains("/stage"), "{refusals:?}");

    check_set(&memory, &[("features/shop/cart.yaml", &feature("FR"))]);
    assert_eq!(seen(), (false, 1, "one".to_owned()));
    memory.remove("features/shop/cart.yaml").unwrap();
    check_set(&memory, &[("flags/web.json", &FLAG.replace(r#""defaultVariant": "a""#, r#""defaultVariant": "b""#))]);
    assert_eq!(seen(), (false, 9, "two".to_owned()));
    assert!(flags.refusals().is_empty());
}

#[test]
fn prerequisites_reach_across_files() {
    let memory = ConfigBus::in_memory();
    let flags = memory.bus().flags(&FlagPlaces::default()).unwrap();
    let german = [("country", "DE".into())];
    let is_on = || flags.get("a.on", &Context::of(&german), false);
    let needing = |key: &str| format!("{}requires: {{{key}: {{on: true}}}}\n", feature("DE"));
    check_set(&memory, &[("features/a.yaml", &needing("b")), ("features/b.yaml", &feature("DE"))]);
    assert!(is_on());
    check_set(&memory, &[("features/b.yaml", &feature("FR"))]);
    assert!(!is_on());
    check_set(&memory, &[("features/b.yaml", &needing("a"))]);
    assert!(!is_on(), "a circle is off");
    assert_eq!(flags.load().circles().count(), 2);
}

#[test]
fn places_are_those_of_the_policy() {
    let memory = ConfigBus::in_memory();
    let bus = memory.bus();
    assert_eq!(FlagPlaces::of(&bus).unwrap(), FlagPlaces::default());
    let policy = "features: [shop/switches, web/one.yaml]\nflags: []\n";
    let files = [
        (".configbus/switches.yaml", policy),
        ("shop/switches/deep/cart.yaml", &feature("DE")),
        ("web/one.yaml", &feature("DE")),
        ("web/two.yaml", &feature("DE")),
        ("flags/web.json", FLAG),
    ];
    check_set(&memory, &files);
    let places = FlagPlaces::of(&bus).unwrap();
    let flags = bus.flags(&places).unwrap();
    let is_known = |key: &str| flags.load().find(key).is_some();
    let known = ["deep/cart", "one", "one.on", "two", "f", "web/one"].map(is_known);
    assert_eq!(known, [true, true, true, false, false, false]);
}

#[test]
fn who_asked_is_told_when_answers_changed() {
    let memory = ConfigBus::in_memory();
    let flags = memory.bus().flags(&FlagPlaces::default()).unwrap();
    let (sender, told) = mpsc::channel();
    let asked = flags.clone();
    flags.on_change(move |path| {
        let size = asked.get("a.size", &Context::default(), 0_i64);
        let _ = sender.send((path.to_string(), size));
    });
    check_set(&memory, &[("features/a.yaml", &feature("DE")), ("other/b.yaml", "x: 1")]);
    assert_eq!(told.recv().unwrap(), ("features/a.yaml".to_owned(), 1));
    assert!(told.try_recv().is_err());
    flags.cancel();
    memory.bus().close();
}

//! Switches that follow their files.

use crate::{ConfigBus, InMemory, OverlayPlace, Recipient, ToggleOptions};
use std::time::Duration;

fn check_set(memory: &InMemory, files: &[(&str, &str)]) {
    for (path, content) in files {
        memory.set(path, content).unwrap();
    }
    memory.flip();
}

#[test]
fn deciders_follow_base_and_overlays_and_keep_the_last_good() {
    let memory = ConfigBus::in_memory();
    let place = OverlayPlace::role("ads").service("mixer").environment("prod").zone("atla");
    let decider = memory.bus().decider("ads/decider.yml", &place).unwrap();
    let handle = decider.handle("new_db");
    let seen = || (handle.value(), decider.value("new_db"), handle.is_available(), decider.is_available("new_db"));
    assert_eq!(seen(), (None, None, None, None));
    check_set(&memory, &[("ads/decider.yml", "new_db: {default_availability: 2500}\n")]);
    assert_eq!(seen(), (Some(2_500), Some(2_500), Some(false), Some(false)));
    check_set(
        &memory,
        &[("overlays/ads/mixer/prod/atla/decider_overlay.yml", "new_db: {default_availability: 10000}")],
    );
    assert_eq!(seen(), (Some(10_000), Some(10_000), Some(true), Some(true)));
    check_set(&memory, &[("overlays/ads/mixer/prod/decider_overlay.yml", "new_db: {default_availability: 1}")]);
    assert_eq!(handle.value(), Some(10_000), "the zone wins over the environment");
    check_set(&memory, &[("overlays/ads/mixer/prod/atla/decider_overlay.yml", "new_db: {default_availability: many}")]);
    assert_eq!(handle.value(), Some(10_000));
    let refusals = decider.refusals();
    let (path, refusal) = refusals.first_key_value().unwrap();
    assert_eq!(path.as_str(), "overlays/ads/mixer/prod/atla/decider_overlay.yml");
    assert!(refusal.to_string().contains("/new_db/default_availability: availability is out of range"), "{refusal}");
    memory.remove("overlays/ads/mixer/prod/atla/decider_overlay.yml").unwrap();
    memory.flip();
    assert_eq!((handle.value(), decider.refusals().len()), (Some(1), 0));
}

#[test]
fn a_handle_decides_as_the_name_does() {
    let memory = ConfigBus::in_memory();
    check_set(&memory, &[("decider.yml", "half: {default_availability: 5000}\nall: {default_availability: 10000}\n")]);
    let decider = memory.bus().decider("decider.yml", &OverlayPlace::default()).unwrap();
    let half = decider.handle("half");
    let both = |id: u64| {
        [Recipient::user(id), Recipient::guest(id)]
            .map(|r| (half.is_available_for(r), decider.is_available_for("half", r)))
    };
    assert!((0..1_000).flat_map(both).all(|(by_handle, by_name)| by_handle == by_name && by_handle.is_some()));
    assert_eq!(decider.is_available_at_random("all"), Some(true));
    assert_eq!(decider.handle("none").is_available_at_random(), None);
}

#[test]
fn an_override_ends_by_itself() {
    let memory = ConfigBus::in_memory();
    check_set(&memory, &[("decider.yml", "a: {default_availability: 1}\n")]);
    let decider = memory.bus().decider("decider.yml", &OverlayPlace::default()).unwrap();
    let handle = decider.handle("a");
    decider.override_for("a", 10_000, Duration::from_secs(3_600));
    assert_eq!((handle.is_available(), decider.is_available("a")), (Some(true), Some(true)));
    assert_eq!(decider.is_available_for("a", Recipient::user(1_u64)), Some(true));
    check_set(&memory, &[("decider.yml", "a: {default_availability: 2}\n")]);
    assert_eq!(handle.value(), Some(10_000), "a new file does not end it");
    decider.end_override("a");
    assert_eq!((handle.value(), decider.value("a")), (Some(2), Some(2)));
    decider.override_for("a", 10_000, Duration::ZERO);
    assert_eq!((handle.value(), decider.value("a")), (Some(2), Some(2)), "it has run out already");
}

#[test]
fn toggles_follow_their_five_layers() {
    let memory = ConfigBus::in_memory();
    let file =
        |fraction: f64| format!(r#"{{"toggles": [{{"id": "com.a.b", "fraction": {fraction}, "description": "x"}}]}}"#);
    let options = ToggleOptions::new().environment("PROD");
    let toggles = memory.bus().toggles("toggles/configs", "com.a", options).unwrap();
    let handle = toggles.handle("com.a.b");
    assert_eq!(handle.is_on(1), None);
    check_set(&memory, &[("toggles/configs/com.a.json", &file(0.0))]);
    assert_eq!(handle.is_on(1), Some(false));
    check_set(&memory, &[("toggles/configs/com.a-prod.json", &file(1.0))]);
    assert_eq!(handle.is_on(1), Some(true));
    check_set(&memory, &[("toggles/configs/com.a-service.json", &file(0.0))]);
    assert_eq!(handle.is_on(1), Some(false));
    toggles.set("com.a.b", 1.0);
    check_set(&memory, &[("toggles/configs/com.a-service-prod.json", "{}")]);
    assert_eq!((handle.is_on(1), toggles.refusals().len()), (Some(true), 1), "a bad file changes nothing");
    assert_eq!(toggles.components("com.a.b").len(), 3);
    toggles.unset("com.a.b");
    assert_eq!((handle.is_on(1), toggles.effective().iter().count()), (Some(false), 1));
}

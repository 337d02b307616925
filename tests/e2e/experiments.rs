//! Experiments from a file on the bus to a running process.

use configbus_client::{ConfigBus, ExperimentHandle, switches::Context};
use configbus_tests::{bus::Bus, eventually::eventually};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

const USERS: i64 = 400;

/// An experiment of two variants that has a part of the layer `checkout`.
fn experiment(layer: &str, green: &str, more: &str) -> String {
    format!(
        "owner: growth\nunit: user\n{more}layer: {{name: checkout, range: {layer}}}\nvariants:\n  \
         control: {{range: [0, 20], value: {{colour: blue}}}}\n  green: {{range: {green}, value: {{colour: green}}}}\n"
    )
}

/// Asks for every user; who is in no variant is left out.
fn dealt(handle: &ExperimentHandle, peek: bool) -> BTreeMap<i64, String> {
    let variant = |user: i64| {
        let with = [("user", user.into())];
        let context = Context::of(&with);
        let assigned = if peek { handle.peek(&context) } else { handle.assign(&context) }?;
        Some((user, assigned.variant.as_ref()?.name.to_string()))
    };
    (0..USERS).filter_map(variant).collect()
}

#[test]
fn users_are_dealt_in_a_running_process_and_growing_moves_nobody() {
    let bus = Bus::start();
    let put = |path: &str, text: &str| bus.run_with(&["put", path], text.as_bytes());
    let _ = put("experiments/layers.yaml", "layers:\n  checkout: {unit: user}\n").expect_ok();
    let _ = put("experiments/button.yaml", &experiment("[0, 60]", "[20, 40]", "")).expect_ok();

    let refused = put("experiments/banner.yaml", &experiment("[50, 100]", "[20, 100]", ""));
    assert_eq!(refused.code, 4);
    assert!(
        refused.stderr.contains("experiments/banner.yaml") && refused.stderr.contains("checkout"),
        "{}",
        refused.stderr
    );
    let _ = put("experiments/banner.yaml", &experiment("[60, 100]", "[20, 100]", "")).expect_ok();

    let client = ConfigBus::open(bus.current().parent().unwrap()).unwrap();
    let experiments = client.experiments("experiments/**").unwrap();
    let told: Arc<Mutex<Vec<(String, String)>>> = Arc::default();
    let exposures = Arc::clone(&told);
    experiments.on_exposure(move |exposure| {
        let seen = (format!("{} {:?}", exposure.experiment, exposure.unit), exposure.variant.name.to_string());
        exposures.lock().unwrap().push(seen);
    });
    let (button, banner) = (experiments.handle("button"), experiments.handle("banner"));
    let of_banner = eventually("both are there", || {
        let of_banner = dealt(&banner, true);
        (!dealt(&button, true).is_empty() && !of_banner.is_empty()).then_some(of_banner)
    });
    let before = dealt(&button, false);
    assert!(before.keys().all(|user| !of_banner.contains_key(user)), "one layer, one experiment for each user");
    assert_eq!(dealt(&button, false), before);
    let exposed = told.lock().unwrap().clone();
    assert_eq!(exposed.len(), before.len(), "each user once: {exposed:?}");

    let _ = put("experiments/button.yaml", &experiment("[0, 60]", "[20, 100]", "")).expect_ok();
    let after = eventually("the variant has grown", || {
        let after = dealt(&button, true);
        (after.len() > before.len()).then_some(after)
    });
    for (user, variant) in &before {
        assert_eq!(after.get(user), Some(variant), "user {user} is where it was");
    }

    let _ = put("experiments/button.yaml", &experiment("[0, 60]", "[20, 100]", "off: true\n")).expect_ok();
    eventually("turning it off empties it", || dealt(&button, true).is_empty().then_some(()));
    let with = [("user", 1_i64.into())];
    assert_eq!(button.explain(&Context::of(&with)).unwrap()[0], "off: yes, ends here");
}

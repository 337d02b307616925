//! Experiments that follow their files.

use crate::{ConfigBus, ExperimentHandle, InMemory, switches::Context, switches::experiment::Cause};
use std::sync::{Arc, Mutex};

const LAYERS: &str = "layers: {checkout: {unit: user}}\n";

fn experiment(range: &str, more: &str) -> String {
    format!(
        "owner: ada\nunit: user\nlayer: {{name: checkout, range: {range}}}\nvariants:\n  old: {{range: [0, 50]}}\n  new: {{range: [50, 100], value: 7}}\n{more}"
    )
}

fn check_set(memory: &InMemory, files: &[(&str, &str)]) {
    for (path, content) in files {
        memory.set(path, content).unwrap();
    }
    memory.flip();
}

fn causes(handle: &ExperimentHandle) -> Vec<Option<Cause>> {
    let ask = |user: i64| handle.peek(&Context::of(&[("user", user.into())])).map(|assigned| assigned.cause);
    (0..100).map(ask).collect()
}

#[test]
fn experiments_follow_their_files_and_keep_the_last_good() {
    let memory = ConfigBus::in_memory();
    let experiments = memory.bus().experiments("experiments/**").unwrap();
    let (a, b) = (experiments.handle("shop/a"), experiments.handle("b"));
    assert!(causes(&a).iter().all(Option::is_none), "it is not there yet");
    let (low, high) = (experiment("[0, 40]", ""), experiment("[40, 100]", ""));
    check_set(
        &memory,
        &[("experiments/README.md", "x"), ("experiments/notes.json", "{}"), ("experiments/layers.yaml", LAYERS)],
    );
    check_set(&memory, &[("experiments/shop/a.yaml", &low), ("experiments/b.yaml", &high)]);
    assert_eq!((experiments.refusals().len(), experiments.load().iter().count()), (0, 2));
    let before = (causes(&a), causes(&b));
    assert!(before.0.iter().zip(&before.1).all(|(a, b)| (*a == Some(Cause::Dealt)) != (*b == Some(Cause::Dealt))));

    check_set(&memory, &[("experiments/shop/a.yaml", "owner: ada\nvariants: {}\n")]);
    assert_eq!(before, (causes(&a), causes(&b)), "a file that is wrong by itself changes nothing");
    check_set(&memory, &[("experiments/shop/a.yaml", &experiment("[0, 60]", ""))]);
    assert_eq!(before, (causes(&a), causes(&b)), "nor do files that are wrong together");
    let refusals = experiments.refusals();
    let (path, refusal) = refusals.first_key_value().unwrap();
    assert_eq!((refusals.len(), path.as_str()), (1, "experiments/shop/a.yaml"));
    assert!(refusal.to_string().contains("/layer/range: range overlaps 40 to 100 of experiment 'b'"), "{refusal}");

    check_set(&memory, &[("experiments/b.yaml", &experiment("[40, 100]", "off: true\n"))]);
    assert!(causes(&b).iter().all(|cause| *cause == Some(Cause::Off)), "stopping one does not depend on others");
    assert_eq!(before.0, causes(&a));
    memory.remove("experiments/b.yaml").unwrap();
    memory.flip();
    assert_eq!((experiments.refusals().len(), causes(&b)[0]), (0, None));
    assert_ne!(before.0, causes(&a), "the wider range counts once it is free");
}

#[test]
fn who_takes_part_is_told_once() {
    let memory = ConfigBus::in_memory();
    check_set(
        &memory,
        &[
            ("experiments/layers.yaml", LAYERS),
            ("experiments/a.yaml", &experiment("[0, 100]", "overrides: [{when: {user: ada}, variant: new}]\n")),
        ],
    );
    let experiments = memory.bus().experiments("experiments/**").unwrap();
    let a = experiments.handle("a");
    let assign = |user: &str| a.assign(&Context::of(&[("user", user.into())])).unwrap();
    assign("before anybody listens");
    let seen = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&seen);
    experiments.on_exposure(move |exposure| {
        noted.lock().unwrap().push(format!("{} {} {:?}", exposure.experiment, exposure.variant.name, exposure.unit));
    });
    experiments.on_exposure(|_| panic!("on purpose"));
    assert_eq!(assign("ada").name_or("none"), "new");
    for user in ["bob", "bob", "bob", "42", "bob"] {
        assert_eq!(a.peek(&Context::of(&[("user", user.into())])).unwrap().cause, Cause::Dealt);
        assign(user);
    }
    let new = assign("bob").value().unwrap() == 7;
    let bob = format!("a {} Text(\"bob\")", if new { "new" } else { "old" });
    let seen = seen.lock().unwrap().clone();
    assert_eq!((seen.len(), &seen[0]), (2, &bob), "{seen:?}");
    assert_eq!(memory.bus().stats().callback_panics, 2);
    let told = a.explain(&Context::of(&[])).unwrap();
    assert_eq!(told.last().unwrap(), "layer 'checkout': nothing says user, outside the experiment's range, ends here");
}

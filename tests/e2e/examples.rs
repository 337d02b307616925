//! The examples, as their pages say to run them, with the packages that they name.

use configbus_tests::{
    binary::example,
    bus::Bus,
    child::Child,
    eventually::{DEADLINE, eventually, within},
    git::WorkingCopy,
    packages,
    rest::Rest,
};
use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};
use tempfile::TempDir;

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples");

const CART: &str = "/cart?user=42&country=DE";

fn file(path: &str) -> PathBuf {
    Path::new(EXAMPLES).join(path)
}

/// Returns a bus with the switches of the examples, pushed from a clone.
fn shop_bus() -> Bus {
    let bus = Bus::start();
    let copy = WorkingCopy::clone(bus.git(), &[]);
    for path in ["web/decider.yml", "features/checkout/cart.yaml", "experiments/checkout/button.yaml"] {
        copy.write(path, fs::read(file("files").join(path)).unwrap());
    }
    copy.commit("switches of the shop");
    let _ = copy.push().expect_ok();
    let _ = bus.run(&["wait", "r1"]).expect_ok();
    bus
}

/// A running example.
struct Service {
    child: Child,
    rest: Rest,
    _folder: TempDir,
}

impl Service {
    fn start(mut command: Command) -> Self {
        let folder = TempDir::with_prefix("example-").unwrap();
        let mut child = Child::spawn("the example", &mut command, &folder.path().join("log")).unwrap();
        let url = within(DEADLINE, || {
            assert!(child.ended().is_none(), "the example ended: {}", child.output());
            let output = child.output();
            let line = output.split_inclusive('\n').find(|line| line.ends_with('\n'))?;
            line.trim().strip_prefix("listening on ").map(str::to_owned)
        });
        let url = url.unwrap_or_else(|| panic!("the example says no address: {}", child.output()));
        Self { rest: Rest::new(&url), child, _folder: folder }
    }

    fn await_cart(&self, member: &str, expected: &Value) {
        let mut last = Value::Null;
        let found = within(DEADLINE, || {
            last = self.rest.get(CART, &[]).json();
            (last[member] == *expected).then_some(())
        });
        assert!(found.is_some(), "{member} is not {expected}: {last}");
    }
}

fn set_batch(bus: &Bus, batch: u32) {
    let feature = fs::read_to_string(file("files/features/checkout/cart.yaml")).unwrap();
    let feature = feature.replace("batch: 40", &format!("batch: {batch}"));
    let _ = bus.run_with(&["put", "features/checkout/cart.yaml"], feature.as_bytes()).expect_ok();
}

#[test]
fn the_example_in_rust_follows_decider_feature_and_experiment() {
    let bus = shop_bus();
    let mut command = Command::new(example("shop"));
    command.arg(bus.current().parent().unwrap()).arg("127.0.0.1:0");
    let service = Service::start(command);
    let cart = service.rest.get(CART, &[]);
    let expected = json!({ "database": "old", "batch": 40, "banner": "Willkommen", "button": "green" });
    assert_eq!((cart.status, cart.json()), (200, expected));
    assert_eq!(service.rest.get("/cart?user=42&country=FR", &[]).json()["batch"], 20);
    let _ = bus.run(&["decider", "set", "web/decider.yml", "new_db", "10000"]).expect_ok();
    service.await_cart("database", &json!("new"));
    set_batch(&bus, 60);
    service.await_cart("batch", &json!(60));
    assert_eq!(service.rest.get("/other", &[]).status, 404);
    let exposures = service.child.output();
    let exposures: Vec<_> = exposures.lines().filter(|line| line.starts_with("exposure: ")).collect();
    assert_eq!(exposures.len(), 1, "told once, however often it is asked: {exposures:?}");
}

#[test]
fn the_example_in_python_follows_its_feature() {
    let packages = fs::read_to_string(file("python/requirements.txt")).unwrap();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("python-example");
    let Some(folder) = packages::python(&folder, &packages.lines().collect::<Vec<_>>()) else { return };
    let mut command = Command::new(folder.join("bin/python"));
    command.arg(file("python/shop.py"));
    check_asking(command);
}

#[test]
fn the_example_in_node_follows_its_feature() {
    let manifest: Value = serde_json::from_slice(&fs::read(file("node/package.json")).unwrap()).unwrap();
    let packages = manifest["dependencies"].as_object().unwrap().iter();
    let packages: Vec<_> = packages.map(|(name, version)| format!("{name}@{}", version.as_str().unwrap())).collect();
    let packages: Vec<_> = packages.iter().map(String::as_str).collect();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("node-example");
    let Some(folder) = packages::node(&folder, &packages) else { return };
    // Packages are looked for beside the program.
    let script = folder.join("shop.mjs");
    let _ = fs::copy(file("node/shop.mjs"), &script).unwrap();
    let mut command = Command::new("node");
    command.arg(script);
    check_asking(command);
}

/// Runs an example that asks the agent.
fn check_asking(mut command: Command) {
    let bus = shop_bus();
    let agent = bus.endpoints().agents[0].listen.clone();
    let service = Service::start({
        command.args([&agent, "0"]);
        command
    });
    eventually("the agent has read the feature", || {
        let cart = service.rest.get(CART, &[]).json();
        (cart == json!({ "batch": 40, "banner": "Willkommen", "because": "germany" })).then_some(())
    });
    assert_eq!(service.rest.get("/cart?user=42&country=FR", &[]).json()["batch"], 20);
    set_batch(&bus, 60);
    service.await_cart("batch", &json!(60));
    assert_eq!(service.rest.get("/other", &[]).status, 404);
}

//! Programs with flagd's own providers, which ask an agent over gRPC or take all flags and evaluate by themselves.

use crate::providers::{Program, SCRIPTS, feature, folder};
use configbus_tests::{bus::Bus, eventually::eventually, packages, ports::fixed_port};
use serde_json::{Value, json};
use std::{fs, path::Path, process::Command};

const FLAGS: &str = r#"{
    "$evaluators": {"staff": {"in": ["staff", {"var": "roles"}]}},
    "flags": {
        "text": {"state": "ENABLED", "variants": {"a": "one", "b": "two"}, "defaultVariant": "a",
            "targeting": {"if": [{"$ref": "staff"}, "b", null]}},
        "web-number": {"state": "ENABLED", "variants": {"x": 1.5}, "defaultVariant": "x"},
        "off": {"state": "DISABLED", "variants": {"on": true}, "defaultVariant": "on"}
    }
}"#;

/// How a program evaluates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// It asks the agent each time.
    Asking,
    /// It has all flags.
    Evaluating,
}

impl Mode {
    fn name(self) -> &'static str {
        match self {
            Self::Asking => "rpc",
            Self::Evaluating => "in-process",
        }
    }
}

fn python(mode: Mode) -> Option<Command> {
    let packages = ["openfeature-sdk==0.10.0", "openfeature-provider-flagd==0.6.1"];
    let mut python = Command::new(packages::python(&folder("python-flagd-1"), &packages)?.join("bin/python"));
    python.arg(Path::new(SCRIPTS).join("flagd.py")).arg(mode.name());
    Some(python)
}

fn node(mode: Mode) -> Option<Command> {
    let packages = ["@openfeature/server-sdk@1.23.0", "@openfeature/flagd-provider@0.16.1"];
    // Packages are looked for beside the program.
    let script = packages::node(&folder("node-flagd-1"), &packages)?.join("flagd.mjs");
    fs::copy(Path::new(SCRIPTS).join("flagd.mjs"), &script).ok()?;
    let mut node = Command::new("node");
    node.arg(script).arg(mode.name());
    Some(node)
}

fn port(bus: &Bus) -> String {
    bus.endpoints().agents[0].listen.clone()
}

fn socket(bus: &Bus) -> String {
    bus.endpoints().agents[0].root.join("http.sock").to_str().unwrap().to_owned()
}

#[test]
fn python_asks_an_agent_by_flagds_protocol() {
    python(Mode::Asking).into_iter().for_each(|command| check_provider(command, Mode::Asking, port));
}

#[test]
fn python_evaluates_the_flags_of_an_agent_by_itself() {
    python(Mode::Evaluating).into_iter().for_each(|command| check_provider(command, Mode::Evaluating, port));
}

#[test]
fn node_asks_an_agent_by_flagds_protocol() {
    node(Mode::Asking).into_iter().for_each(|command| check_provider(command, Mode::Asking, port));
}

#[test]
fn node_evaluates_the_flags_of_an_agent_by_itself_over_its_socket() {
    node(Mode::Evaluating).into_iter().for_each(|command| check_provider(command, Mode::Evaluating, socket));
}

fn check_provider(command: Command, mode: Mode, address: impl Fn(&Bus) -> String) {
    let mut bus = Bus::with(&["--agent-listen", &format!("127.0.0.1:{}", fixed_port())]);
    let put = |bus: &Bus, path: &str, content: &str| {
        let _ = bus.run_with(&["put", path], content.as_bytes()).expect_ok();
        bus.shows(path, content);
    };
    put(&bus, "flags/web.json", FLAGS);
    put(&bus, "features/shop/cart.yaml", &feature(5));
    let mut program = Program::start(command, &address(&bus));
    let await_size = |program: &mut Program, size: u32| {
        eventually("the size is there", || (program.ask("shop/cart.size", &json!(9))[0] == size).then_some(()));
    };
    await_size(&mut program, 5);
    for (key, default, expected) in [
        ("shop/cart.on", json!(false), json!([true, "german", null])),
        ("shop/cart", json!({}), json!([{"on": true, "size": 5}, "german", null])),
        ("text", json!("none"), json!(["two", "b", null])),
        ("web-number", json!(0.5), json!([1.5, "x", null])),
        ("missing", json!("mine"), json!(["mine", null, "FLAG_NOT_FOUND"])),
        ("text", json!(true), json!([true, null, "TYPE_MISMATCH"])),
    ] {
        assert_eq!(program.ask(key, &default), expected, "{key}");
    }
    assert_eq!(program.ask("off", &json!(false))[0], json!(false), "the program's default counts");
    // Providers keep answers that depend on nobody until they are told that the flag changed.
    assert_eq!(program.ask("web-number", &json!(0.5))[0], json!(1.5));
    put(&bus, "flags/web.json", &FLAGS.replace("1.5", "2.5"));
    let is_told = |keys: &Value| keys[0].as_array().is_some_and(|keys| keys.contains(&json!("web-number")));
    eventually("the change is told", || {
        let is_told = is_told(&program.ask("changed", &Value::Null));
        (is_told && program.ask("web-number", &json!(0.5)) == json!([2.5, "x", null])).then_some(())
    });
    put(&bus, "features/shop/cart.yaml", &feature(6));
    await_size(&mut program, 6);
    bus.kill();
    if mode == Mode::Evaluating {
        assert_eq!(program.ask("shop/cart.size", &json!(9))[0], 6, "nobody answers, and nobody is asked");
    }
    bus.restart();
    put(&bus, "features/shop/cart.yaml", &feature(7));
    await_size(&mut program, 7);
}

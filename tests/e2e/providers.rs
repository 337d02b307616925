//! Programs in other languages, with OpenFeature's own packages as they are published.

use configbus_tests::{bus::Bus, eventually::eventually, packages, ports::fixed_port};
use serde_json::{Value, json};
use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

/// Where the programs are.
const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/providers");

const FLAGS: &str = r#"{"flags": {
    "text": {"state": "ENABLED", "variants": {"a": "one", "b": "two"}, "defaultVariant": "a",
        "targeting": {"if": [{"in": ["staff", {"var": "roles"}]}, "b", null]}},
    "web-number": {"state": "ENABLED", "variants": {"x": 1.5}, "defaultVariant": "x"},
    "off": {"state": "DISABLED", "variants": {"on": true}, "defaultVariant": "on"}
}}"#;

/// Returns a folder for packages that the tests share.
fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// Returns the program in Python, but for the address that it asks.
fn python() -> Option<Command> {
    let packages = ["openfeature-sdk==0.10.0", "openfeature-provider-ofrep==0.3.0"];
    let mut python = Command::new(packages::python(&folder("python-ofrep-1"), &packages)?.join("bin/python"));
    python.arg(Path::new(SCRIPTS).join("ofrep.py"));
    Some(python)
}

/// Returns the program for Node.
fn node() -> Option<Command> {
    let packages = ["@openfeature/server-sdk@1.23.0", "@openfeature/ofrep-provider@0.1.3"];
    // Packages are looked for beside the program.
    let script = packages::node(&folder("node-ofrep-1"), &packages)?.join("ofrep.mjs");
    fs::copy(Path::new(SCRIPTS).join("ofrep.mjs"), &script).ok()?;
    let mut node = Command::new("node");
    node.arg(script);
    Some(node)
}

/// A program that asks.
struct Program {
    child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Program {
    fn start(mut command: Command, url: &str) -> Self {
        let mut child = command.arg(url).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (questions, answers) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, questions, answers }
    }

    /// Returns value, variant and error of a key, asked with a default.
    fn ask(&mut self, key: &str, default: &Value) -> Value {
        writeln!(self.questions, "{}", json!([key, default])).unwrap();
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn feature(size: u32) -> String {
    format!(
        "owner: shop\nstage: beta\nparameters:\n  on: {{type: bool, default: false}}\n  size: {{type: int, default: 1}}\n\
         rules:\n  - name: german\n    when: {{country: DE}}\n    set: {{on: true, size: {size}}}\n"
    )
}

#[test]
fn the_python_provider_evaluates_every_type_sees_changes_and_survives_a_restart() {
    python().into_iter().for_each(check_provider);
}

#[test]
fn the_node_provider_evaluates_every_type_sees_changes_and_survives_a_restart() {
    node().into_iter().for_each(check_provider);
}

fn check_provider(command: Command) {
    let mut bus = Bus::with(&["--agent-listen", &format!("127.0.0.1:{}", fixed_port())]);
    let _ = bus.run_with(&["put", "flags/web.json"], FLAGS.as_bytes()).expect_ok();
    let _ = bus.run_with(&["put", "features/shop/cart.yaml"], feature(5).as_bytes()).expect_ok();
    let mut program = Program::start(command, &bus.endpoints().agents[0].listen);
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
    // These versions report an error for a flag that is off; the program's default counts all the same.
    assert_eq!(program.ask("off", &json!(false))[0], json!(false));
    let _ = bus.run_with(&["put", "features/shop/cart.yaml"], feature(6).as_bytes()).expect_ok();
    await_size(&mut program, 6);
    bus.kill();
    assert_eq!(program.ask("shop/cart.size", &json!(9))[0], 9, "nobody answers");
    bus.restart();
    await_size(&mut program, 6);
}

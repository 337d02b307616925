//! Programs in other languages, with OpenFeature's own packages as they are published.

use configbus_tests::{bus::Bus, eventually::eventually, packages, ports::fixed_port, rest::Rest};
use serde_json::{Value, json};
use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

/// Where the programs are.
pub(crate) const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/providers");

const FLAGS: &str = r#"{"flags": {
    "text": {"state": "ENABLED", "variants": {"a": "one", "b": "two"}, "defaultVariant": "a",
        "targeting": {"if": [{"in": ["staff", {"var": "roles"}]}, "b", null]}},
    "web-number": {"state": "ENABLED", "variants": {"x": 1.5}, "defaultVariant": "x"},
    "off": {"state": "DISABLED", "variants": {"on": true}, "defaultVariant": "on"}
}}"#;

/// Returns a folder for packages that the tests share.
pub(crate) fn folder(name: &str) -> PathBuf {
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

/// Returns the program for web pages, which is told of changes or asks again and again.
fn web(mode: &str) -> Option<Command> {
    let packages = ["@openfeature/web-sdk@1.10.0", "@openfeature/ofrep-web-provider@0.4.3", "eventsource@4.1.1"];
    let script = packages::node(&folder("web-ofrep-1"), &packages)?.join("ofrep-web.mjs");
    fs::copy(Path::new(SCRIPTS).join("ofrep-web.mjs"), &script).ok()?;
    let mut node = Command::new("node");
    node.arg(script).arg(mode);
    Some(node)
}

/// A program that asks.
pub(crate) struct Program {
    child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Program {
    pub(crate) fn start(mut command: Command, url: &str) -> Self {
        let mut child = command.arg(url).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (questions, answers) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, questions, answers }
    }

    /// Returns value, variant and error of a key, asked with a default.
    pub(crate) fn ask(&mut self, key: &str, default: &Value) -> Value {
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

pub(crate) fn feature(size: u32) -> String {
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

#[test]
fn a_web_page_is_told_of_changes_and_survives_a_restart() {
    let Some(command) = web("sse") else { return };
    let (mut bus, mut program) = web_page(command);
    put_size(&bus, 6);
    await_told(&mut program, 6);
    assert_eq!(answers(&bus, "304"), 0, "it asks when it is told to, and then there is news");
    bus.kill();
    assert_eq!(program.ask("shop/cart.size", &json!(9))[0], 6, "it has what it was told");
    bus.restart();
    // Whether or not it is back by then: who comes back is told what it missed.
    put_size(&bus, 7);
    await_told(&mut program, 7);
}

#[test]
fn a_web_page_that_asks_again_and_again_is_not_told_the_same_twice() {
    let Some(command) = web("polling") else { return };
    let (mut bus, mut program) = web_page(command);
    let (told, known) = (answers(&bus, "200"), answers(&bus, "304"));
    eventually("it is told that nothing changed", || (answers(&bus, "304") >= known + 5).then_some(()));
    assert_eq!(answers(&bus, "200"), told);
    put_size(&bus, 6);
    await_told(&mut program, 6);
    assert_eq!(answers(&bus, "200"), told + 1);
    bus.kill();
    bus.restart();
    eventually("nothing changed for it by the restart", || (answers(&bus, "304") >= 5).then_some(()));
    put_size(&bus, 7);
    await_told(&mut program, 7);
}

/// Returns a page that was told all types.
fn web_page(command: Command) -> (Bus, Program) {
    let bus = Bus::with(&["--agent-listen", &format!("127.0.0.1:{}", fixed_port())]);
    let _ = bus.run_with(&["put", "flags/web.json"], FLAGS.as_bytes()).expect_ok();
    put_size(&bus, 5);
    let agent = Rest::new(&bus.endpoints().agents[0].listen);
    let size = || agent.post("/ofrep/v1/evaluate/flags/shop%2Fcart.size", &[], "").status;
    eventually("the agent has flags", || (size() == 200).then_some(()));
    let mut program = Program::start(command, &bus.endpoints().agents[0].listen);
    for (key, default, expected) in [
        ("shop/cart.size", json!(9), json!([5, "german", null])),
        ("shop/cart.on", json!(false), json!([true, "german", null])),
        ("shop/cart", json!({}), json!([{"on": true, "size": 5}, "german", null])),
        ("text", json!("none"), json!(["two", "b", null])),
        ("web-number", json!(0.5), json!([1.5, "x", null])),
        ("missing", json!("mine"), json!(["mine", null, "FLAG_NOT_FOUND"])),
        ("text", json!(true), json!([true, null, "TYPE_MISMATCH"])),
        ("off", json!(false), json!([false, null, null])),
    ] {
        assert_eq!(program.ask(key, &default), expected, "{key}");
    }
    (bus, program)
}

fn put_size(bus: &Bus, size: u32) {
    let _ = bus.run_with(&["put", "features/shop/cart.yaml"], feature(size).as_bytes()).expect_ok();
    bus.shows("features/shop/cart.yaml", feature(size));
}

/// Waits for the event with which the size is another one.
fn await_told(program: &mut Program, size: u32) {
    eventually("the change is told", || {
        let told = program.ask("changed", &Value::Null);
        let is_named = told[0].as_array().is_some_and(|keys| keys.contains(&json!("shop/cart.size")));
        (is_named && program.ask("shop/cart.size", &json!(9))[0] == size).then_some(())
    });
}

/// Returns how many questions the agent answered with a status.
fn answers(bus: &Bus, status: &str) -> u64 {
    let metrics = Rest::new(&bus.endpoints().agents[0].listen).get("/metrics", &[]).body;
    let label = format!("status=\"{status}\"");
    let counted = metrics.lines().filter(|line| line.starts_with("configbus_agent_ofrep_answers_total{"));
    let counted = counted.filter(|line| line.contains(&label) && line.contains("kind=\"all\""));
    counted.filter_map(|line| line.rsplit_once(' ')?.1.parse::<u64>().ok()).sum()
}

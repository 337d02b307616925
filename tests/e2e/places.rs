//! Files that an agent keeps at fixed places, through the real binary: checked, swapped, told of, reported.

use configbus_tests::{binary::configbus, bus::Bus, child::Child, eventually::eventually};
use std::{fs, path::Path, process::Command};
use tempfile::TempDir;

/// An agent of its own beside those of `up`, with a file of settings.
fn agent(folder: &Path, bus: &Bus) -> Child {
    let at = |name: &str| folder.join(name).display().to_string();
    let settings = format!(
        "root = {root:?}\nstores = [{store:?}]\nhost = \"edge\"\nlisten = \"127.0.0.1:0\"\n\
         [[deliver]]\npath = \"nginx/nginx.conf\"\nto = {conf:?}\nmode = \"0640\"\n\
         check = \"grep -q worker_processes {{new}} || {{ echo no worker_processes; exit 1; }}\"\non_change = {reload:?}\n\
         [[deliver]]\npath = \"nginx/conf.d\"\nto = {conf_d:?}\non_change = {reload:?}\n",
        root = at("root"),
        store = bus.endpoints().store,
        conf = at("nginx.conf"),
        conf_d = at("conf.d"),
        reload = format!("echo reload >> {}", at("reloads")),
    );
    fs::write(folder.join("agent.toml"), settings).unwrap();
    let mut command = Command::new(configbus());
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.args(["agent", "--config", &at("agent.toml")]);
    Child::spawn("agent", &mut command, &folder.join("agent.log")).unwrap()
}

#[test]
fn a_file_and_a_directory_take_their_places_and_a_bad_one_does_not() {
    let (bus, folder) = (Bus::start(), TempDir::new().unwrap());
    let has = |name: &str, content: &str| {
        eventually(&format!("{name} is {content:?}"), || {
            (fs::read_to_string(folder.path().join(name)).ok()? == content).then_some(())
        });
    };
    let put = |path: &str, content: &str| {
        let _ = bus.run_with(&["put", path], content.as_bytes()).expect_ok();
    };
    put("nginx/conf.d/a.conf", "a");
    put("nginx/nginx.conf", "worker_processes 1;");
    // The store has both before the agent asks: one revision for it, so one command.
    bus.shows("nginx/nginx.conf", "worker_processes 1;");
    let mut edge = agent(folder.path(), &bus);
    has("nginx.conf", "worker_processes 1;");
    has("conf.d/a.conf", "a");
    has("reloads", "reload\n");

    put("nginx/nginx.conf", "nonsense");
    let refusal = eventually("the fleet knows who refused and why", || {
        let hosts = bus.run(&["hosts"]).expect_ok().stdout;
        hosts.lines().find(|line| line.contains("no worker_processes")).map(str::to_owned)
    });
    assert!(refusal.contains("edge") || refusal.contains("nginx/nginx.conf"), "{refusal}");
    has("nginx.conf", "worker_processes 1;");

    edge.kill_alone();
    put("nginx/nginx.conf", "worker_processes 2;");
    put("nginx/conf.d/b.conf", "b");
    bus.shows("nginx/conf.d/b.conf", "b");
    let _edge = agent(folder.path(), &bus);
    has("nginx.conf", "worker_processes 2;");
    has("conf.d/b.conf", "b");
    has("reloads", "reload\nreload\n");
}

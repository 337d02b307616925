//! What is shipped for operators is right.

use configbus_tests::{binary::configbus, bus::Run, pki::Authority, tools::is_installed};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};
use tempfile::TempDir;

fn deploy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy")
}

#[test]
fn systemd_accepts_the_units() {
    if !is_installed("systemd-analyze", "systemd") {
        return;
    }
    let folder = TempDir::new().unwrap();
    let mut units = Vec::new();
    for role in ["server", "store", "agent"] {
        let name = format!("configbus-{role}.service");
        let unit = fs::read_to_string(deploy().join("systemd").join(&name)).unwrap();
        // systemd wants the program to exist, and here it is not installed.
        let unit = unit.replace("/usr/bin/configbus", &configbus().display().to_string());
        assert!(unit.contains(&format!("{} --config", role)), "{name} runs its role");
        fs::write(folder.path().join(&name), unit).unwrap();
        units.push(folder.path().join(name));
    }
    let verify = Command::new("systemd-analyze").args(["verify", "--man=no"]).args(&units).output();
    let output = verify.expect("systemd-analyze can be started");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.trim().is_empty(), "{said}");
}

#[test]
fn examples_of_settings_are_valid() {
    let examples = deploy().join("examples/three-hosts");
    let authority = Authority::new("test");
    let issued = authority.file().parent().unwrap().display().to_string();
    let folder = TempDir::new().unwrap();
    for role in ["server", "store", "agent"] {
        let _ = authority.issue(role, &["bus-1"]);
        // The files of TLS are read by `--check`, and those of the example are nowhere.
        let settings = fs::read_to_string(examples.join(format!("{role}.toml"))).unwrap();
        let file = folder.path().join(format!("{role}.toml"));
        fs::write(&file, settings.replace("/etc/configbus/tls", &issued)).unwrap();
        let _ = Run::of(&[role, "--check", "--config", file.to_str().unwrap()], b"").expect_ok();
    }
}

//! What `cargo metadata` says of this workspace.

use serde_json::Value;
use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

/// Returns the folder with the workspace's `Cargo.toml`.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ is a folder of the workspace")
}

/// Returns the output of `cargo metadata`, dependencies included.
pub(crate) fn metadata() -> &'static Value {
    static METADATA: OnceLock<Value> = OnceLock::new();
    METADATA.get_or_init(|| {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["metadata", "--format-version=1", "--locked", "--filter-platform=x86_64-unknown-linux-gnu"]);
        let output = cargo.current_dir(root()).output().expect("cargo runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).expect("cargo prints JSON")
    })
}

/// Returns the packages of the workspace.
pub(crate) fn members() -> impl Iterator<Item = &'static Value> {
    packages().filter(|package| package["source"].is_null())
}

/// Returns every package that is built.
pub(crate) fn packages() -> impl Iterator<Item = &'static Value> {
    let resolved: Vec<_> = array(&metadata()["resolve"]["nodes"]).map(|node| &node["id"]).collect();
    array(&metadata()["packages"]).filter(move |package| resolved.contains(&&package["id"]))
}

/// Iterates an array.
pub(crate) fn array(value: &'static Value) -> impl Iterator<Item = &'static Value> {
    value.as_array().expect("cargo metadata has an array here").iter()
}

/// Returns a field as text.
pub(crate) fn text<'a>(package: &'a Value, field: &str) -> &'a str {
    package[field].as_str().unwrap_or_default()
}

/// Returns the Rust sources under version control.
pub(crate) fn rust_sources() -> Vec<PathBuf> {
    let output = Command::new("git").args(["ls-files", "-z", "--", "*.rs"]).current_dir(root()).output();
    let output = output.expect("git runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let names = String::from_utf8(output.stdout).expect("sources have UTF-8 names");
    names.split_terminator('\0').map(|name| root().join(name)).filter(|path| path.exists()).collect()
}

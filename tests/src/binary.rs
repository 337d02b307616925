//! The program under test: the real `configbus`, built with the profile of the tests.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
};

static BINARY: LazyLock<PathBuf> = LazyLock::new(locate);

/// Returns the path of `configbus`: `CONFIGBUS_BIN`, or what Cargo builds from this workspace.
pub fn configbus() -> &'static Path {
    &BINARY
}

/// Returns the path of a Cargo example, built like the binary and beside it.
pub fn example(name: &str) -> PathBuf {
    if let Some(binary) = env::var_os("CONFIGBUS_BIN") {
        return Path::new(&binary).with_file_name("examples").join(name);
    }
    build(&["--example", name]).join("examples").join(name)
}

fn locate() -> PathBuf {
    if let Some(path) = env::var_os("CONFIGBUS_BIN") {
        return path.into();
    }
    build(&["--bin", "configbus"]).join("configbus")
}

/// Tests live in another package than what they run, so Cargo does not build it for them. Returns the folder of the profile.
fn build(what: &[&str]) -> PathBuf {
    let own = env::current_exe().expect("a process knows its program");
    let deps = own.parent().expect("a program lies in a folder");
    let folder = if deps.ends_with("deps") { deps.parent().expect("deps lies in a folder") } else { deps };
    // With all of the workspace, so that its crates have the features the tests were built with and are not built twice.
    let mut build = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    build.args(["build", "--quiet", "--workspace"]).args(what);
    if folder.ends_with("release") {
        build.arg("--release");
    }
    let target = folder.parent().expect("a profile's folder lies in the target folder");
    build.current_dir(env!("CARGO_MANIFEST_DIR")).env("CARGO_TARGET_DIR", target);
    assert!(build.status().expect("cargo can be started").success(), "building {} failed", what.join(" "));
    folder.to_owned()
}

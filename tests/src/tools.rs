//! Programs that some proofs need beside Git.

use std::process::{Command, Stdio};

/// Returns whether a program is installed. Without it a proof is skipped aloud, unless `CONFIGBUS_TESTS_COMPLETE` is set, as
/// the project's own check does: there nothing may be skipped.
///
/// # Panics
/// Panics when the program is missing and nothing may be skipped.
pub fn is_installed(program: &str, package: &str) -> bool {
    let mut probe = Command::new(program);
    probe.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    if probe.status().is_ok() {
        return true;
    }
    assert!(
        std::env::var_os("CONFIGBUS_TESTS_COMPLETE").is_none(),
        "{program} is not installed (Debian package {package})"
    );
    eprintln!("skipped: {program} is not installed (Debian package {package})");
    false
}

//! Which `configbus` is measured: the one of the same build, never one that is built on the way.

use anyhow::{Context as _, bail};
use std::{env, os::unix::process::CommandExt as _, process::Command};

/// The fixtures run the program that this names, and build one if it is not set.
const VARIABLE: &str = "CONFIGBUS_BIN";

/// Returns when the program to measure is settled. Otherwise finds it beside this one and starts over with it: the
/// environment of a running process cannot be changed safely.
pub(crate) fn settle() -> anyhow::Result<()> {
    if let Some(program) = env::var_os(VARIABLE) {
        println!("measuring {}", program.display());
        return Ok(());
    }
    let own = env::current_exe().context("this program has no path")?;
    let program = own.with_file_name("configbus");
    if !program.is_file() {
        let flag = if cfg!(debug_assertions) { "" } else { " --release" };
        bail!(
            "{} is missing: run `cargo build{flag} -p configbus`, or name a program in {VARIABLE}",
            program.display()
        );
    }
    Err(Command::new(own).args(env::args_os().skip(1)).env(VARIABLE, program).exec()).context("cannot start over")
}

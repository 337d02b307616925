//! Packages of other languages, as their registries publish them.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Mutex, PoisonError},
};

/// Tests of one process share what is installed.
static INSTALLING: Mutex<()> = Mutex::new(());

/// Returns a virtual environment of Python with these packages; `None`, said aloud, where they cannot be had, as without a network.
pub fn python(folder: &Path, packages: &[&str]) -> Option<PathBuf> {
    let pip = [&["-m", "pip", "install", "--quiet"], packages].concat();
    let environment = command("python3", &["-m", "venv", "--clear", folder.to_str()?]);
    installed(folder, vec![environment, command(folder.join("bin/python"), &pip)])
}

/// Returns a folder with these packages for Node, beside which a program finds them.
pub fn node(folder: &Path, packages: &[&str]) -> Option<PathBuf> {
    let npm = [&["install", "--silent", "--no-save", "--prefix", folder.to_str()?], packages].concat();
    installed(folder, vec![command("npm", &npm)])
}

fn command(program: impl AsRef<OsStr>, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments);
    command
}

/// Installs once: a folder remembers what was done for it.
fn installed(folder: &Path, commands: Vec<Command>) -> Option<PathBuf> {
    let _alone = INSTALLING.lock().unwrap_or_else(PoisonError::into_inner);
    let (ready, wanted) = (folder.join("ready"), format!("{commands:?}"));
    if fs::read_to_string(&ready).is_ok_and(|done| done == wanted) {
        return Some(folder.to_owned());
    }
    fs::create_dir_all(folder).ok()?;
    for mut command in commands {
        let output = command.stdin(Stdio::null()).output().ok();
        if !output.as_ref().is_some_and(|output| output.status.success()) {
            let told = output.map(|output| String::from_utf8_lossy(&output.stderr).into_owned()).unwrap_or_default();
            eprintln!("skipped: {command:?} does not work here: {told}");
            return None;
        }
    }
    fs::write(ready, wanted).ok()?;
    Some(folder.to_owned())
}

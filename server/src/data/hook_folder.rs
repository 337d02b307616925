//! The folder Git finds the hooks in, and the place of the socket they call back on.
//!
//! Hooks are symlinks to the program itself, which looks at the name it was called by. The socket's name is new at each
//! start: a hook of a predecessor finds nobody instead of the wrong server.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, symlink};
use std::path::{Path, PathBuf};

/// Hooks that Git calls on a server.
const HOOKS: [&str; 3] = ["pre-receive", "proc-receive", "post-receive"];

/// Longest path the kernel takes for a Unix socket, with its final zero.
const SOCKET_PATH_BYTES_MAX: usize = 107;

/// Replaces the hooks by links to `program`.
pub(super) fn write_hooks(folder: &Path, program: &Path) -> io::Result<()> {
    remove_all(folder)?;
    fs::create_dir(folder)?;
    HOOKS.iter().try_for_each(|hook| symlink(program, folder.join(hook)))
}

/// Empties the folder of sockets and returns the path of this start's one. A data folder with a long path gets its
/// socket in a private temporary folder, because the kernel limits the length.
pub(super) fn prepare_socket(run: &Path) -> io::Result<PathBuf> {
    remove_all(run)?;
    private_dir(run)?;
    let name = format!("hook-{:016x}.sock", fastrand::u64(..));
    let path = run.join(&name);
    if path.as_os_str().len() <= SOCKET_PATH_BYTES_MAX {
        return Ok(path);
    }
    let elsewhere = std::env::temp_dir().join(format!("configbus-{:016x}", fastrand::u64(..)));
    private_dir(&elsewhere)?;
    Ok(elsewhere.join(name))
}

fn private_dir(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().mode(0o700).create(path)
}

fn remove_all(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn hooks_are_links_to_the_program_and_old_ones_are_gone() {
        let data = tempfile::tempdir().unwrap();
        let folder = data.path().join("hooks");
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("update"), "#!/bin/sh\nexit 1\n").unwrap();
        write_hooks(&folder, Path::new("/bin/true")).unwrap();
        let mut names: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["post-receive", "pre-receive", "proc-receive"]);
        assert_eq!(fs::read_link(folder.join("pre-receive")).unwrap(), Path::new("/bin/true"));
    }

    #[test]
    fn the_socket_is_private_new_and_short_enough() {
        let data = tempfile::tempdir().unwrap();
        let deep = data.path().join("d".repeat(120));
        fs::create_dir(&deep).unwrap();
        for run in [data.path().join("run"), deep.join("run")] {
            let first = prepare_socket(&run).unwrap();
            let second = prepare_socket(&run).unwrap();
            assert_ne!(first, second);
            for socket in [&first, &second] {
                assert!(socket.as_os_str().len() <= SOCKET_PATH_BYTES_MAX, "{}", socket.display());
            }
            let parent = second.parent().unwrap();
            assert_eq!(fs::metadata(parent).unwrap().permissions().mode() & 0o777, 0o700);
            for elsewhere in [&first, &second].map(|socket| socket.parent().unwrap()) {
                if !elsewhere.starts_with(data.path()) {
                    fs::remove_dir(elsewhere).unwrap();
                }
            }
        }
    }
}

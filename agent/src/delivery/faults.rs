//! A file system that fails on purpose, by wrapping the real one.
//!
//! Nothing is synced: these tests are about processes that end, and waiting for a disk would take most of their time.

use super::{Durable, FileSystem, RealFileSystem};
use std::{io, path::Path, sync::Mutex};

/// What happens at the chosen change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing.
    None,
    /// It fails as on a full disk, and so do all later ones that need space.
    Full,
    /// The process is gone: neither it nor anything after it happens.
    Killed,
}

/// Counts changes and fails from the chosen one on.
#[derive(Debug)]
pub(crate) struct FaultyFileSystem {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    fault: Fault,
    left: usize,
    done: Vec<String>,
}

impl FaultyFileSystem {
    /// Lets `left` changes happen before the fault.
    pub(crate) fn new(fault: Fault, left: usize) -> Self {
        Self { state: Mutex::new(State { fault, left, done: Vec::new() }) }
    }

    /// Chooses another fault from now on.
    pub(crate) fn set(&self, fault: Fault, left: usize) {
        let mut state = self.state.lock().unwrap();
        (state.fault, state.left) = (fault, left);
    }

    /// Returns the changes that happened since the last call.
    pub(crate) fn take_log(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().unwrap().done)
    }

    /// Returns whether the fault has struck.
    pub(crate) fn has_struck(&self) -> bool {
        let state = self.state.lock().unwrap();
        state.fault != Fault::None && state.left == 0
    }

    fn pass(&self, what: &str, path: &Path, needs_space: bool) -> io::Result<()> {
        let mut state = self.state.lock().unwrap();
        if state.fault != Fault::None && state.left == 0 {
            match state.fault {
                Fault::Full if needs_space => return Err(io::ErrorKind::StorageFull.into()),
                Fault::Killed => return Err(io::Error::other("killed")),
                Fault::Full | Fault::None => {}
            }
        }
        state.left = state.left.saturating_sub(1);
        state.done.push(format!("{what} {}", path.display()));
        Ok(())
    }
}

impl FileSystem for FaultyFileSystem {
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.pass("mkdir", path, true)?;
        RealFileSystem.create_dir(path)
    }

    fn write_new(&self, path: &Path, content: &[u8], mode: u32, durable: Durable) -> io::Result<()> {
        let what = if durable == Durable::Now { "write+sync" } else { "write" };
        if let Err(error) = self.pass(what, path, true) {
            // A torn write: the name and half of the content are there.
            let half = &content[..content.len() / 2];
            RealFileSystem.write_new(path, half, mode, Durable::Later)?;
            return Err(error);
        }
        RealFileSystem.write_new(path, content, mode, Durable::Later)
    }

    fn hard_link(&self, original: &Path, link: &Path) -> io::Result<()> {
        self.pass("link", link, true)?;
        RealFileSystem.hard_link(original, link)
    }

    fn symlink(&self, target: &Path, link: &Path) -> io::Result<()> {
        self.pass("symlink", link, true)?;
        RealFileSystem.symlink(target, link)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.pass("rename", to, true)?;
        RealFileSystem.rename(from, to)
    }

    fn exchange(&self, one: &Path, other: &Path) -> io::Result<()> {
        self.pass("exchange", other, false)?;
        RealFileSystem.exchange(one, other)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.pass("unlink", path, false)?;
        RealFileSystem.remove_file(path)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.pass("rmdir", path, false)?;
        RealFileSystem.remove_dir(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.pass("syncdir", path, true)
    }

    fn sync_file_system(&self, path: &Path) -> io::Result<()> {
        self.pass("syncfs", path, true)
    }
}

//! Which views readers hold, for status only: the kernel's list of locks is read, no lock is taken.

use std::{collections::HashSet, fs, os::unix::fs::MetadataExt as _, path::Path};

/// Inodes under a shared `flock`.
#[derive(Debug, Default)]
pub(crate) struct Pins {
    inodes: HashSet<u64>,
}

impl Pins {
    /// Reads `/proc/locks`; `None` where there is none.
    pub(crate) fn read() -> Option<Self> {
        fs::read_to_string("/proc/locks").ok().map(|locks| Self::parse(&locks))
    }

    fn parse(locks: &str) -> Self {
        // `12: FLOCK  ADVISORY  READ  4711 fe:00:1234567 0 EOF`
        let inode = |line: &str| {
            let mut words = line.split_whitespace().skip_while(|word| *word != "FLOCK").skip(2);
            (words.next()? == "READ").then_some(())?;
            words.nth(1)?.rsplit(':').next()?.parse().ok()
        };
        Self { inodes: locks.lines().filter_map(inode).collect() }
    }

    /// Returns whether somebody holds a lock on this directory.
    pub(crate) fn is_pinned(&self, folder: &Path) -> Option<bool> {
        folder.symlink_metadata().ok().map(|metadata| self.inodes.contains(&metadata.ino()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{FlockOperation, flock};

    #[test]
    fn shared_locks_are_seen_and_others_are_not() {
        let pins = Pins::parse(
            "1: FLOCK  ADVISORY  READ  10 fe:00:77 0 EOF\n2: FLOCK  ADVISORY  WRITE 11 fe:00:78 0 EOF\n\
             3: POSIX  ADVISORY  READ  12 fe:00:79 0 EOF\n1: -> FLOCK  ADVISORY  WRITE 13 fe:00:77 0 EOF\n",
        );
        assert_eq!(pins.inodes, HashSet::from([77]));
    }

    #[test]
    fn a_lock_of_this_process_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let open = fs::File::open(folder.path()).unwrap();
        let Some(before) = Pins::read() else { return };
        assert_eq!(before.is_pinned(folder.path()), Some(false));
        flock(&open, FlockOperation::LockShared).unwrap();
        // Where the kernel hides locks of this process, status says so by `false`; nothing relies on it.
        let listed = fs::read_to_string("/proc/locks").unwrap().contains(&std::process::id().to_string());
        assert!(!listed || Pins::read().unwrap().is_pinned(folder.path()) == Some(true));
    }
}

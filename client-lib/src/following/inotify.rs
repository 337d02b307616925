//! Notices that `current` was replaced.
//!
//! Only names that appear in the agent's root are asked for: opening or reading anything there wakes nobody.

use crate::{source::disk_files::absent, source::view::FolderId};
use rustix::{
    fd::{AsFd, BorrowedFd, OwnedFd},
    fs::{inotify, stat},
    io::Errno,
};
use std::{io, mem::MaybeUninit, path::Path};

/// Makes an inotify instance. Tests pass one that fails, as the kernel does when a user has too many.
pub(crate) type MakeInstance = fn() -> io::Result<OwnedFd>;

/// Asks the kernel.
pub(crate) fn make_instance() -> io::Result<OwnedFd> {
    Ok(inotify::init(inotify::CreateFlags::NONBLOCK | inotify::CreateFlags::CLOEXEC)?)
}

/// A watch on one root folder.
#[derive(Debug)]
pub(crate) struct RootWatch {
    instance: OwnedFd,
    folder: FolderId,
}

/// What happened since the last look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Noticed {
    /// `current` is new.
    pub(crate) flip: bool,
    /// The folder that is watched is not the one at the path any more.
    pub(crate) lost: bool,
}

impl RootWatch {
    pub(crate) fn on(root: &Path, make: MakeInstance) -> io::Result<Self> {
        use inotify::WatchFlags as Flags;
        let instance = make()?;
        let names = Flags::MOVED_TO | Flags::CREATE;
        inotify::add_watch(&instance, root, names | Flags::DELETE_SELF | Flags::MOVE_SELF | Flags::ONLYDIR)?;
        let folder = folder_at(root)?.ok_or(io::ErrorKind::NotFound)?;
        Ok(Self { instance, folder })
    }

    /// Returns whether the path still leads to the folder that is watched.
    pub(crate) fn is_on(&self, root: &Path) -> bool {
        folder_at(root).is_ok_and(|folder| folder == Some(self.folder))
    }

    /// Reads all events there are, without waiting.
    pub(crate) fn noticed(&self) -> Noticed {
        use inotify::ReadFlags as Flags;
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut events = inotify::Reader::new(&self.instance, &mut buffer);
        let mut noticed = Noticed::default();
        loop {
            match events.next() {
                Ok(event) => {
                    noticed.flip |= event.file_name().is_some_and(|name| name.to_bytes() == b"current");
                    // After an overflow nobody knows what was missed.
                    noticed.flip |= event.events().contains(Flags::QUEUE_OVERFLOW);
                    let gone = Flags::DELETE_SELF | Flags::MOVE_SELF | Flags::IGNORED | Flags::UNMOUNT;
                    noticed.lost |= event.events().intersects(gone);
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return noticed,
                Err(_) => return Noticed { lost: true, ..noticed },
            }
        }
    }
}

impl AsFd for RootWatch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.instance.as_fd()
    }
}

fn folder_at(path: &Path) -> io::Result<Option<FolderId>> {
    Ok(absent(stat(path))?.map(|stat| FolderId::of(&stat)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, os::unix::fs::symlink};

    #[test]
    fn only_the_flip_and_the_loss_of_the_root_are_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        fs::create_dir(&root).unwrap();
        let watch = RootWatch::on(&root, make_instance).unwrap();
        fs::write(root.join("state.json"), "{}").unwrap();
        assert_eq!(watch.noticed(), Noticed::default());
        symlink("views/r1-00000000", root.join(".next")).unwrap();
        fs::rename(root.join(".next"), root.join("current")).unwrap();
        assert_eq!(watch.noticed(), Noticed { flip: true, lost: false });
        assert_eq!(watch.noticed(), Noticed::default());
        fs::rename(&root, folder.path().join("old")).unwrap();
        assert!(watch.noticed().lost && !watch.is_on(&root));
    }
}

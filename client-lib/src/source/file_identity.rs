//! When a file can be taken for unchanged without reading it.

use rustix::fs::Stat;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Changes younger than this may be followed by another one that leaves all stamps as they are: clocks of file systems
/// tick every few milliseconds, of old ones every two seconds.
const SETTLING: Duration = Duration::from_secs(2);

/// Names one state of one file. Two equal identities mean the same content, provided the older view is still pinned:
/// otherwise its inode number may have been given to another file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileIdentity {
    /// A file the agent made. It is never written again, so inode, size and modification time are enough; the change
    /// time is not used because each new view that links the file alters it.
    Immutable { device: u64, inode: u64, size: u64, modified: (i64, i64) },
    /// A file anybody may edit in place. The change time cannot be set back, unlike the modification time.
    Editable { device: u64, inode: u64, size: u64, modified: (i64, i64), changed: (i64, i64) },
    /// A version of a file in memory.
    Memory(u64),
}

#[allow(clippy::unnecessary_cast, reason = "the widths of these fields differ between platforms")]
impl FileIdentity {
    pub(crate) fn immutable(stat: &Stat) -> Self {
        Self::Immutable {
            device: stat.st_dev as u64,
            inode: stat.st_ino as u64,
            size: stat.st_size as u64,
            modified: (stat.st_mtime as i64, stat.st_mtime_nsec as i64),
        }
    }

    pub(crate) fn editable(stat: &Stat) -> Self {
        Self::Editable {
            device: stat.st_dev as u64,
            inode: stat.st_ino as u64,
            size: stat.st_size as u64,
            modified: (stat.st_mtime as i64, stat.st_mtime_nsec as i64),
            changed: (stat.st_ctime as i64, stat.st_ctime_nsec as i64),
        }
    }

    /// Returns whether a later change is sure to alter the identity.
    pub(crate) fn is_settled(&self, now: SystemTime) -> bool {
        match self {
            Self::Immutable { .. } | Self::Memory(_) => true,
            Self::Editable { changed: (seconds, _), .. } => {
                let changed = UNIX_EPOCH + Duration::from_secs(u64::try_from(*seconds).unwrap_or_default());
                now.duration_since(changed).is_ok_and(|age| age > SETTLING)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_edited_just_now_is_not_settled() {
        let changed_at =
            |seconds| FileIdentity::Editable { device: 1, inode: 1, size: 1, modified: (0, 0), changed: (seconds, 0) };
        let now = UNIX_EPOCH + Duration::from_secs(100);
        assert!(changed_at(90).is_settled(now));
        assert!(!changed_at(99).is_settled(now));
        // The clock was set back since.
        assert!(!changed_at(200).is_settled(now));
    }
}

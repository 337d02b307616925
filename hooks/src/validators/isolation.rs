//! Cutting a supervisor off before it starts its validator: what it starts has no network, sees and signals no process
//! but its own, and dies as a whole.

use super::Isolation;
use rustix::thread::UnshareFlags;
use std::{fs, io};

/// Namespaces of the kernel a validator gets for itself.
const OWN: UnshareFlags = UnshareFlags::NEWNET.union(UnshareFlags::NEWPID).union(UnshareFlags::NEWIPC);

/// How far the process is cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// It has namespaces and users of its own.
    OwnUsers,
    /// It has namespaces of its own.
    OwnNamespaces,
    /// It is a process among the others.
    Shared,
}

/// Cuts the calling process off; it must have one thread.
///
/// With a user namespace even a server that runs as root hands no privilege over, and the bound on processes counts
/// those of the validator only. Where the system forbids that, the other namespaces are tried alone.
pub(super) fn cut_off(isolation: Isolation) -> io::Result<Reach> {
    if isolation == Isolation::None {
        return Ok(Reach::Shared);
    }
    let (user, group) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    if unshare(OWN | UnshareFlags::NEWUSER).is_ok() {
        // Unmapped, every file would seem to belong to nobody, and nobody can be undone.
        fs::write("/proc/self/setgroups", "deny")?;
        fs::write("/proc/self/uid_map", format!("{user} {user} 1"))?;
        fs::write("/proc/self/gid_map", format!("{group} {group} 1"))?;
        return Ok(Reach::OwnUsers);
    }
    match (unshare(OWN), isolation) {
        (Ok(()), _) => Ok(Reach::OwnNamespaces),
        (Err(error), Isolation::Required) => Err(error),
        (Err(_), _) => Ok(Reach::Shared),
    }
}

#[allow(unsafe_code, reason = "unsharing descriptors between threads would be unsafe; none of these flags does that")]
fn unshare(flags: UnshareFlags) -> io::Result<()> {
    // SAFETY: the flags do not contain `FILES`, and the process has one thread.
    Ok(unsafe { rustix::thread::unshare_unsafe(flags) }?)
}

//! What a child takes away from itself before it looks at anything.

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
use std::{fs, io};

/// How much is left to a child.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Confinement {
    /// Memory it may write to, beside its stack.
    pub memory_bytes_max: u64,
    /// Largest file it may write.
    pub file_bytes_max: u64,
    /// Descriptors it may have open.
    pub files_max: u64,
}

/// Gives up everything else, for good: new privileges, core dumps and being looked into included.
pub(crate) fn confine(left: Confinement) -> io::Result<()> {
    std::env::set_current_dir("/")?;
    rustix::thread::set_no_new_privs(true)?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    for (resource, max) in [
        (Resource::Core, 0),
        (Resource::Fsize, left.file_bytes_max),
        (Resource::Nofile, left.files_max),
        (Resource::Data, left.memory_bytes_max),
    ] {
        setrlimit(resource, Rlimit { current: Some(max), maximum: Some(max) })?;
    }
    Ok(())
}

/// Closes everything but the standard streams: who started the server may have left descriptors open to its children.
/// To be called first in a process, when nothing in it owns a descriptor.
pub(crate) fn close_inherited() -> io::Result<()> {
    let mut inherited = Vec::new();
    for entry in fs::read_dir("/proc/self/fd")? {
        let descriptor = entry?.file_name().to_str().and_then(|name| name.parse::<i32>().ok());
        inherited.extend(descriptor.filter(|descriptor| *descriptor > 2));
    }
    // The list of descriptors was one itself, and is closed by now.
    inherited.retain(|descriptor| fs::read_link(format!("/proc/self/fd/{descriptor}")).is_ok());
    inherited.into_iter().for_each(close);
    Ok(())
}

#[allow(unsafe_code, reason = "descriptors that were inherited have no owner in the program that could close them")]
fn close(descriptor: i32) {
    // SAFETY: the process has just started, so nothing in it refers to the descriptor.
    unsafe { rustix::io::close(descriptor) }
}

//! One stream is one descriptor: the soft limit of 1,024 would stop a store at a thousand hosts.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the soft limit of open files to the hard one. Keeps the soft limit when the kernel refuses.
pub fn raise_open_files_limit() {
    let limit = getrlimit(Resource::Nofile);
    if setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }).is_err() {
        tracing::debug!(limit = limit.current, "open files stay limited to {:?}", limit.current);
    }
}

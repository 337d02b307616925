//! Who this process is among others.

/// Returns the host's name, as the kernel has it.
pub fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// Returns a name for this life of a process: 16 random hex digits.
pub fn incarnation() -> String {
    format!("{:016x}", fastrand::Rng::new().u64(..))
}

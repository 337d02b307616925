//! A child's own bound on its processor time, for the case that nobody is left to kill it.

use super::settings::READING_TIME_PER_BYTE;
use rustix::process::{Resource, Rlimit, setrlimit};
use std::time::Duration;

/// Time beyond what the question may take.
const RESERVE: Duration = Duration::from_secs(2);

/// Lets the process compute for `time` from now and as long as reading so many bytes may take, and a little more; then the
/// kernel ends it.
pub(super) fn renew(time: Duration, bytes: usize) {
    let time = time + READING_TIME_PER_BYTE * u32::try_from(bytes).unwrap_or(u32::MAX);
    let used = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    let seconds = u64::try_from(used.tv_sec).unwrap_or_default() + (time + RESERVE).as_secs() + 1;
    // A limit that cannot be set leaves the one before, which is stricter.
    let _ = setrlimit(Resource::Cpu, Rlimit { current: Some(seconds), maximum: None });
}

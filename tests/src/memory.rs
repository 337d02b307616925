//! How much memory a process and everything it starts takes at most.

use crate::eventually::{DEADLINE, within};
use std::{
    collections::BTreeMap,
    fs,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

/// Most memory that was seen, in bytes, and how long that was.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Peak {
    /// Of the process itself, as the kernel keeps it.
    pub own: u64,
    /// Of the largest of its children and theirs, by name. One that lives shorter than a look takes is missed.
    pub children: BTreeMap<String, u64>,
    /// How long it was watched.
    pub elapsed: Duration,
}

impl Peak {
    /// Returns the name and size of the largest child.
    pub fn largest_child(&self) -> (&str, u64) {
        let largest = self.children.iter().max_by_key(|(_, bytes)| **bytes);
        largest.map_or(("none", 0), |(name, bytes)| (name, *bytes))
    }
}

/// Returns the most memory a process has had at once since it started, or since [`forget`].
pub fn high_water_mark(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().trim_end_matches(" kB").parse::<u64>().ok()? * 1024)
}

/// Lets a process start over with its mark.
pub fn forget(pid: u32) {
    // Where the kernel does not offer it, the mark stays the highest of all times.
    let _ = fs::write(format!("/proc/{pid}/clear_refs"), "5");
}

/// Does something and returns how much memory a process and its children took meanwhile.
pub fn watch<T>(pid: u32, work: impl FnOnce() -> T) -> (T, Peak) {
    forget(pid);
    let is_done = AtomicBool::new(false);
    thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut children = BTreeMap::new();
            while within(DEADLINE, || {
                look(pid, &mut children);
                is_done.load(Ordering::Relaxed).then_some(())
            })
            .is_none()
            {}
            children
        });
        let started = Instant::now();
        let value = work();
        let elapsed = started.elapsed();
        is_done.store(true, Ordering::Relaxed);
        let children = watcher.join().expect("looking does not panic");
        (value, Peak { own: high_water_mark(pid).unwrap_or_default(), children, elapsed })
    })
}

/// Looks at every process below one.
fn look(pid: u32, peaks: &mut BTreeMap<String, u64>) {
    let parents = parents();
    let mut below = vec![pid];
    while let Some(parent) = below.pop() {
        for (child, _) in parents.iter().filter(|(_, of)| *of == parent) {
            below.push(*child);
            if let Some(bytes) = high_water_mark(*child) {
                let peak = peaks.entry(name_of(*child)).or_default();
                *peak = bytes.max(*peak);
            }
        }
    }
}

/// Returns the program and its first word.
fn name_of(pid: u32) -> String {
    let line = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let words = line.split('\0').filter(|word| !word.starts_with('-') && !word.contains('='));
    words.take(2).map(|word| word.rsplit('/').next().unwrap_or(word)).collect::<Vec<_>>().join(" ")
}

/// Returns every process with its parent.
fn parents() -> Vec<(u32, u32)> {
    let all = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let parent = |pid: u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The program's name may hold anything, so fields are counted after its closing parenthesis.
        Some((pid, stat.rsplit(')').next()?.split_whitespace().nth(1)?.parse().ok()?))
    };
    pids.filter_map(parent).collect()
}

//! Directories without an agent.

use super::DEADLINE;
use crate::{ConfigBus, Freshness, OpenOptions, Revision};
use std::{
    fs::{self, File},
    time::{Duration, SystemTime},
};

fn open(folder: &tempfile::TempDir) -> ConfigBus {
    ConfigBus::open_with(folder.path(), &OpenOptions::new().poll_interval(Duration::from_millis(5))).unwrap()
}

#[test]
fn edits_of_a_clone_are_seen_whatever_its_clock_says() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join(".git/objects")).unwrap();
    let path = folder.path().join("a.json");
    fs::write(&path, "1").unwrap();
    let bus = open(&folder);
    let value = bus.subscribe::<u32>("a.json").unwrap();
    let recording = value.record();
    // Same size, same file, and a modification time from the past.
    fs::write(&path, "2").unwrap();
    let past = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
    File::options().write(true).open(&path).unwrap().set_modified(past).unwrap();
    recording.wait_for(1, DEADLINE).unwrap();
    // Replaced by rename, as most editors and Git do.
    fs::write(folder.path().join("next"), "3").unwrap();
    fs::rename(folder.path().join("next"), &path).unwrap();
    recording.wait_for(2, DEADLINE).unwrap();
    fs::remove_file(&path).unwrap();
    let news: Vec<_> = recording.wait_for(3, DEADLINE).unwrap().iter().map(|c| c.new.as_deref().copied()).collect();
    assert_eq!(news, [Some(2), Some(3), None]);
    assert_eq!(bus.status().freshness, Freshness::Unknown);
}

#[test]
fn a_clone_is_read_without_its_repository_and_its_symlinks() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join(".git/objects")).unwrap();
    fs::create_dir_all(folder.path().join("d/e")).unwrap();
    fs::write(folder.path().join(".git/config"), "").unwrap();
    fs::write(folder.path().join("d/e/a.json"), "1").unwrap();
    std::os::unix::fs::symlink("..", folder.path().join("d/loop")).unwrap();
    let bus = open(&folder);
    let snapshot = bus.snapshot().unwrap();
    let listed: Vec<_> = snapshot.list("").unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(listed, ["d/e/a.json"]);
    assert_eq!((snapshot.revision(), snapshot.is_pinned()), (Revision::ZERO, false));
    let files = bus.subscribe_prefix::<u32>("d/**").unwrap();
    let recording = files.record();
    fs::write(folder.path().join("d/b.json"), "2").unwrap();
    let is_whole = |changes: &[crate::Change<u32>]| changes.iter().any(|c| c.new.as_deref() == Some(&2));
    recording.wait_until(DEADLINE, is_whole).unwrap();
    assert_eq!(files.load().len(), 2);
}

#[test]
fn a_pipe_does_not_block_the_reader() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.json"), "1").unwrap();
    let pipe = folder.path().join("pipe.json");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    let error = open(&folder).subscribe::<u32>("pipe.json").unwrap_err();
    assert!(error.to_string().contains("it cannot be read"), "{error}");
}

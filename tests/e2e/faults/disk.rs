//! The agent's disk is full.

use configbus_tests::{
    cluster::{Cluster, Plan},
    eventually::eventually,
    git::WorkingCopy,
};
use std::{path::PathBuf, process::Command};
use tempfile::TempDir;

/// A small file system of its own, taken away when this is dropped.
struct SmallDisk {
    folder: TempDir,
}

impl SmallDisk {
    /// Returns `None` where this user may not mount.
    fn mount() -> Option<Self> {
        let folder = TempDir::with_prefix("disk-").unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=2m,mode=0755", "tmpfs"]).arg(folder.path());
        mount.output().is_ok_and(|output| output.status.success()).then_some(Self { folder })
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("host")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.folder.path()).status();
    }
}

#[test]
fn a_full_disk_keeps_the_old_revision_and_says_so() {
    let Some(disk) = SmallDisk::mount() else {
        eprintln!("skipped: this user may not mount a file system");
        return;
    };
    let mut cluster = Cluster::start(&Plan { agent_root: Some(disk.path()), ..Plan::default() });
    let copy = WorkingCopy::init(&cluster.git());
    let _ = copy.change("small.json", "1").expect_ok();
    cluster.shows("small.json", "1");

    copy.write("large.txt", vec![b'x'; 3 << 20]);
    let _ = copy.change("small.json", "2").expect_ok();
    let reason = eventually("the host refuses", || {
        let hosts = cluster.run(&["hosts", "--output", "json"]).expect_ok().json();
        Some(hosts["hosts"][0]["refusals"][0]["reason"].as_str()?.to_owned())
    });
    assert!(reason.to_lowercase().contains("space"), "{reason}");
    assert_eq!(cluster.read("small.json").as_deref(), Some(&b"1"[..]), "the old revision stays");
    assert!(cluster.read("large.txt").is_none());
    assert!(cluster.agent.process().ended().is_none(), "the agent goes on");

    std::fs::remove_file(copy.path().join("large.txt")).unwrap();
    let _ = copy.change("small.json", "3").expect_ok();
    cluster.shows("small.json", "3");
}

//! A process that is really killed, and a disk that is really full.

use super::{
    Delivery, DeliveryError, DiskDelivery, DiskOptions,
    contract::Observed as _,
    fixture::{Files, delta, files},
};
use crate::{Moment, Root};
use bytes::Bytes;
use configbus_model::Layout;
use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Command, Stdio},
};

/// Set in the process that is to be killed: layout, then root.
const CHILD: &str = "CONFIGBUS_TEST_CHILD";

const KILLS: usize = 8;

fn revision(n: u64) -> Files {
    let content = n.to_string();
    let all: Vec<_> = (0..60).map(|file| format!("d{}/e{}/f{file}", file % 4, file % 7)).collect();
    files(all.iter().map(|path| (path.as_str(), content.as_str())))
}

fn open(root: &Path, layout: Layout) -> DiskDelivery {
    DiskDelivery::open(Root::new(root), DiskOptions { layout, ..Default::default() }, Moment::default()).unwrap()
}

/// Delivers one revision after the other until it is killed. Not a test by itself.
#[test]
fn child_that_delivers_until_it_is_killed() {
    let Ok(child) = std::env::var(CHILD) else { return };
    let (layout, root) = child.split_once(' ').unwrap();
    let mut host = open(Path::new(root), layout.parse().unwrap());
    loop {
        let held = host.shown().map_or(0, |shown| shown.head().revision.0);
        let old = (held > 0).then(|| (held, revision(held)));
        let next = delta(old.as_ref().map(|(n, files)| (*n, files)), held + 1, &revision(held + 1));
        host.deliver(&next, Moment::default()).unwrap();
        println!("\nshows r{}", held + 1);
    }
}

#[test]
fn a_killed_host_shows_a_complete_revision_and_at_least_what_it_acknowledged() {
    for layout in [Layout::Plain, Layout::Linked] {
        let folder = tempfile::tempdir().unwrap();
        let mut acknowledged = 0;
        for kill in 0..KILLS {
            let mut child = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "delivery::crash_tests::child_that_delivers_until_it_is_killed", "--nocapture"])
                .env(CHILD, format!("{layout} {}", folder.path().display()))
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
            let mut shown = lines.filter_map(|line| line.strip_prefix("shows r")?.parse::<u64>().ok());
            acknowledged = shown.nth(kill % 4).unwrap();
            // Somewhere in the next delivery, wherever that is by now.
            (0..kill * 2_000).for_each(|_| std::hint::spin_loop());
            child.kill().unwrap();
            acknowledged = shown.last().unwrap_or(acknowledged);
            child.wait().unwrap();
            let host = open(folder.path(), layout);
            let held = host.shown().unwrap().head().revision.0;
            assert!(held == acknowledged || held == acknowledged + 1, "{held} after {acknowledged}");
            assert_eq!((host.visible(), host.damage()), (revision(held), None));
        }
        assert!(acknowledged >= KILLS as u64);
    }
}

/// A file system of its own; gone with this value.
struct SmallDisk<'a>(&'a Path);

impl<'a> SmallDisk<'a> {
    /// Returns `None` where nobody may mount.
    fn mount(at: &'a Path) -> Option<Self> {
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", "size=2m,mode=755", "tmpfs"]).arg(at).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success()).then_some(Self(at))
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        Command::new("umount").arg(self.0).status().unwrap();
    }
}

#[test]
fn a_disk_that_is_really_full_keeps_the_old_revision() {
    let folder = tempfile::tempdir().unwrap();
    let Some(_disk) = SmallDisk::mount(folder.path()) else {
        println!("not run: nobody may mount here; the same is tried with a file system that pretends");
        return;
    };
    for layout in [Layout::Plain, Layout::Linked] {
        let root = folder.path().join(layout.to_string());
        let mut host = open(&root, layout);
        let small = revision(1);
        host.deliver(&delta(None, 1, &small), Moment::default()).unwrap();
        let mut large = small.clone();
        large.insert("large".into(), (false, Bytes::from(vec![7; 4 * 1024 * 1024])));
        let error = host.deliver(&delta(Some((1, &small)), 2, &large), Moment::default()).unwrap_err();
        assert!(matches!(error, DeliveryError::Full(_)), "{error:?}");
        assert_eq!(host.visible(), small);
        // What it took is given back at once: another revision fits.
        let mut fits = small.clone();
        fits.insert("fits".into(), (false, Bytes::from(vec![7; 600 * 1024])));
        host.deliver(&delta(Some((1, &small)), 3, &fits), Moment::default()).unwrap();
        assert_eq!(host.visible(), fits);
        drop(host);
        assert_eq!(open(&root, layout).visible(), fits);
        std::fs::remove_dir_all(&root).unwrap();
    }
}

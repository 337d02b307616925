//! What only a disk can get wrong: crashes, full disks, pins, damage, hard-link limits, other tools.

use super::{
    Delivery, DeliveryError, DiskDelivery, DiskOptions, Retention, RootDisk,
    contract::{self, Observed},
    faults::{Fault, FaultyFileSystem},
    fixture::{Files, delta, files},
    views,
};
use crate::{Moment, Root, RootLock};
use bytes::Bytes;
use configbus_model::{
    ConfigPath,
    Layout::{self, Linked, Plain},
    Namespace, TreeId,
};
use rustix::fs::{FlockOperation, flock};
use std::{
    fs::{self, File},
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::Path,
    sync::Arc,
    time::Duration,
};
use tempfile::TempDir;

const BOTH: [Layout; 2] = [Plain, Linked];

/// A root in a folder of its own.
struct Host {
    delivery: DiskDelivery,
    _folder: TempDir,
}

impl std::ops::Deref for Host {
    type Target = DiskDelivery;
    fn deref(&self) -> &DiskDelivery {
        &self.delivery
    }
}

impl std::ops::DerefMut for Host {
    fn deref_mut(&mut self) -> &mut DiskDelivery {
        &mut self.delivery
    }
}

fn options(layout: Layout) -> DiskOptions {
    DiskOptions { layout, ..Default::default() }
}

fn open(folder: &Path, layout: Layout) -> DiskDelivery {
    DiskDelivery::open(Root::new(folder), options(layout), Moment::default()).unwrap()
}

fn open_over(folder: &Path, layout: Layout, file_system: &Arc<FaultyFileSystem>) -> DiskDelivery {
    let root = Root::new(folder);
    let lock = RootLock::acquire(&root).unwrap();
    let disk = RootDisk::over(root, file_system.clone());
    DiskDelivery::recover(disk, lock, options(layout), Moment::default()).unwrap()
}

/// Reads a directory as a program would, following symlinks.
fn read(folder: &Path) -> Files {
    fn walk(folder: &Path, prefix: &str, files: &mut Files) {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let path = format!("{prefix}{}", entry.file_name().to_str().unwrap());
            let metadata = fs::metadata(entry.path()).unwrap();
            if metadata.is_dir() {
                walk(&entry.path(), &format!("{path}/"), files);
            } else {
                let mode = metadata.permissions().mode() & 0o777;
                assert!(mode == 0o444 || mode == 0o555, "{path} has mode {mode:o}");
                files.insert(path, (mode == 0o555, fs::read(entry.path()).unwrap().into()));
            }
        }
    }
    let mut files = Files::new();
    walk(folder, "", &mut files);
    files
}

impl Observed for DiskDelivery {
    fn visible(&self) -> Files {
        let current = self.disk.root.current();
        if current.exists() { read(&current) } else { Files::new() }
    }
}

impl Delivery for Host {
    fn shown(&self) -> Option<&super::Shown> {
        self.delivery.shown()
    }
    fn damage(&self) -> Option<&str> {
        self.delivery.damage()
    }
    fn stage(&mut self, namespace: &Namespace, trees: &[Bytes], blobs: &[Bytes]) -> Result<(), DeliveryError> {
        self.delivery.stage(namespace, trees, blobs)
    }
    fn discard(&mut self, namespace: &Namespace) {
        self.delivery.discard(namespace);
    }
    fn check(&mut self, head: &configbus_model::Head) -> Result<(), DeliveryError> {
        self.delivery.check(head)
    }
    fn read(&self, root: TreeId, path: &ConfigPath) -> Result<Option<Bytes>, DeliveryError> {
        self.delivery.read(root, path)
    }
    fn show(&mut self, vector: &super::Vector, now: Moment) -> Result<super::Applied, DeliveryError> {
        self.delivery.show(vector, now)
    }
    fn tidy(&mut self, now: Moment) -> Result<super::Tidied, super::DiskError> {
        self.delivery.tidy(now)
    }
    fn views(&self) -> Vec<super::ViewStatus> {
        self.delivery.views()
    }
    fn usage(&self) -> super::DiskUsage {
        self.delivery.usage()
    }
}

impl Observed for Host {
    fn visible(&self) -> Files {
        self.delivery.visible()
    }
}

fn tidy(delivery: &mut DiskDelivery, now: Moment) -> usize {
    let mut removed = 0;
    loop {
        let done = delivery.tidy(now).unwrap();
        removed += done.views_removed;
        if !done.more {
            return removed;
        }
    }
}

fn at(seconds: u64) -> Moment {
    Moment { wall_ms: 1_800_000_000_000, ..Default::default() }.after(Duration::from_secs(seconds))
}

fn names(folder: impl AsRef<Path>) -> Vec<String> {
    let list = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = list.collect();
    names.sort();
    names
}

fn history() -> Vec<Files> {
    let at = |n: u64| {
        let changing = format!("{n}");
        let mut all = files([
            ("stable/a", "same"),
            ("stable/deep/b", "same"),
            ("*bin/tool", "#!"),
            ("changing/deep/c", changing.as_str()),
            ("top", changing.as_str()),
        ]);
        if n.is_multiple_of(3) {
            all.remove("stable/a");
        }
        if n.is_multiple_of(2) {
            all.insert(format!("only/{n}"), (false, Bytes::from_static(b"even")));
        }
        all
    };
    (0..8).map(at).collect()
}

#[test]
fn both_layouts_keep_the_contract() {
    for layout in BOTH {
        contract::check(|| {
            let folder = tempfile::tempdir().unwrap();
            Host { delivery: open(folder.path(), layout), _folder: folder }
        });
    }
}

#[test]
fn memory_keeps_the_contract() {
    contract::check(super::MemoryDelivery::default);
}

#[test]
fn the_root_holds_what_the_design_says() {
    for layout in BOTH {
        let folder = tempfile::tempdir().unwrap();
        let mut host = open(folder.path(), layout);
        let all = files([("a", "1"), ("d/b", "2"), ("*d/c", "3")]);
        let applied = host.deliver(&delta(None, 42, &all), at(0)).unwrap();
        let view = applied.shown.view.to_string();
        assert_eq!(names(folder.path()), ["agent.lock", "blobs", "current", "tmp", "trash", "trees", "views"]);
        assert_eq!(fs::read_link(folder.path().join("current")).unwrap(), Path::new("views").join(&view));
        assert!(view.starts_with("r42-") && view.len() == 12, "{view}");
        assert_eq!(names(folder.path().join("views")), [view.clone(), format!("{view}.json")]);
        let executable = format!("{}.x", configbus_model::blob_id(b"3").unwrap());
        assert!(names(folder.path().join("blobs")).contains(&executable));
        let record = views::read_record(&host.disk.root, &applied.shown.view).unwrap();
        assert_eq!((record.layout, views::mount_of(&record).unwrap().head()), (layout, applied.shown.head().clone()));
        assert_eq!(names(folder.path().join("tmp")), ["standby"]);
        assert_eq!(folder.path().join("current/d").is_symlink(), layout == Linked);
    }
}

#[test]
fn unchanged_files_keep_their_inode() {
    for layout in BOTH {
        let folder = tempfile::tempdir().unwrap();
        let mut host = open(folder.path(), layout);
        let (old, new) = (files([("d/a", "1"), ("d/b", "2")]), files([("d/a", "1"), ("d/b", "3")]));
        let inode = |name: &str| folder.path().join("current/d").join(name).metadata().unwrap().ino();
        host.deliver(&delta(None, 1, &old), at(0)).unwrap();
        let before = (inode("a"), inode("b"));
        host.deliver(&delta(Some((1, &old)), 2, &new), at(0)).unwrap();
        assert_eq!(inode("a"), before.0);
        assert_ne!(inode("b"), before.1);
    }
}

#[test]
fn everything_is_durable_before_the_flip() {
    for layout in BOTH {
        let folder = tempfile::tempdir().unwrap();
        let file_system = Arc::new(FaultyFileSystem::new(Fault::None, 0));
        let mut host = open_over(folder.path(), layout, &file_system);
        let (old, new) = (files([("d/e/a", "1"), ("b", "2")]), files([("d/e/a", "3"), ("b", "2")]));
        host.deliver(&delta(None, 1, &old), at(0)).unwrap();
        file_system.take_log();
        let view = host.deliver(&delta(Some((1, &old)), 2, &new), at(0)).unwrap().shown.view;
        let log = file_system.take_log();
        let root = folder.path().display().to_string();
        let place = |line: String| {
            let found = log.iter().position(|done| *done == line);
            found.unwrap_or_else(|| panic!("{line} is not in {log:#?}"))
        };
        let blob = configbus_model::blob_id(b"3").unwrap();
        let steps = [
            place(format!("rename {root}/blobs/{blob}")),
            place(format!("rename {root}/views/{view}")),
            place(format!("rename {root}/views/{view}.json")),
            place(format!("syncdir {root}/views")),
            place(format!("rename {root}/current")),
            place(format!("syncdir {root}")),
        ];
        assert!(steps.is_sorted(), "{log:#?}");
        assert!(log[..steps[0]].iter().any(|done| done.starts_with("write+sync")), "{log:#?}");
        let made: Vec<_> = log.iter().filter_map(|done| done.strip_prefix("mkdir ")).collect();
        for directory in made {
            assert!(place(format!("syncdir {directory}")) < steps[1], "{directory} in {log:#?}");
        }
        assert_eq!(steps[5], log.len() - 1, "nothing follows");
    }
}

/// Kills the delivery of each revision at each of its changes to the disk, restarts, and goes on.
#[test]
fn killed_at_any_instant_the_host_shows_a_complete_revision() {
    for layout in BOTH {
        let history = history();
        let mut kills = 0;
        for left in 0_usize.. {
            let folder = tempfile::tempdir().unwrap();
            let file_system = Arc::new(FaultyFileSystem::new(Fault::None, 0));
            let mut host = open_over(folder.path(), layout, &file_system);
            host.deliver(&delta(None, 1, &history[0]), at(0)).unwrap();
            if left.is_multiple_of(2) {
                tidy(&mut host, at(1));
            }
            file_system.set(Fault::Killed, left / 2);
            let delivered = host.deliver(&delta(Some((1, &history[0])), 2, &history[1]), at(1));
            let struck = file_system.has_struck();
            drop(host);
            let mut host = open(folder.path(), layout);
            assert_eq!(host.damage(), None);
            let shown = host.shown().unwrap().head().revision.0;
            assert!(shown == 2 || (shown == 1 && delivered.is_err()), "{shown}");
            assert_eq!(host.visible(), history[usize::try_from(shown).unwrap() - 1]);
            let held = (shown, &history[usize::try_from(shown).unwrap() - 1]);
            host.deliver(&delta(Some(held), 3, &history[2]), at(2)).unwrap();
            assert_eq!(host.visible(), history[2]);
            tidy(&mut host, at(200));
            assert_eq!(host.visible(), history[2]);
            assert!(names(folder.path().join("trash")).is_empty());
            if !struck && !left.is_multiple_of(2) {
                break;
            }
            kills += 1;
        }
        assert!(kills > 10, "{kills}");
    }
}

#[test]
fn a_full_disk_keeps_the_old_revision_and_leaves_nothing_behind() {
    for layout in BOTH {
        let history = history();
        for left in 0_usize.. {
            let folder = tempfile::tempdir().unwrap();
            let file_system = Arc::new(FaultyFileSystem::new(Fault::None, 0));
            let mut host = open_over(folder.path(), layout, &file_system);
            host.deliver(&delta(None, 1, &history[0]), at(0)).unwrap();
            let next = delta(Some((1, &history[0])), 2, &history[1]);
            if left.is_multiple_of(2) {
                tidy(&mut host, at(1));
            }
            file_system.set(Fault::Full, left / 2);
            let delivered = host.deliver(&next, at(1));
            let struck = file_system.has_struck();
            if let Err(error) = &delivered {
                assert!(matches!(error, DeliveryError::Full(_)), "{error:?}");
                assert_eq!(host.visible(), history[0]);
                assert_eq!(names(folder.path().join("tmp")), ["standby"]);
                assert_eq!(names(folder.path().join("views")).len(), 2);
                file_system.set(Fault::None, 0);
                host.deliver(&next, at(2)).unwrap();
            }
            assert_eq!(host.visible(), history[1]);
            if !struck && !left.is_multiple_of(2) {
                break;
            }
        }
    }
}

#[test]
fn a_restart_finds_everything_again_and_takes_deltas() {
    for layout in BOTH {
        let folder = tempfile::tempdir().unwrap();
        let history = history();
        let mut before: Option<(u64, &Files)> = None;
        for (revision, files) in (1..).zip(&history) {
            let mut host = open(folder.path(), layout);
            assert_eq!(host.shown().map(|shown| shown.head().revision.0), before.map(|(revision, _)| revision));
            host.deliver(&delta(before, revision, files), at(revision)).unwrap();
            assert_eq!(&host.visible(), files);
            before = Some((revision, files));
        }
    }
}

#[test]
fn a_changed_layout_shows_the_same_revision_at_once() {
    for (first, second) in [(Plain, Linked), (Linked, Plain)] {
        let folder = tempfile::tempdir().unwrap();
        let history = history();
        let mut host = open(folder.path(), first);
        host.deliver(&delta(None, 1, &history[0]), at(0)).unwrap();
        host.deliver(&delta(Some((1, &history[0])), 2, &history[1]), at(0)).unwrap();
        drop(host);
        let mut host = open(folder.path(), second);
        assert_eq!(host.shown().unwrap().head().revision.0, 2);
        assert_eq!(host.visible(), history[1]);
        assert_eq!(folder.path().join("current/stable").is_symlink(), second == Linked);
        let mut before = (2, &history[1]);
        for (revision, files) in (3..).zip(&history[2..]) {
            host.deliver(&delta(Some(before), revision, files), at(revision)).unwrap();
            tidy(&mut host, at(200 * revision));
            assert_eq!(&host.visible(), files);
            before = (revision, files);
        }
        let left = names(folder.path().join("trees"));
        assert_eq!(left.is_empty(), second == Plain, "{left:?}");
    }
}

#[test]
fn pinned_views_stay_until_their_reader_lets_go() {
    for layout in BOTH {
        let folder = tempfile::tempdir().unwrap();
        let history = history();
        let mut host = open(folder.path(), layout);
        let first = host.deliver(&delta(None, 1, &history[0]), at(0)).unwrap().shown.view;
        let view = host.disk.root.view(&first);
        let pin = File::open(&view).unwrap();
        flock(&pin, FlockOperation::LockShared).unwrap();
        for revision in 2..8 {
            let (old, new) = (&history[revision - 2], &history[revision - 1]);
            host.deliver(&delta(Some((revision as u64 - 1, old)), revision as u64, new), at(0)).unwrap();
        }
        assert_eq!(tidy(&mut host, at(59)), 0, "all are younger than a minute");
        assert_eq!(tidy(&mut host, at(61)), 3);
        tidy(&mut host, at(200));
        assert_eq!(read(&view), history[0], "its reader still has all of it");
        drop(pin);
        assert_eq!(tidy(&mut host, at(300)), 1);
        assert!(!view.exists() && !host.disk.root.record(&first).exists());
        assert_eq!(host.visible(), history[6]);
    }
}

#[test]
fn nothing_is_left_of_what_no_view_shows() {
    for layout in BOTH {
        let folder = tempfile::tempdir().unwrap();
        let history = history();
        let mut host = open(folder.path(), layout);
        let mut before = None;
        for (revision, files) in (1..).zip(&history) {
            host.deliver(&delta(before, revision, files), at(0)).unwrap();
            before = Some((revision, files));
        }
        host.retention = Retention { views: 1, age: Duration::ZERO };
        tidy(&mut host, at(100));
        let used: std::collections::BTreeSet<_> = history.last().unwrap().values().collect();
        assert_eq!(names(folder.path().join("blobs")).len(), used.len());
        assert_eq!(host.usage().blobs, used.len() as u64);
        assert_eq!(names(folder.path().join("views")).len(), 2);
        assert!(names(folder.path().join("trash")).is_empty());
        let shared = names(folder.path().join("trees")).len();
        assert_eq!(shared, if layout == Linked { 5 } else { 0 });
        assert_eq!(&host.visible(), history.last().unwrap());
    }
}

#[test]
fn a_copy_made_in_quiet_times_becomes_the_next_view() {
    let folder = tempfile::tempdir().unwrap();
    let history = history();
    let mut host = open(folder.path(), Plain);
    let mut before = (1, &history[0]);
    host.deliver(&delta(None, 1, &history[0]), at(0)).unwrap();
    for revision in 2..40_u64 {
        tidy(&mut host, at(revision));
        let [copy] = &names(folder.path().join("tmp/standby"))[..] else { panic!("there is no copy") };
        let inode = folder.path().join("tmp/standby").join(copy).metadata().unwrap().ino();
        assert_eq!(read(&folder.path().join("tmp/standby").join(copy)), *before.1);
        let files = &history[usize::try_from(revision).unwrap() * 5 % history.len()];
        host.deliver(&delta(Some(before), revision, files), at(revision)).unwrap();
        assert_eq!(folder.path().join("current").metadata().unwrap().ino(), inode, "it was used");
        assert_eq!(&host.visible(), files, "{revision}");
        before = (revision, files);
    }
    drop(host);
    assert_eq!(&open(folder.path(), Plain).visible(), before.1);
}

/// Operators edit files in place when it burns; the next revision must not carry that on.
#[test]
fn what_was_edited_by_hand_does_not_come_back() {
    for layout in BOTH {
        let folder = tempfile::tempdir().unwrap();
        let history = history();
        let mut host = open(folder.path(), layout);
        let mut before = (1, &history[0]);
        host.deliver(&delta(None, 1, &history[0]), at(0)).unwrap();
        damage(&folder.path().join("current/top"), "replaced");
        for (revision, files) in (2..).zip(&history[1..]) {
            tidy(&mut host, at(revision * 100));
            host.deliver(&delta(Some(before), revision, files), at(revision * 100)).unwrap();
            assert_eq!(&host.visible(), files);
            before = (revision, files);
        }
    }
}

fn damage(path: &Path, how: &str) {
    match how {
        "removed" => fs::remove_file(path).unwrap(),
        "replaced" => {
            fs::remove_file(path).unwrap();
            fs::write(path, "evil").unwrap();
        }
        "written to" => {
            fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
            fs::write(path, "evil").unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(0o444)).unwrap();
        }
        "made executable" => fs::set_permissions(path, fs::Permissions::from_mode(0o555)).unwrap(),
        _ => unreachable!("{how}"),
    }
}

#[test]
fn a_damaged_view_falls_back_to_a_complete_one_and_a_full_sync_repairs_it() {
    for layout in BOTH {
        for how in ["removed", "replaced", "written to", "made executable"] {
            let folder = tempfile::tempdir().unwrap();
            let [old, new] = ["1", "2"].map(|content| files([("d/a", content), ("b", "0")]));
            let mut host = open(folder.path(), layout);
            host.deliver(&delta(None, 1, &old), Moment { wall_ms: 1_000, ..Moment::default() }).unwrap();
            host.deliver(&delta(Some((1, &old)), 2, &new), Moment { wall_ms: 2_000, ..Moment::default() }).unwrap();
            drop(host);
            damage(&folder.path().join("current/d/a"), how);
            let mut host = open(folder.path(), layout);
            assert!(host.damage().is_some(), "{layout} {how}");
            assert_eq!(host.shown().unwrap().head().revision.0, 1, "{layout} {how}");
            assert_eq!(host.visible(), old);
            host.deliver(&delta(None, 2, &new), at(1)).unwrap();
            assert_eq!((host.visible(), host.damage()), (new.clone(), None), "{layout} {how}");
            drop(host);
            let host = open(folder.path(), layout);
            assert_eq!((host.visible(), host.damage()), (new, None), "{layout} {how}");
        }
    }
}

#[test]
fn a_damaged_view_without_another_is_served_until_a_full_sync() {
    for layout in BOTH {
        let folder = tempfile::tempdir().unwrap();
        let all = files([("d/a", "1"), ("d/b", "2")]);
        let mut host = open(folder.path(), layout);
        host.deliver(&delta(None, 1, &all), at(0)).unwrap();
        drop(host);
        damage(&folder.path().join("current/d/a"), "removed");
        let mut host = open(folder.path(), layout);
        assert!(host.damage().is_some());
        assert_eq!(host.visible(), files([("d/b", "2")]));
        host.deliver(&delta(None, 1, &all), at(0)).unwrap();
        assert_eq!((host.visible(), host.damage()), (all, None));
    }
}

#[test]
fn a_blob_that_rots_is_found_and_replaced() {
    for layout in BOTH {
        let folder = tempfile::tempdir().unwrap();
        let all = files([("d/a", "1"), ("d/b", "2")]);
        let mut host = open(folder.path(), layout);
        host.deliver(&delta(None, 1, &all), at(0)).unwrap();
        damage(&folder.path().join("current/d/a"), "written to");
        tidy(&mut host, at(1));
        assert!(host.damage().is_some());
        host.deliver(&delta(None, 1, &all), at(2)).unwrap();
        assert_eq!((host.visible(), host.damage()), (all, None));
    }
}

#[test]
fn a_removed_link_to_the_view_is_put_back() {
    for layout in BOTH {
        let folder = tempfile::tempdir().unwrap();
        let history = history();
        let mut host = open(folder.path(), layout);
        host.deliver(&delta(None, 1, &history[0]), at(0)).unwrap();
        host.deliver(&delta(Some((1, &history[0])), 2, &history[1]), at(0)).unwrap();
        drop(host);
        fs::remove_file(folder.path().join("current")).unwrap();
        let host = open(folder.path(), layout);
        assert_eq!((host.visible(), host.damage()), (history[1].clone(), None));
    }
}

#[test]
fn blobs_lost_from_their_folder_are_found_in_the_view() {
    for layout in BOTH {
        let folder = tempfile::tempdir().unwrap();
        let history = history();
        let mut host = open(folder.path(), layout);
        host.deliver(&delta(None, 1, &history[0]), at(0)).unwrap();
        drop(host);
        fs::remove_dir_all(folder.path().join("blobs")).unwrap();
        let mut host = open(folder.path(), layout);
        assert_eq!(host.damage(), None);
        host.deliver(&delta(Some((1, &history[0])), 2, &history[1]), at(0)).unwrap();
        assert_eq!(host.visible(), history[1]);
    }
}

#[test]
fn a_blob_at_the_limit_of_hard_links_gets_a_second_copy() {
    let folder = tempfile::tempdir().unwrap();
    let mut host = open(folder.path(), Plain);
    let one = files([("a", "{}")]);
    host.deliver(&delta(None, 1, &one), at(0)).unwrap();
    let blob = host.disk.root.blob(configbus_model::blob_id(b"{}").unwrap(), false);
    let full = folder.path().join("full");
    fs::create_dir(&full).unwrap();
    let limit = (0..70_000).find(|n| fs::hard_link(&blob, full.join(n.to_string())).is_err());
    // Not every file system has a limit that low.
    let Some(_) = limit else { return };
    let two = files([("a", "{}"), ("b", "{}")]);
    host.deliver(&delta(Some((1, &one)), 2, &two), at(0)).unwrap();
    assert_eq!(host.visible(), two);
    fs::remove_dir_all(full).unwrap();
    drop(host);
    assert_eq!(open(folder.path(), Plain).visible(), two);
}

#[test]
fn a_large_update_leaves_the_memory() {
    for layout in BOTH {
        let folder = tempfile::tempdir().unwrap();
        let mut host = open(folder.path(), layout);
        let large = |n: u8| (format!("d/{n}"), (n.is_multiple_of(2), Bytes::from(vec![n; 3 * 1024 * 1024])));
        let mut all: Files = (0..8).map(large).collect();
        all.insert("twin".into(), (true, all["d/1"].1.clone()));
        let whole = delta(None, 1, &all);
        for part in whole.blobs.chunks(3) {
            host.stage(&Namespace::main(), &[], part).unwrap();
        }
        host.stage(&Namespace::main(), &whole.trees, &[]).unwrap();
        assert!(names(folder.path().join("tmp")).len() > 5, "contents wait on the disk");
        host.apply(&whole.to, at(0)).unwrap();
        assert_eq!(host.visible(), all);
        assert_eq!(names(folder.path().join("tmp")), ["standby"]);
    }
}

#[test]
fn leftovers_of_a_killed_agent_go() {
    let folder = tempfile::tempdir().unwrap();
    let all = files([("a", "1")]);
    let mut host = open(folder.path(), Plain);
    let view = host.deliver(&delta(None, 1, &all), at(0)).unwrap().shown.view;
    drop(host);
    let path = |name: &str| folder.path().join(name);
    fs::create_dir_all(path("tmp/0123456789abcdef/half")).unwrap();
    fs::write(path("tmp/current"), "").unwrap();
    fs::create_dir_all(path("views/r7-00000000/half")).unwrap();
    fs::write(path("views/r8-00000000.json"), "{}").unwrap();
    fs::create_dir_all(path("trash/x/y")).unwrap();
    fs::write(path("blobs/garbage.tmp"), "").unwrap();
    let mut host = open(folder.path(), Plain);
    tidy(&mut host, at(1));
    assert_eq!(names(path("views")), [view.to_string(), format!("{view}.json")]);
    assert_eq!(names(path("tmp")), ["standby"]);
    assert!(names(path("trash")).is_empty());
    assert_eq!(names(path("blobs")).len(), 1);
    assert_eq!(host.visible(), all);
}

/// A reader that keeps looking sees each revision whole; it pins the view as client libraries do.
#[test]
fn a_reader_sees_all_old_or_all_new() {
    for layout in BOTH {
        let folder = tempfile::tempdir().unwrap();
        let at_revision = |n: u64| {
            let content = n.to_string();
            let paths: Vec<_> = (0..40).map(|n| format!("d{}/f{n}", n % 5)).collect();
            files(paths.iter().map(|path| (path.as_str(), content.as_str())))
        };
        let file_system = Arc::new(FaultyFileSystem::new(Fault::None, 0));
        let mut host = open_over(folder.path(), layout, &file_system);
        host.deliver(&delta(None, 0, &at_revision(0)), at(0)).unwrap();
        let stop = std::sync::atomic::AtomicBool::new(false);
        let root = Root::new(folder.path());
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| {
                let mut seen = std::collections::BTreeSet::new();
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    let view = root.view(&views::current(&root).unwrap());
                    let Ok(pin) = File::open(&view) else { continue };
                    flock(&pin, FlockOperation::LockShared).unwrap();
                    if Some(&view) != views::current(&root).map(|name| root.view(&name)).as_ref() {
                        continue;
                    }
                    let contents: std::collections::BTreeSet<_> = read(&view).into_values().collect();
                    assert_eq!(contents.len(), 1, "two revisions at once");
                    seen.extend(contents);
                }
                seen.len()
            });
            for n in 1..200 {
                let (old, new) = (at_revision(n - 1), at_revision(n));
                host.deliver(&delta(Some((n - 1, &old)), n, &new), at(n * 30)).unwrap();
                tidy(&mut host, at(n * 30));
            }
            stop.store(true, std::sync::atomic::Ordering::Relaxed);
            assert!(reader.join().unwrap() > 1);
        });
    }
}

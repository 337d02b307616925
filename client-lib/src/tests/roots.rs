//! Roots that come late, go away, or raise no events.

use super::{
    DEADLINE,
    hand_made_root::{HandMadeRoot, LAYOUTS},
};
use crate::{ConfigBus, ErrorKind, OpenError, OpenOptions};
use configbus_model::Revision;
use std::{fs, time::Duration};

fn exhausted() -> OpenOptions {
    let make = || Err(rustix::io::Errno::MFILE.into());
    OpenOptions::new().with_instances_from(make).poll_interval(Duration::from_millis(5))
}

fn polling() -> OpenOptions {
    OpenOptions::new().without_inotify().poll_interval(Duration::from_millis(5))
}

#[test]
fn flips_are_seen_with_and_without_inotify() {
    for options in [OpenOptions::new(), polling(), exhausted()] {
        let root = HandMadeRoot::new(LAYOUTS[0]);
        root.flip(&[("a.json", "1")]);
        let bus = ConfigBus::open_with(root.path(), &options).unwrap();
        let recording = bus.subscribe::<u32>("a.json").unwrap().record();
        for (count, text) in ["2", "3", "4"].into_iter().enumerate() {
            root.flip(&[("a.json", text)]);
            recording.wait_for(count + 1, DEADLINE).unwrap();
        }
        assert_eq!(bus.stats().flips, 3);
    }
}

#[test]
fn a_root_that_is_replaced_is_followed() {
    for options in [OpenOptions::new(), polling()] {
        let root = HandMadeRoot::new(LAYOUTS[1]);
        root.flip(&[("d/a.json", "1")]);
        let bus = ConfigBus::open_with(root.path(), &options).unwrap();
        let value = bus.subscribe::<u32>("d/a.json").unwrap();
        let recording = value.record();
        fs::rename(root.path(), root.folder().join("old")).unwrap();
        bus.refresh();
        assert_eq!(*value.load().unwrap(), 1, "without a root the last value stays");
        assert_eq!(bus.snapshot().unwrap().text("d/a.json").unwrap(), "1");
        root.make_folders();
        root.flip(&[("d/a.json", "2")]);
        recording.wait_for(1, DEADLINE).unwrap();
        // And so are its flips.
        root.flip(&[("d/a.json", "3")]);
        assert_eq!(recording.wait_for(2, DEADLINE).unwrap()[1].new.as_deref(), Some(&3));
    }
}

#[test]
fn a_root_whose_view_comes_late_is_waited_for() {
    let root = HandMadeRoot::new(LAYOUTS[0]);
    std::thread::scope(|scope| {
        let opening = scope.spawn(|| root.open());
        root.flip(&[("a.json", "1")]);
        assert_eq!(opening.join().unwrap().snapshot().unwrap().revision(), Revision(1));
    });
}

#[test]
fn a_root_without_a_view_is_an_error_after_the_deadline() {
    let root = HandMadeRoot::new(LAYOUTS[0]);
    let empty = tempfile::tempdir().unwrap();
    let now = OpenOptions::new().deadline(Duration::ZERO);
    for path in [root.path(), empty.path().to_owned(), empty.path().join("missing")] {
        let error = ConfigBus::open_with(&path, &now).unwrap_err();
        assert!(matches!(error, OpenError::NoView { .. }), "{error}");
        assert_eq!(error.kind(), ErrorKind::Unavailable);
    }
    let file = empty.path().join("file");
    fs::write(&file, "").unwrap();
    assert_eq!(ConfigBus::open_with(&file, &now).unwrap_err().kind(), ErrorKind::Invalid);
}

#[test]
fn a_view_folder_that_was_repaired_in_place_is_taken() {
    let root = HandMadeRoot::new(LAYOUTS[0]);
    let view = root.build(Revision(1), &[("a.json", "1")]);
    root.show(&view);
    let bus = root.open();
    let value = bus.subscribe::<u32>("a.json").unwrap();
    fs::rename(root.view_path(&view), root.folder().join("broken")).unwrap();
    fs::remove_dir_all(root.folder().join("broken")).unwrap();
    root.build(Revision(1), &[("a.json", "1")]);
    assert_eq!(bus.snapshot().unwrap().text("a.json").unwrap(), "1");
    bus.refresh();
    assert_eq!(*value.load().unwrap(), 1);
    assert_eq!((bus.stats().flips, bus.stats().changes), (1, 1));
}

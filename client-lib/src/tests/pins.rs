//! What a pin keeps.

use super::{
    DEADLINE,
    hand_made_root::{HandMadeRoot, LAYOUTS},
};
use configbus_model::{Namespace, Revision};
use std::fs;

#[test]
fn a_snapshot_keeps_its_view_from_being_collected() {
    for layout in LAYOUTS {
        let root = HandMadeRoot::new(layout);
        let (first, second) = (root.build(Revision(1), &[("d/a", "1")]), root.build(Revision(2), &[("d/a", "2")]));
        root.show(&first);
        let bus = root.open();
        let snapshot = bus.snapshot().unwrap();
        assert!(snapshot.is_pinned());
        root.show(&second);
        assert!(bus.wait_for(Revision(2), DEADLINE));
        assert!(!root.collect(&first), "{layout}: it was collected although a snapshot pins it");
        assert_eq!(snapshot.read("d/a").unwrap(), b"1");
        assert_eq!(bus.snapshot().unwrap().read("d/a").unwrap(), b"2");
        drop(snapshot);
        assert!(root.collect(&first), "{layout}: nobody pins it any more");
        assert!(!root.collect(&second), "{layout}: the bus itself pins what it shows");
    }
}

#[test]
fn a_snapshot_is_the_newest_revision_even_before_the_library_was_woken() {
    let root = HandMadeRoot::new(LAYOUTS[0]);
    root.flip(&[("a", "0")]);
    let bus = root.open();
    for number in 1..50 {
        let text = number.to_string();
        let revision = root.flip(&[("a", &text)]);
        let snapshot = bus.snapshot().unwrap();
        assert_eq!((snapshot.revision(), snapshot.text("a").unwrap()), (revision, text));
    }
}

#[test]
fn a_snapshot_knows_its_namespaces_and_survives_the_loss_of_the_record() {
    let root = HandMadeRoot::new(LAYOUTS[0]);
    let view = root.build(Revision(7), &[("a", "1")]);
    root.show(&view);
    let snapshot = root.open().snapshot().unwrap();
    assert_eq!(snapshot.revision_of(&Namespace::main()), Some(Revision(7)));
    fs::write(root.record_path(&view), "{").unwrap();
    let snapshot = root.open().snapshot().unwrap();
    assert_eq!((snapshot.revision(), snapshot.namespaces().len()), (Revision(7), 0));
    assert_eq!(snapshot.text("a").unwrap(), "1");
}

#[test]
fn what_is_read_or_listed_wrongly_is_named() {
    let root = HandMadeRoot::new(LAYOUTS[1]);
    root.flip(&[("d/a.json", "{\n \"x\": 1,\n}"), ("d/b.unknown", "1"), ("d/e/c.yaml", "k: v")]);
    let snapshot = root.open().snapshot().unwrap();
    let message = |result: Result<serde_json::Value, crate::ReadError>| {
        let error = result.unwrap_err();
        let source = std::error::Error::source(&error).map(|source| format!(": {source}")).unwrap_or_default();
        format!("{}: {error}{source}", error.kind())
    };
    let parse = |path| message(snapshot.parse(path));
    assert_eq!(parse("no.json"), "not_found: no.json does not exist at r1");
    assert!(parse("d/a.json").starts_with("rejected: d/a.json at r1 does not parse: line 3, column 1: "));
    assert!(parse("d/b.unknown").starts_with("invalid: d/b.unknown has no extension"));
    assert!(parse("../a.json").starts_with("invalid: "));
    assert!(message(snapshot.read("d").map(|_| serde_json::Value::Null)).starts_with("not_found: failed to read d"));
    let listed: Vec<_> = snapshot.list("d/").unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(listed, ["d/a.json", "d/b.unknown", "d/e/c.yaml"]);
    assert_eq!(snapshot.list("").unwrap().len(), 3);
    assert_eq!(snapshot.list("d/a.json").unwrap().len(), 1);
    assert!(snapshot.list("nowhere").unwrap().is_empty() && snapshot.list("d/../x").is_err());
}

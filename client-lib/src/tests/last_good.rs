//! Versions that are not usable.

use super::{
    DEADLINE,
    hand_made_root::{HandMadeRoot, LAYOUTS},
};
use crate::{ConfigBus, ErrorKind, Format, RefusalReason};
use configbus_model::{ReaderReport, ReportedState};
use std::os::unix::net::UnixDatagram;

#[derive(Debug, Clone, PartialEq, serde::Deserialize)]
struct Limits {
    limit: u32,
}

fn next_report(agent: &UnixDatagram) -> ReaderReport {
    let mut datagram = vec![0; ReaderReport::BYTES_MAX];
    let size = agent.recv(&mut datagram).unwrap();
    serde_json::from_slice(&datagram[..size]).unwrap()
}

#[test]
fn reader_keeps_last_good_when_yaml_breaks_and_the_agent_is_told() {
    for layout in LAYOUTS {
        let root = HandMadeRoot::new(layout);
        let agent = UnixDatagram::bind(root.path().join("agent.sock")).unwrap();
        agent.set_read_timeout(Some(DEADLINE)).unwrap();
        root.flip(&[("limits.yaml", "limit: 1\n")]);
        let bus = root.open();
        let limits = bus.subscribe::<Limits>("limits.yaml").unwrap();
        let recording = limits.record();

        let broken = root.flip(&[("limits.yaml", "limit: [1\n")]);
        let report = next_report(&agent);
        assert_eq!((report.state, report.revision), (ReportedState::Refused, broken));
        assert_eq!((report.path.as_str(), report.pid), ("limits.yaml", std::process::id()));
        assert!(report.reason.unwrap().starts_with("it does not parse: line "));
        assert!(bus.wait_for(broken, DEADLINE));
        assert_eq!(*limits.load().unwrap(), Limits { limit: 1 });
        assert_eq!(limits.refusal().unwrap().revision, broken);
        assert_eq!((bus.stats().refused, bus.stats().reports_dropped), (1, 0));

        let good = root.flip(&[("limits.yaml", "limit: 2\n")]);
        let report = next_report(&agent);
        assert_eq!((report.state, report.revision, report.reason), (ReportedState::Applied, good, None));
        let changes = recording.wait_for(1, DEADLINE).unwrap();
        assert_eq!((changes[0].old.as_deref(), changes.len()), (Some(&Limits { limit: 1 }), 1), "{layout}");
        assert!(limits.refusal().is_none());
    }
}

#[test]
fn checks_and_panics_refuse_a_version() {
    let memory = ConfigBus::in_memory();
    memory.set("a.json", "1").unwrap();
    memory.flip();
    let bus = memory.bus();
    let check = |value: &u32| {
        assert!(*value != 13, "a bug in the check");
        if *value < 10 { Ok(()) } else { Err(format!("{value} is too much")) }
    };
    let value = bus.file::<u32>("a.json").unwrap().with_check(check).subscribe().unwrap();
    for (text, reason) in [("50", "50 is too much"), ("13", "panicked"), ("\"x\"", "line 1")] {
        memory.set("a.json", text).unwrap();
        memory.flip();
        assert_eq!(*value.load().unwrap(), 1);
        let refusal = value.refusal().unwrap();
        assert!(refusal.to_string().contains(reason), "{refusal}");
    }
    assert_eq!(bus.stats().refused, 3);
    memory.set("a.json", "1").unwrap();
    memory.flip();
    assert!(value.refusal().is_none() && *value.load().unwrap() == 1);
}

#[test]
fn a_first_version_that_is_not_usable_is_an_error_unless_there_is_a_default() {
    let memory = ConfigBus::in_memory();
    memory.set("a.json", "{").unwrap();
    memory.flip();
    let bus = memory.bus();
    let error = bus.subscribe::<u32>("a.json").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
    assert!(error.to_string().starts_with("a.json is not usable: the version of r1 is not in use: it does not parse"));
    let value = bus.subscribe_or("a.json", 7_u32).unwrap();
    let recording = value.record();
    assert_eq!(*value.load(), 7);
    assert!(matches!(value.refusal().unwrap().reason, RefusalReason::Parse(_)));
    memory.set("a.json", "8").unwrap();
    memory.flip();
    assert_eq!(*value.load(), 8);
    memory.remove("a.json").unwrap();
    memory.flip();
    assert_eq!((*value.load(), value.refusal().is_none()), (7, true));
    assert_eq!((value.reader().load(), value.load_full().as_deref()), (Some(&7), Some(&7)));
    let told: Vec<_> =
        recording.changes().iter().map(|c| (c.old.as_deref().copied(), c.new.as_deref().copied())).collect();
    assert_eq!(told, [(None, Some(8)), (Some(8), None)], "the default is no value of the file");
}

#[test]
fn one_bad_file_of_many_keeps_its_last_good_value() {
    let memory = ConfigBus::in_memory();
    memory.set("f/a.json", "1").unwrap();
    memory.set("f/b.toml", "limit = 2").unwrap();
    memory.set("f/c.unknown", "3").unwrap();
    memory.flip();
    let bus = memory.bus();
    let files = bus.subscribe_prefix::<serde_json::Value>("f/").unwrap();
    let names = |files: &crate::PrefixFiles<_>| files.keys().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(names(&files.load()), ["f/a.json", "f/b.toml"]);
    assert_eq!(files.refusals().keys().map(ToString::to_string).collect::<Vec<_>>(), ["f/c.unknown"]);
    memory.set("f/a.json", "{").unwrap();
    memory.set("f/b.toml", "limit = 20").unwrap();
    memory.remove("f/c.unknown").unwrap();
    memory.flip();
    let loaded = files.load();
    assert_eq!(loaded.values().map(ToString::to_string).collect::<Vec<_>>(), ["1", "{\"limit\":20}"]);
    assert_eq!(files.refusals().keys().map(ToString::to_string).collect::<Vec<_>>(), ["f/a.json"]);
}

#[test]
fn formats_come_from_the_extension_or_the_program() {
    let memory = ConfigBus::in_memory();
    memory.set("a.txt", "grüße\n").unwrap();
    memory.set("b.bin", [0_u8, 255]).unwrap();
    memory.set("c.conf", "limit = 3").unwrap();
    memory.set("d", "4").unwrap();
    memory.flip();
    let bus = memory.bus();
    assert_eq!(*bus.subscribe_text("a.txt").unwrap().load().unwrap(), "grüße\n");
    assert_eq!(*bus.subscribe_bytes("b.bin").unwrap().load().unwrap(), [0, 255]);
    assert_eq!(bus.subscribe_text("b.bin").unwrap_err().kind(), ErrorKind::Rejected);
    assert_eq!(bus.subscribe::<Limits>("c.conf").unwrap_err().kind(), ErrorKind::Invalid);
    let toml = bus.file::<Limits>("c.conf").unwrap().with_format(Format::Toml).subscribe().unwrap();
    assert_eq!(toml.load().unwrap().limit, 3);
    let own = bus.text_file("d").unwrap().with_decoder(|content| String::from_utf8(content.repeat(2)));
    assert_eq!(*own.subscribe().unwrap().load().unwrap(), "44");
    assert_eq!(bus.subscribe_prefix_text("*.txt").unwrap().load().len(), 1);
    assert_eq!(bus.subscribe_prefix_bytes("**").unwrap().load().len(), 4);
    assert_eq!(bus.subscribe::<u32>("/a.json").unwrap_err().kind(), ErrorKind::Invalid);
    assert_eq!(bus.subscribe_prefix::<u32>("!a").unwrap_err().kind(), ErrorKind::Invalid);
}

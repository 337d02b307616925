//! Many changes over one stream, while the server is killed.

use configbus_api::{ChangeSet, Client, ClientSettings, Edit, Expected};
use configbus_tests::{bus::Bus, git::WorkingCopy, ports::fixed_port};
use std::collections::BTreeMap;
use std::time::Duration;

const CHANGES: usize = 400;
const KILLS: [usize; 2] = [90, 230];

fn change(number: usize) -> ChangeSet {
    // Every fourth change is of one file: its content ends as the last of them says.
    let path = if number.is_multiple_of(4) { "dir/shared.txt".to_owned() } else { format!("dir/{number}.txt") };
    let edit = Edit::put(path.parse().unwrap(), number.to_string(), Expected::Any);
    ChangeSet::new(format!("change {number}")).with(edit)
}

#[test]
fn a_stream_of_changes_outlives_its_server_and_each_lands_once() {
    let listen = format!("127.0.0.1:{}", fixed_port());
    let mut bus = Bus::with(&["--listen", &listen]);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let settings = ClientSettings {
        attempts_max: 1_000,
        pause_max: Duration::from_millis(200),
        ..ClientSettings::for_servers(bus.server())
    };
    let mut bulk = {
        let _inside = runtime.enter();
        Client::with_settings(settings).unwrap().land_all((0..CHANGES).map(change))
    };
    for answered in 0..CHANGES {
        if KILLS.contains(&answered) {
            bus.kill();
            bus.restart();
        }
        let landed = runtime.block_on(bulk.next()).expect("each change is answered");
        assert!(landed.is_ok(), "change {answered}: {landed:?}");
    }
    assert!(runtime.block_on(bulk.next()).is_none());
    let copy = WorkingCopy::clone(bus.git(), &[]);
    let mut landed: BTreeMap<String, usize> = BTreeMap::new();
    for subject in copy.git(&["log", "--format=%s"]).expect_ok().stdout.lines() {
        *landed.entry(subject.to_owned()).or_default() += 1;
    }
    assert_eq!(landed, (0..CHANGES).map(|number| (format!("change {number}"), 1)).collect());
    assert_eq!(std::fs::read_to_string(copy.path().join("dir/shared.txt")).unwrap(), (CHANGES - 4).to_string());
}

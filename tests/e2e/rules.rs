//! Rules of the repository through push, API and `validate`, evaluated by the real binary's own children.

use configbus_tests::{
    bus::{Bus, Run},
    git::WorkingCopy,
};
use insta::assert_snapshot;
use std::fs;

const RULES: &str = "\
- files: /limits/
  rule: old == null || self.limit <= old.limit * 2
  message: limits are at most doubled
- files: '*.yaml'
  rule: self.hosts.all(h, h.port > 1024)
  message: ports below 1024 are reserved
";

#[test]
fn rules_hold_for_pushes_and_the_api() {
    let bus = Bus::start();
    let copy = WorkingCopy::init(bus.git());
    copy.write(".configbus/rules.yaml", RULES);
    copy.write("limits/ads.json", "{\"limit\": 10}\n");
    copy.commit("rules");
    let _ = copy.push().expect_ok();
    let refused = copy.change("limits/ads.json", "{\"limit\": 30}\n").expect_refused();
    assert_snapshot!(refused.remote_lines().trim(), @r#"
    limits/ads.json:1:11: limits are at most doubled: found 30, expected old
    == null || self.limit <= old.limit * 2 (.configbus/rules.yaml:2:9)
    [rule/broken]
    1 | {"limit": 30}
    |           ^ /limit
    1 problem in 1 file
    "#);
    let refused = bus.run_with(&["put", "limits/ads.json"], b"{\"limit\": 30}\n");
    assert_eq!(refused.code, 4);
    assert!(refused.stderr.contains("limits/ads.json:1:11: limits are at most doubled"), "{}", refused.stderr);
    let _ = bus.run_with(&["put", "limits/ads.json"], b"{\"limit\": 20}\n").expect_ok();
}

#[test]
fn a_working_copy_is_held_to_its_rules() {
    let folder = tempfile::TempDir::new().unwrap();
    fs::create_dir(folder.path().join(".configbus")).unwrap();
    fs::write(folder.path().join(".configbus/rules.yaml"), RULES).unwrap();
    fs::write(folder.path().join("edge.yaml"), "hosts:\n  - port: 8080\n  - port: 80\n").unwrap();
    let refused = Run::of(&["validate", folder.path().to_str().unwrap()], b"");
    assert_eq!(refused.code, 4);
    assert_snapshot!(refused.stdout, @r"
    edge.yaml:3:11: ports below 1024 are reserved: found 80, expected self.hosts.all(h, h.port > 1024) (.configbus/rules.yaml:5:9) [rule/broken]
      3 |   - port: 80
        |           ^ /hosts/1/port
    1 problem in 1 file
    ");
}

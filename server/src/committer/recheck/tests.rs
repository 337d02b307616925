//! Two writers: what one checked, the other changes before it lands.

use crate::audit::{AuditLog, AuditSettings};
use crate::committer::landing::Desk;
use crate::committer::{CommitError, Edit, EditsChange, Expected, Mounting, Wanted, WhenOutdated};
use bytes::Bytes;
use configbus_gitstore::{Person, RepositorySettings, Store};
use configbus_hooks::{Gate, GateSettings, Rule};
use configbus_model::{ConfigPath, Grant, Namespace, Principal, PrincipalName, TreeId};
use configbus_runtime::ManualClock;
use std::sync::{Arc, Mutex};

struct Bench {
    desk: Desk,
    _folder: tempfile::TempDir,
}

impl Bench {
    /// A namespace in which ada owns `pay/`.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::create(&folder.path().join("main.git"), &RepositorySettings::default()).unwrap();
        let gate = Arc::new(Gate::new(GateSettings::default()).unwrap());
        let clock = Arc::new(ManualClock::new(1_000));
        let audit = AuditLog::open(folder.path(), &AuditSettings::default(), clock.clone()).unwrap().0;
        let desk = Desk {
            namespace: Namespace::main(),
            store,
            gate,
            clock,
            audit,
            steps: Mutex::default(),
            mounts: Arc::default(),
        };
        let bench = Self { desk, _folder: folder };
        bench.land(&bench.change("amy", ".configbus/owners", "/pay/ ada\n")).unwrap();
        bench
    }

    fn head(&self) -> Option<TreeId> {
        self.desk.store.head().map(|head| head.tree)
    }

    /// One edit, as if it had been checked on the present head.
    fn change(&self, who: &str, path: &str, content: &str) -> EditsChange {
        let role = if who == "amy" { "admin" } else { "writer" };
        let roles = [role.parse::<Grant>().unwrap()].into_iter().collect();
        let wanted = Wanted::File { content: Bytes::copy_from_slice(content.as_bytes()), mode: None };
        EditsChange {
            principal: Arc::new(Principal::new(PrincipalName::parse(who).unwrap(), roles)),
            edits: vec![Edit { path: ConfigPath::parse(path).unwrap(), expected: Expected::Any, wanted }],
            author: Person { name: who.into(), email: String::new() },
            message: "change".into(),
            traceparent: String::new(),
            checked_on: self.head(),
            when_outdated: WhenOutdated::ComeBack,
            mounting: Mounting::Leaves,
            ticket: None,
        }
    }

    fn land(&self, change: &EditsChange) -> Result<(), CommitError> {
        self.desk.land_edits(std::slice::from_ref(change)).remove(0).map(drop)
    }
}

#[test]
fn owners_that_moved_since_the_check_send_it_back() {
    let bench = Bench::new();
    let ada = bench.change("ada", "pay/limits.json", "1");
    bench.land(&bench.change("amy", ".configbus/owners", "/pay/ eve\n")).unwrap();
    assert!(matches!(bench.land(&ada), Err(CommitError::Outdated)));
}

#[test]
fn a_change_beside_others_lands() {
    let bench = Bench::new();
    let ada = bench.change("ada", "pay/limits.json", "1");
    let eve = bench.change("eve", "free.json", "1");
    bench.land(&eve).unwrap();
    bench.land(&ada).unwrap();
}

#[test]
fn ownership_is_judged_again_in_the_queue() {
    let bench = Bench::new();
    let eve = bench.change("eve", "pay/limits.json", "1");
    bench.land(&bench.change("ada", "free.json", "1")).unwrap();
    let Err(CommitError::Rejected(report)) = bench.land(&eve) else { panic!("nobody looked at the owners") };
    assert_eq!(report.findings[0].rule, Rule::NotOwner);
}

#[test]
fn what_came_back_often_enough_is_checked_in_the_queue() {
    let bench = Bench::new();
    let now = |change| EditsChange { when_outdated: WhenOutdated::CheckNow, ..change };
    let (ada, eve) = (bench.change("ada", "pay/a.json", "1"), bench.change("eve", "pay/b.json", "1"));
    bench.land(&bench.change("amy", ".configbus/owners", "/pay/ eve\n")).unwrap();
    let Err(CommitError::Rejected(report)) = bench.land(&now(ada)) else { panic!("it is not ada's any more") };
    assert_eq!(report.findings[0].rule, Rule::NotOwner);
    bench.land(&now(eve)).unwrap();
}

#[test]
fn where_no_policy_compares_with_what_was_there_the_last_writer_wins() {
    let bench = Bench::new();
    let ada = bench.change("ada", "free.json", "1");
    bench.land(&bench.change("eve", "free.json", "2")).unwrap();
    bench.land(&ada).unwrap();
}

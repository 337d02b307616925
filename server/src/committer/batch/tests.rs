use crate::audit::{AuditLog, AuditSettings};
use crate::committer::landing::{Desk, LandedCommit};
use crate::committer::{CommitError, Edit, EditsChange, Expected, How, Mounting, Wanted, WhenOutdated};
use bytes::Bytes;
use configbus_gitstore::{Person, RepositorySettings, Store};
use configbus_hooks::{Gate, GateSettings};
use configbus_model::{ConfigPath, ErrorKind, Grant, Namespace, Principal, PrincipalName, Revision, TreeId, blob_id};
use configbus_runtime::ManualClock;
use std::fs;
use std::process::Command;
use std::sync::{Arc, Mutex};

struct Bench {
    desk: Desk,
    _folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::create(&folder.path().join("main.git"), &RepositorySettings::default()).unwrap();
        let gate = Arc::new(Gate::new(GateSettings::default()).unwrap());
        let (clock, steps) = (Arc::new(ManualClock::new(1_000)), Mutex::default());
        let audit = AuditLog::open(folder.path(), &AuditSettings::default(), clock.clone()).unwrap().0;
        let desk = Desk { namespace: Namespace::main(), store, gate, clock, audit, steps, mounts: Arc::default() };
        let bench = Self { desk, _folder: folder };
        bench.land(&[bench.change("a.json", Expected::Absent, "1")]).remove(0).unwrap();
        bench
    }

    fn head(&self) -> Option<TreeId> {
        self.desk.store.head().map(|head| head.tree)
    }

    fn change(&self, path: &str, expected: Expected, content: &str) -> EditsChange {
        let roles = ["writer".parse::<Grant>().unwrap()].into_iter().collect();
        let wanted = Wanted::File { content: Bytes::copy_from_slice(content.as_bytes()), mode: None };
        EditsChange {
            principal: Arc::new(Principal::new(PrincipalName::parse("ada").unwrap(), roles)),
            edits: vec![Edit { path: ConfigPath::parse(path).unwrap(), expected, wanted }],
            author: Person { name: path.into(), email: String::new() },
            message: format!("set {path} to {content}"),
            traceparent: String::new(),
            checked_on: self.head(),
            when_outdated: WhenOutdated::ComeBack,
            mounting: Mounting::Leaves,
            ticket: None,
        }
    }

    fn land(&self, changes: &[EditsChange]) -> Vec<Result<LandedCommit, CommitError>> {
        let outcomes = self.desk.land_edits(changes);
        assert_eq!(outcomes.len(), changes.len());
        outcomes
    }

    fn git(&self, arguments: &[&str]) -> String {
        let output = Command::new("git").arg("-C").arg(self.desk.store.dir()).args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

fn holding(content: &str) -> Expected {
    Expected::Blob(blob_id(content.as_bytes()).unwrap())
}

#[test]
fn changes_of_a_batch_see_each_other_and_one_that_fails_fails_alone() {
    let bench = Bench::new();
    let changes = [
        bench.change("a.json", holding("1"), "2"),
        bench.change("a.json", holding("1"), "3"),
        bench.change("b.json", Expected::Absent, "1"),
        bench.change("a.json", holding("2"), "4"),
        bench.change("b.json", Expected::Any, "1"),
        bench.change("A.json", Expected::Absent, "twin"),
    ];
    let outcomes = bench.land(&changes);
    let landed: Vec<_> =
        outcomes.iter().map(|outcome| outcome.as_ref().ok().map(|l| (l.head.revision.0, l.how))).collect();
    let edited = |revision| Some((revision, How::Edited));
    assert_eq!(landed, [edited(2), None, edited(3), edited(4), Some((4, How::Unchanged)), None]);
    let Err(CommitError::Mismatch(mismatches)) = &outcomes[1] else { panic!("{outcomes:?}") };
    assert_eq!(mismatches[0].current, Some(blob_id(b"2").unwrap().into()), "what the change before it put there");
    assert!(matches!(&outcomes[5], Err(CommitError::Rejected(_))), "a name that differs in case alone");
    let last = outcomes[3].as_ref().unwrap();
    assert_eq!(last.before.map(|head| head.revision), Some(Revision(3)));
    assert_eq!(bench.desk.store.head(), Some(last.head));
    let log = bench.git(&["log", "--format=%an: %s", "main"]);
    let expected =
        "a.json: set a.json to 4\nb.json: set b.json to 1\na.json: set a.json to 2\na.json: set a.json to 1\n";
    assert_eq!(log, expected);
}

#[test]
fn a_batch_meets_a_foreign_write_and_lands_on_it() {
    let bench = Bench::new();
    let changes = [bench.change("b.json", Expected::Absent, "1"), bench.change("c.json", Expected::Absent, "1")];
    let tree = bench.git(&["rev-parse", "main^{tree}"]);
    let who =
        ["-c", "user.name=eve", "-c", "user.email=e@x", "commit-tree", "-m", "foreign", "-p", "main", tree.trim()];
    let commit = bench.git(&who);
    bench.git(&["update-ref", "refs/heads/main", commit.trim()]);
    let outcomes = bench.land(&changes);
    assert_eq!(outcomes[1].as_ref().unwrap().head.revision, Revision(4));
    assert_eq!(bench.git(&["log", "-1", "--skip=2", "--format=%s", "main"]), "foreign\n");
}

#[test]
fn where_nothing_can_be_written_everybody_is_told_and_the_head_stays() {
    let bench = Bench::new();
    let head = bench.desk.store.head();
    let packs = bench.desk.store.dir().join("objects/pack");
    let aside = packs.with_extension("aside");
    fs::rename(&packs, &aside).unwrap();
    let changes = [
        bench.change("a.json", holding("0"), "2"),
        bench.change("b.json", Expected::Absent, "1"),
        bench.change("b.json", Expected::Absent, "2"),
    ];
    let kinds: Vec<_> = bench.land(&changes).into_iter().map(|outcome| outcome.unwrap_err().kind()).collect();
    assert_eq!(kinds[0], ErrorKind::Conflict, "what does not hold on the durable head does not hold");
    assert!(kinds[1] == kinds[2] && kinds[1] != ErrorKind::Conflict, "{kinds:?}: a conflict with what never landed");
    assert_eq!(bench.desk.store.head(), head);
    fs::rename(&aside, &packs).unwrap();
    let outcomes = bench.land(&changes);
    assert_eq!(outcomes[1].as_ref().unwrap().head.revision, Revision(2));
    assert!(matches!(outcomes[2], Err(CommitError::Mismatch(_))));
}

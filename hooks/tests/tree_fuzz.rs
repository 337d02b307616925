//! Random directories of names, modes and nestings good and bad, against the gate: what it accepts is what hosts can take.
//!
//! The judge of that is a second list, kept here by hand: each name is on the list of good ones or of bad ones.

use configbus_gitstore::{Quarantine, RepositorySettings, Store};
use configbus_hooks::{Context, Gate, GateSettings, GitCandidate, Mounts, Rule};
use configbus_model::{Namespace, ObjectId, Principal, blob_id, tree_id};
use proptest::{collection::vec, prelude::*, sample::select, test_runner::TestRunner};
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Names that hosts can take; those with the same word behind them cannot stand beside each other.
const GOOD: [(&str, &str); 14] = [
    ("a", "a"),
    ("A", "a"),
    ("b.txt", "b"),
    ("git", "git"),
    ("x.git", "x.git"),
    (".github", ".github"),
    ("with space", "space"),
    ("straße", "strasse"),
    ("STRASSE", "strasse"),
    ("ü", "ü"),
    ("Ü", "ü"),
    ("配置", "配置"),
    ("..a", "..a"),
    ("-", "-"),
];

/// Names that some host cannot take.
const BAD: [&[u8]; 20] = [
    b"",
    b".",
    b"..",
    b".git",
    b".GIT",
    b".gIT",
    b"git~1",
    b".git.",
    b".git ",
    b".git::$DATA",
    b"a/b",
    b"/",
    b"a\nb",
    b"\x1b[0m",
    b"\x7f",
    b"\xff",
    b"\xc0\xaf",
    b"u\xcc\x88",
    b".g\xe2\x80\x8cit",
    &[b'n'; 256],
];

const GOOD_MODES: [&str; 3] = ["100644", "100755", "100664"];
const BAD_MODES: [&str; 8] = ["120000", "160000", "100600", "100777", "0", "140000", "37777777777", "20000"];

/// What stands behind a name.
#[derive(Debug, Clone)]
enum Node {
    File(&'static str),
    Directory(Vec<(Vec<u8>, Node)>),
    /// A directory that is said to be a file.
    Mistaken(Vec<(Vec<u8>, Node)>),
}

fn names() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        30 => select(&GOOD).prop_map(|(name, _)| name.as_bytes().to_vec()),
        1 => select(&BAD).prop_map(<[u8]>::to_vec),
    ]
}

fn nodes() -> impl Strategy<Value = Node> {
    let files = prop_oneof![
        30 => select(&GOOD_MODES).prop_map(Node::File),
        1 => select(&BAD_MODES).prop_map(Node::File),
    ];
    files.prop_recursive(6, 16, 4, |inner| {
        let entries = (vec((names(), inner), 1..4), 0..20);
        entries.prop_map(|(entries, kind)| if kind == 0 { Node::Mistaken(entries) } else { Node::Directory(entries) })
    })
}

/// A root, wrapped into further directories now and then: depth is what recursion alone would seldom reach.
fn roots() -> impl Strategy<Value = Vec<(Vec<u8>, Node)>> {
    (vec((names(), nodes()), 1..5), prop_oneof![4 => Just(0_usize), 1 => 20..40_usize])
        .prop_map(|(root, wraps)| (0..wraps).fold(root, |inner, _| vec![(b"d".to_vec(), Node::Directory(inner))]))
}

/// The list of section 5 of the design, as far as the generator reaches.
fn is_deliverable(entries: &[(Vec<u8>, Node)], depth: usize) -> bool {
    let class = |name: &[u8]| match GOOD.iter().find(|(good, _)| good.as_bytes() == name) {
        Some((_, class)) => Some(*class),
        None => (name == b"d").then_some("d"),
    };
    let classes: Option<Vec<_>> = entries.iter().map(|(name, _)| class(name)).collect();
    let Some(classes) = classes else { return false };
    let is_unique = classes.iter().collect::<BTreeSet<_>>().len() == classes.len();
    is_unique
        && entries.iter().all(|(_, node)| match node {
            Node::File(mode) => GOOD_MODES.contains(mode) && depth < 32,
            Node::Directory(entries) => is_deliverable(entries, depth + 1),
            Node::Mistaken(_) => false,
        })
}

/// A repository with nothing in it, and a quarantine to write into.
struct Bench {
    _folder: tempfile::TempDir,
    store: Store,
    objects: PathBuf,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store =
            Store::create(&folder.path().join("main.git"), &RepositorySettings::default()).expect("a repository");
        let objects = store.dir().join("objects/tmp_objdir-incoming-fuzz");
        Self { _folder: folder, store, objects }
    }

    /// Starts over with one file.
    fn clear(&self) {
        let _ = fs::remove_dir_all(&self.objects);
        loose(&self.objects, "blob", blob_id(b"x").expect("an id").object_id(), b"x");
    }

    fn write(&self, entries: &[(Vec<u8>, Node)]) -> ObjectId {
        let mut encoded = Vec::new();
        // Git refuses what is out of its order before anybody else looks; a directory sorts as if its name ended in a slash.
        let key = |(name, node): &&(Vec<u8>, Node)| match node {
            Node::Directory(_) => [name, b"/".as_slice()].concat(),
            _ => name.clone(),
        };
        let mut sorted: Vec<_> = entries.iter().collect();
        sorted.sort_by_key(key);
        for (name, node) in sorted {
            let (mode, id) = match node {
                Node::File(mode) => (*mode, blob_id(b"x").expect("an id").object_id()),
                Node::Directory(entries) => ("40000", self.write(entries)),
                Node::Mistaken(entries) => ("100644", self.write(entries)),
            };
            encoded.extend([mode.as_bytes(), b" ", name, b"\0", id.as_bytes()].concat());
        }
        let id = tree_id(&encoded).expect("an id").object_id();
        loose(&self.objects, "tree", id, &encoded);
        id
    }

    fn rules(&self, gate: &Gate, root: ObjectId) -> Vec<Rule> {
        let quarantine =
            Quarantine { object_dir: self.objects.clone(), alternates: vec![self.store.dir().join("objects")] };
        let view = self.store.open_quarantined(&quarantine).expect("the quarantine opens");
        let context = Context {
            principal: &Principal::open(),
            namespace: &Namespace::main(),
            now_ms: 0,
            mounts: Mounts::default(),
        };
        let report = gate.check(&GitCandidate::push(&view, &[root], None, root.into()), &context);
        report.expect("it can be read").findings.into_iter().map(|finding| finding.rule).collect()
    }
}

/// Writes an object as Git keeps a single one; zlib takes content that is not compressed.
fn loose(objects: &Path, kind: &str, id: ObjectId, content: &[u8]) {
    let content = [format!("{kind} {}\0", content.len()).as_bytes(), content].concat();
    let length = u16::try_from(content.len()).expect("directories here are small").to_le_bytes();
    let (a, b) = content.iter().fold((1_u32, 0_u32), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % 65_521;
        (a, (b + a) % 65_521)
    });
    let head = [0x78, 0x01, 1, length[0], length[1], !length[0], !length[1]];
    let id = id.to_string();
    fs::create_dir_all(objects.join(&id[..2])).expect("a folder");
    let sum = ((b << 16) | a).to_be_bytes();
    fs::write(objects.join(&id[..2]).join(&id[2..]), [&head[..], &content, &sum].concat()).expect("a file");
}

#[test]
fn what_the_gate_accepts_every_host_can_take() {
    let (bench, gate) = (Bench::new(), Gate::new(GateSettings::default()).expect("the defaults hold"));
    let config = ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() };
    let mut runner =
        TestRunner::new_with_rng(config, prop::test_runner::TestRng::deterministic_rng(Default::default()));
    let (accepted, refused) = (std::cell::Cell::new(0), std::cell::Cell::new(0));
    let outcome = runner.run(&roots(), |root| {
        bench.clear();
        let rules = bench.rules(&gate, bench.write(&root));
        prop_assert!(!rules.contains(&Rule::CheckFailed), "a check failed: {rules:?}");
        let counter = if rules.is_empty() { &accepted } else { &refused };
        counter.set(counter.get() + 1);
        prop_assert!(!rules.is_empty() || is_deliverable(&root, 0), "accepted");

        Ok(())
    });
    outcome.expect("every host can take what is accepted");
    assert!(accepted.get() > 30 && refused.get() > 30, "{} accepted, {} refused", accepted.get(), refused.get());
}

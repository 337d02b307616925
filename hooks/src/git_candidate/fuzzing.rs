//! What must hold for any pushed objects: the gate answers, and what it accepts hosts can read, name by name.

use super::GitCandidate;
use crate::{Candidate as _, Context, Gate, GateSettings, Mounts, fuzzing::check_told};
use configbus_gitstore::{
    CandidateView, Trial,
    fuzzing::{Push, Pushes},
};
use configbus_model::{BlobId, ConfigPath, EntryMode, Namespace, ObjectId, Principal, TreeId};
use std::{collections::BTreeSet, ops::ControlFlow, sync::LazyLock};

/// What every push is held to and made onto.
static GATE: LazyLock<Gate> = LazyLock::new(|| {
    // The fuzzer's own program is no child that evaluates rules; a push with rules is refused for want of one.
    let settings = GateSettings { threads: 1, child_program: Some("/nonexistent".into()), ..GateSettings::default() };
    Gate::new(settings).expect("the defaults hold")
});
static FILES: [(&str, &str); 4] = [
    ("a.json", "{}"),
    ("dir/b.yaml", "b: 1\n"),
    (".configbus/owners", "/dir/ ann\n"),
    (".configbus/schemas.yaml", "- {files: '*.toml', schema: s.json}\n"),
];

thread_local! {
    static PUSHES: Pushes = Pushes::onto(&FILES);
}

/// Reads an input as a push, see [`Pushes`].
pub fn pack(data: &[u8]) {
    PUSHES.with(|pushes| {
        let Some(push) = pushes.push(data) else { return };
        let (head, tips) = (pushes.head(), [push.tip]);
        check_all_seen(&push);
        let trial = match push.view.peel_to_commit(push.tip) {
            Ok(Some(commit)) => push.view.trial_merge(Some(head.commit), commit).ok(),
            _ => None,
        };
        let landing = match trial {
            Some(Trial::FastForward { tree } | Trial::Merge { tree }) => Some(tree),
            _ => None,
        };
        let candidate = match landing {
            Some(tree) => GitCandidate::push(&push.view, &tips, Some(head.tree), tree),
            None => GitCandidate::undistributed(&push.view, &tips, Some(head.tree)),
        };
        let (principal, namespace) = (Principal::open(), Namespace::main());
        let context = Context { principal: &principal, namespace: &namespace, now_ms: 0, mounts: Mounts::default() };
        let Ok(report) = GATE.check(&candidate, &context) else { return };
        report.findings.iter().for_each(|finding| {
            check_told(&[], &[crate::Finding { line: None, column: None, excerpt: None, ..finding.clone() }]);
        });
        if let Some(tree) = landing.filter(|_| report.is_accepted()) {
            check_readable(&push.view, tree, "");
            assert!(candidate.changes().is_ok());
        }
    });
}

/// Nothing that was sent may be overlooked, or it could be fetched by its id afterwards.
fn check_all_seen(push: &Push) {
    let mut seen = BTreeSet::new();
    let walked = push.view.new_objects(&[push.tip], &mut |object| {
        assert!(seen.insert(object.id), "{} is visited twice", object.id);
        ControlFlow::Continue(())
    });
    let is_known = |id: &ObjectId| PUSHES.with(|pushes| pushes.has(*id));
    if walked.is_ok() {
        let missed = push.ids.iter().find(|id| !seen.contains(id) && !is_known(id));
        assert_eq!(missed, None, "an object was sent and not looked at");
    }
}

/// Reads a directory as hosts do.
fn check_readable(view: &CandidateView, tree: TreeId, folder: &str) {
    let tree = view.tree(tree).expect("hosts read every directory");
    let (mut names, mut folded) = (BTreeSet::new(), BTreeSet::new());
    for entry in tree.entries() {
        let path = if folder.is_empty() { entry.name.to_owned() } else { format!("{folder}/{}", entry.name) };
        ConfigPath::parse(&path).expect("hosts take every path");
        assert!(names.insert(entry.name) && folded.insert(entry.name.to_lowercase()), "{path} is there twice");
        match entry.mode {
            EntryMode::Directory => check_readable(view, entry.id.into(), &path),
            _ => drop(view.blob(BlobId::from(entry.id)).expect("hosts read every file")),
        }
    }
}

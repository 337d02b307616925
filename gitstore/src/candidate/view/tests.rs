use super::*;
use crate::{
    NewContent,
    testing::{TestStore, commit_file, git, path, put, rerun, subject, tip, try_git},
};
use std::{collections::BTreeSet, fs, os::unix::fs::PermissionsExt as _};

/// Pushes to `reference` with a pre-receive hook that refuses and leaves a copy of the quarantine where a quarantine is.
fn quarantined(store: &TestStore, clone: &Path, reference: &str) -> Quarantine {
    let hooks = store.dir.path().join("hooks");
    fs::create_dir_all(&hooks).unwrap();
    let objects = store.store.objects_dir();
    let copy = objects.join("tmp_objdir-incoming-test");
    let _ = fs::remove_dir_all(&copy);
    let hook = hooks.join("pre-receive");
    fs::write(&hook, format!("#!/bin/sh\ncp -r \"$GIT_QUARANTINE_PATH\" {}\nexit 1\n", copy.display())).unwrap();
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    git(store.store.dir(), &["config", "core.hooksPath", hooks.to_str().unwrap()]);
    let refspec = format!("HEAD:{reference}");
    let output = try_git(clone, &["push", "-q", store.store.dir().to_str().unwrap(), &refspec]);
    assert!(!output.status.success() && copy.exists(), "{}", String::from_utf8_lossy(&output.stderr));
    Quarantine { object_dir: copy, alternates: vec![objects] }
}

/// What is new, by path or kind.
fn check_new(view: &CandidateView, tips: &[ObjectId]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut visit = |object: NewObject| {
        let path = object.path.map(|path| String::from_utf8(path).unwrap());
        let line = match (object.content, path) {
            (NewContent::Commit(_), _) => "commit".to_owned(),
            (NewContent::Tag(_), _) => "tag".to_owned(),
            (NewContent::Tree(_), Some(path)) => format!("{path}/"),
            (NewContent::Blob { .. }, Some(path)) => path,
            (content, None) => format!("unreferenced {content:?}"),
        };
        found.insert(line);
        ControlFlow::Continue(())
    };
    view.new_objects(tips, &mut visit).unwrap();
    found
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn a_push_in_quarantine_can_be_read_and_the_repository_cannot_see_it() {
    let store = TestStore::new();
    let head = store.land(&[("dir/a", "1"), ("b", "1")]);
    let clone = store.clone_to("clone");
    let tip = commit_file(&clone, "dir/c", "2");
    let quarantine = quarantined(&store, &clone, "refs/heads/other");
    let view = store.store.open_quarantined(&quarantine).unwrap();
    let tree = view.tree_of(tip).unwrap();
    let (_, content) = view.file(tree, &path("dir/c")).unwrap().unwrap();
    assert_eq!(&content[..], b"2");
    let changes = view.changed_files(Some(head.tree), tree, "").unwrap();
    assert_eq!(changes.iter().map(|change| change.path().as_str()).collect::<Vec<_>>(), ["dir/c"]);
    assert_eq!(view.trial_merge(view.head().unwrap(), tip).unwrap(), Trial::FastForward { tree });
    assert_eq!(store.store.tree_of(tip).unwrap_err().kind(), configbus_model::ErrorKind::NotFound);
    assert!(store.store.tree(tree).is_err());
}

#[test]
fn every_new_object_of_every_commit_is_visited() {
    let store = TestStore::new();
    store.land(&[("dir/a", "1"), ("b", "1")]);
    let clone = store.clone_to("clone");
    commit_file(&clone, "dir/passing", "seen in the middle only");
    fs::remove_file(clone.join("dir/passing")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", clone.join("link")).unwrap();
    commit_file(&clone, "b", "2");
    let quarantine = quarantined(&store, &clone, "refs/heads/other");
    let view = store.store.open_quarantined(&quarantine).unwrap();
    let new = check_new(&view, &[tip(&clone).into()]);
    assert_eq!(new, set(&["commit", "/", "dir/", "dir/passing", "link", "b"]));
}

#[test]
fn a_merge_brings_only_what_no_parent_has() {
    let store = TestStore::new();
    store.land(&[("dir/a", "1"), ("b", "1")]);
    let clone = store.clone_to("clone");
    store.land(&[("dir/other", "1")]);
    commit_file(&clone, "b", "2");
    git(&clone, &["pull", "-q", "--no-rebase", "--no-edit"]);
    let quarantine = quarantined(&store, &clone, "refs/heads/other");
    let view = store.store.open_quarantined(&quarantine).unwrap();
    assert_eq!(check_new(&view, &[tip(&clone).into()]), set(&["commit", "/", "b"]));
}

#[test]
fn annotated_tags_and_objects_that_nothing_refers_to_are_visited() {
    let store = TestStore::new();
    store.land(&[("a", "1")]);
    let clone = store.clone_to("clone");
    git(&clone, &["tag", "-a", "-m", "release", "v1"]);
    let tag: ObjectId = git(&clone, &["rev-parse", "v1"]).trim().parse().unwrap();
    let quarantine = quarantined(&store, &clone, "refs/heads/other");
    let stray = clone.join("stray");
    fs::write(&stray, "hidden").unwrap();
    let hidden = git(&clone, &["hash-object", "-w", stray.to_str().unwrap()]);
    // A client of one's own can put anything into a pack.
    let fill = |args: &[&str], input: String| {
        let pack = quarantine.object_dir.join("pack");
        fs::create_dir_all(&pack).unwrap();
        let file = clone.join("ids");
        fs::write(&file, input).unwrap();
        let command = format!("git {} {}/pack < {} > /dev/null", args.join(" "), pack.display(), file.display());
        assert!(
            std::process::Command::new("sh").args(["-c", &command]).current_dir(&clone).status().unwrap().success()
        );
    };
    fill(&["pack-objects", "-q"], format!("{tag}\n{hidden}"));
    let view = store.store.open_quarantined(&quarantine).unwrap();
    let blob: ObjectId = hidden.trim().parse().unwrap();
    assert_eq!(view.kind_of(blob).unwrap(), ObjectKind::Blob);
    assert_eq!(check_new(&view, &[tag]), set(&["tag", "unreferenced Blob { size_bytes: 6 }"]));
    assert_eq!(view.peel_to_commit(tag).unwrap(), Some(store.head().commit));
}

#[test]
fn the_visitor_can_end_the_walk() {
    let store = TestStore::new();
    let clone = store.dir.path().join("work");
    fs::create_dir(&clone).unwrap();
    git(&clone, &["init", "-q"]);
    commit_file(&clone, "a/b", "1");
    let quarantine = quarantined(&store, &clone, "refs/heads/other");
    let view = store.store.open_quarantined(&quarantine).unwrap();
    let mut count = 0;
    let mut visit = |_| {
        count += 1;
        ControlFlow::Break(())
    };
    view.new_objects(&[tip(&clone).into()], &mut visit).unwrap();
    assert_eq!(count, 1);
}

#[test]
fn a_trial_merge_shows_the_tree_that_would_land() {
    let store = TestStore::new();
    store.land(&[("dir/a", "1"), ("dir/b", "1")]);
    let clone = store.clone_to("clone");
    let head = store.land(&[("dir/a", "2")]);
    let tip = commit_file(&clone, "dir/b", "2");
    let quarantine = quarantined(&store, &clone, "refs/heads/other");
    let view = store.store.open_quarantined(&quarantine).unwrap();
    let Trial::Merge { tree } = view.trial_merge(Some(head.commit), tip).unwrap() else { panic!("no merge") };
    let changed = view.changed_files(Some(head.tree), tree, "").unwrap();
    assert_eq!(changed.iter().map(|change| change.path().as_str()).collect::<Vec<_>>(), ["dir/b"]);
    let deliverable = view.deliverable_files(Some(head.tree), tree).unwrap();
    assert_eq!(deliverable.iter().map(|entry| entry.path.as_str()).collect::<Vec<_>>(), ["dir/b"]);
    let mut directories = Vec::new();
    let mut visit = |path: Option<&ConfigPath>, tree: &Tree| {
        directories.push((path.map(ToString::to_string), tree.entries().count()));
        ControlFlow::Continue(())
    };
    view.changed_directories(Some(head.tree), tree, &mut visit).unwrap();
    assert_eq!(directories, [(None, 1), (Some("dir".to_owned()), 2)]);
    let conflicting = commit_file(&clone, "dir/a", "3");
    let quarantine = quarantined(&store, &clone, "refs/heads/other");
    let view = store.store.open_quarantined(&quarantine).unwrap();
    let Trial::Conflict(conflicts) = view.trial_merge(Some(head.commit), conflicting).unwrap() else { panic!() };
    assert_eq!(conflicts[0].path, path("dir/a"));
}

/// What runs as a pre-receive hook: writes down what the environment leads to. Alone it does nothing.
#[test]
fn subject_opens_from_environment() {
    let Some(dir) = subject() else { return };
    let view = CandidateView::open_from_env().unwrap();
    let tip: CommitId = fs::read_to_string(dir.join("tip")).unwrap().parse().unwrap();
    let trial = view.trial_merge(view.head().unwrap(), tip).unwrap();
    let new = check_new(&view, &[tip.into()]);
    fs::write(dir.join("seen"), format!("{trial:?} {new:?}")).unwrap();
}

#[test]
fn a_hook_without_a_server_finds_the_quarantine_through_its_environment() {
    let store = TestStore::new();
    let head = store.land(&[("dir/a", "1"), ("b", "1")]);
    let clone = store.clone_to("clone");
    let tip = commit_file(&clone, "dir/a", "2");
    fs::write(store.dir.path().join("tip"), tip.to_string()).unwrap();
    let subject = rerun(module_path!(), "subject_opens_from_environment", store.dir.path());
    let words: Vec<_> = std::iter::once(subject.get_program()).chain(subject.get_args()).collect();
    let words: Vec<_> = words.iter().map(|word| word.to_str().unwrap()).collect();
    let variables: Vec<_> =
        subject.get_envs().filter_map(|(name, value)| Some((name.to_str()?, value?.to_str()?))).collect();
    let variables: Vec<_> = variables.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let hooks = store.dir.path().join("hooks");
    fs::create_dir_all(&hooks).unwrap();
    let hook = hooks.join("pre-receive");
    fs::write(&hook, format!("#!/bin/sh\nexec env {} {} >&2\n", variables.join(" "), words.join(" "))).unwrap();
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    git(store.store.dir(), &["config", "core.hooksPath", hooks.to_str().unwrap()]);
    git(&clone, &["push", "-q", store.store.dir().to_str().unwrap(), "HEAD:refs/heads/other"]);
    let seen = fs::read_to_string(store.dir.path().join("seen")).unwrap();
    let tree = store.store.tree_of(tip).unwrap();
    assert_ne!(tree, head.tree);
    assert_eq!(seen, format!("{:?} {:?}", Trial::FastForward { tree }, set(&["commit", "/", "dir/", "dir/a"])));
}

#[test]
fn staged_edits_are_read_like_a_revision() {
    let store = TestStore::new();
    let head = store.land(&[("a", "1")]);
    let staged = store.store.stage_edits(Some(head.tree), &[put("b/c", "22")]).unwrap();
    let view = store.store.open_staged(&staged).unwrap();
    let (entry, content) = view.file(staged.tree(), &path("b/c")).unwrap().unwrap();
    assert_eq!((entry.size_bytes, &content[..]), (2, &b"22"[..]));
    let changes = view.changed_files(Some(head.tree), staged.tree(), "").unwrap();
    assert_eq!(changes.len(), 1);
    assert!(store.store.tree(staged.tree()).is_err());
}

#[test]
fn folders_that_are_no_quarantine_of_the_repository_are_refused() {
    let (store, other) = (TestStore::new(), TestStore::new());
    let objects = store.store.objects_dir();
    let strange = [other.store.objects_dir(), objects.join("pack"), objects.join("tmp_objdir-absent"), "/".into()];
    for object_dir in strange {
        let quarantine = Quarantine { object_dir, alternates: vec![objects.clone()] };
        assert!(
            matches!(store.store.open_quarantined(&quarantine), Err(ReadError::Quarantine { .. })),
            "{quarantine:?}"
        );
    }
    let object_dir = objects.join("tmp_objdir-incoming-x");
    fs::create_dir(&object_dir).unwrap();
    let quarantine = Quarantine { object_dir, alternates: vec![other.store.objects_dir()] };
    assert!(store.store.open_quarantined(&quarantine).is_err());
}

use crate::testing::{TestStore, commit_file, delete, git, path, put, send};
use configbus_model::{Change, EntryMode, Revision};

#[test]
fn revisions_are_found_by_number_and_by_commit() {
    let store = TestStore::new();
    assert_eq!((store.store.head(), store.store.commit_at(Revision(1)).unwrap()), (None, None));
    let first = store.land(&[("a", "1")]);
    let second = store.land(&[("a", "2")]);
    assert_eq!(store.store.commit_at(Revision(1)).unwrap(), Some(first));
    assert_eq!(store.store.commit_at(Revision(2)).unwrap(), Some(second));
    assert_eq!(store.store.commit_at(Revision(3)).unwrap(), None);
    assert_eq!(store.store.revision_of(first.commit), Some(Revision(1)));
    assert_eq!(store.store.revision_of(configbus_model::CommitId::from_bytes([1; 20])), None);
}

#[test]
fn a_restart_finds_everything_again_even_without_landing_records() {
    let store = TestStore::new();
    store.land(&[("a", "1")]);
    let head = store.land(&[("a", "2")]);
    assert_eq!(store.reopened().head(), Some(head));
    std::fs::remove_file(store.store.dir().join("configbus/landings")).unwrap();
    let found = store.reopened().head().unwrap();
    assert_eq!((found.commit, found.revision), (head.commit, head.revision));
    // The landing time is lost with the record; the committer's date stands in for it.
    assert_eq!(found.landed_ms, 1_700_000_000_000);
}

#[test]
fn files_and_directories_are_found() {
    let store = TestStore::new();
    let head = store.land(&[("dir/a", "content")]);
    let (entry, content) = store.store.file(head.commit, &path("dir/a")).unwrap().unwrap();
    assert_eq!((&content[..], entry.size_bytes), (&b"content"[..], 7));
    assert_eq!(store.store.entry(head.commit, &path("dir/a")).unwrap(), Some(entry));
    assert_eq!(store.store.entry(head.commit, &path("dir")).unwrap().unwrap().mode, EntryMode::Directory);
    for absent in ["dir", "dir/b", "dir/a/x", "other/a"] {
        assert_eq!(store.store.file(head.commit, &path(absent)).unwrap(), None, "{absent}");
    }
}

#[test]
fn a_difference_names_what_was_added_modified_and_deleted() {
    let store = TestStore::new();
    let old = store.land(&[("a", "1"), ("d/b", "1"), ("d/c", "1"), ("f", "1")]);
    let new = store.land_edits(&[put("a", "22"), delete("d/b"), put("e/x", "3"), delete("f"), put("f/y", "4")]);
    let describe = |change: &Change| {
        let kind = match change {
            Change::Added(_) => "+",
            Change::Deleted(_) => "-",
            Change::Modified { .. } => "~",
        };
        format!("{kind}{}:{}", change.path(), change.new_entry().map_or(0, |entry| entry.size_bytes))
    };
    let differences = |from, prefix| -> Vec<String> {
        store.store.diff(from, new.commit, prefix).unwrap().iter().map(describe).collect()
    };
    assert_eq!(differences(Some(old.commit), ""), ["~a:2", "-d/b:0", "+e/x:1", "-f:0", "+f/y:1"]);
    assert_eq!(differences(Some(old.commit), "d/"), ["-d/b:0"]);
    assert_eq!(differences(Some(old.commit), "f"), ["-f:0", "+f/y:1"]);
    assert_eq!(differences(Some(old.commit), "nowhere"), Vec::<String>::new());
    assert_eq!(differences(None, ""), ["+a:2", "+d/c:1", "+e/x:1", "+f/y:1"]);
    assert_eq!(differences(Some(new.commit), ""), Vec::<String>::new());
}

#[test]
fn a_patch_is_what_stock_git_prints() {
    let store = TestStore::new();
    let old = store.land(&[("a", "1\n2\n3\n"), ("d/b", "x\n")]);
    let new = store.land(&[("a", "1\n2\nthree\n"), ("d/b", "y\n"), ("n", "no newline")]);
    let (from, to) = (old.commit.to_string(), new.commit.to_string());
    let patch = |prefix| store.store.patch(Some(old.commit), new.commit, prefix).unwrap();
    let strip =
        |text: &str| text.lines().filter(|line| !line.starts_with("index ")).map(str::to_owned).collect::<Vec<_>>();
    let expected = git(store.store.dir(), &["diff", &from, &to]);
    assert_eq!(strip(&patch("").text), strip(&expected));
    let expected = git(store.store.dir(), &["diff", &from, &to, "--", "d"]);
    assert_eq!(strip(&patch("d/").text), strip(&expected));
    assert!(!patch("").truncated);
    let big = store.land(&[("big", &"line\n".repeat(600_000))]);
    let patch = store.store.patch(Some(new.commit), big.commit, "").unwrap();
    assert!(patch.truncated && patch.text.len() <= 2 * 1024 * 1024);
}

#[test]
fn history_is_told_newest_first_and_by_path() {
    let store = TestStore::new();
    for round in 0..3 {
        store.land(&[("a/x", &round.to_string())]);
        store.land(&[("b", &round.to_string())]);
    }
    let revisions = |from, at: Option<&str>, limit| -> (Vec<u64>, Option<u64>) {
        let at = at.map(path);
        let page = store.store.log(Revision(from), at.as_ref(), limit).unwrap();
        (page.entries.iter().map(|entry| entry.revision.0).collect(), page.next.map(|next| next.0))
    };
    assert_eq!(revisions(99, None, 2), (vec![6, 5], Some(4)));
    assert_eq!(revisions(4, None, 50), (vec![4, 3, 2, 1], None));
    assert_eq!(revisions(6, Some("b"), 50), (vec![6, 4, 2], None));
    assert_eq!(revisions(6, Some("a"), 2), (vec![5, 3], Some(2)));
    assert_eq!(revisions(6, Some("absent"), 2), (vec![], None));
    assert_eq!(revisions(0, None, 2), (vec![], None));
}

#[test]
fn a_merge_is_one_revision_of_each_path_it_brings() {
    let store = TestStore::new();
    store.land(&[("a", "1")]);
    let clone = store.clone_to("clone");
    store.land(&[("a", "2")]);
    let tip = commit_file(&clone, "b", "1");
    send(&store, &clone);
    let head = store.head();
    let landing = store.store.land_push(Some(&head), tip, &crate::testing::meta("merge")).unwrap();
    let crate::PushLanding::Merged { commit, .. } = landing else { panic!("{landing:?}") };
    store.store.move_head(Some(head.commit), commit, 3_000).unwrap();
    let page = store.store.log(Revision(3), Some(&path("b")), 10).unwrap();
    let entries: Vec<_> = page.entries.iter().map(|entry| (entry.revision.0, entry.landed_ms)).collect();
    assert_eq!(entries, [(3, 3_000)]);
    assert_eq!(page.entries[0].commit.parents, [head.commit, tip]);
}

#[test]
fn a_pushing_client_is_told_of_near_heads_and_of_far_ones_at_doubled_distances() {
    let store = TestStore::new();
    assert!(store.store.have_commits().unwrap().is_empty());
    // Revisions by the hundred, made by stock Git and adopted at once.
    let work = store.dir.path().join("work");
    std::fs::create_dir(&work).unwrap();
    git(&work, &["init", "-q"]);
    let script: String = (0..300)
        .map(|n| format!("commit refs/heads/main\ncommitter x <x> {n} +0000\ndata 0\nM 644 inline a\ndata 3\n{n:03}\n"))
        .collect();
    std::fs::write(work.join("script"), script).unwrap();
    let import = format!("git fast-import --quiet < {}", work.join("script").display());
    assert!(std::process::Command::new("sh").args(["-c", &import]).current_dir(&work).status().unwrap().success());
    let tip = send_main(&store, &work);
    store.store.move_head(None, tip, 1).unwrap();
    let revisions: Vec<u64> = store
        .store
        .have_commits()
        .unwrap()
        .into_iter()
        .map(|commit| store.store.revision_of(commit).unwrap().0)
        .collect();
    let expected: Vec<u64> = (237..=300).rev().chain([236, 172, 44, 1]).collect();
    assert_eq!(revisions, expected);
}

fn send_main(store: &TestStore, work: &std::path::Path) -> configbus_model::CommitId {
    let repository = store.store.dir().to_str().unwrap();
    git(work, &["push", "-q", repository, "main:refs/heads/incoming"]);
    git(work, &["rev-parse", "main"]).trim().parse().unwrap()
}

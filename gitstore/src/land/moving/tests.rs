use super::*;
use crate::{
    EditLanding, FolderLock, PushLanding,
    testing::{TestStore, commit_file, git, meta, put, rerun, send, subject},
};
use configbus_model::Revision;
use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::Stdio,
};

/// What is killed: lands one edit after the other and says so after each. Alone it does nothing.
#[test]
fn subject_lands_without_end() {
    let Some(dir) = subject() else { return };
    let store = Store::open(&dir).unwrap();
    for number in 0.. {
        let head = store.head();
        let edit = put(&format!("dir/{}", number % 5), &format!("{number} {:?}", head.map(|head| head.commit)));
        let EditLanding::Landed { commit, .. } = store.land_edits(head.as_ref(), &[edit], &meta("edit")).unwrap()
        else {
            panic!("nothing changed")
        };
        let head = store.move_head(head.map(|head| head.commit), commit, number).unwrap();
        println!("acknowledged {} {commit}", head.revision.0);
        std::io::stdout().flush().unwrap();
    }
}

#[test]
fn killed_at_any_moment_every_acknowledged_landing_is_there() {
    let test = TestStore::new();
    let mut acknowledged: Option<(u64, CommitId)> = None;
    for lines in [1, 3, 2, 7, 5, 4] {
        let mut command = rerun(module_path!(), "subject_lands_without_end", test.store.dir());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let mut left = lines;
        for line in stdout.lines().map(Result::unwrap) {
            let Some((_, rest)) = line.split_once("acknowledged ") else { continue };
            let (revision, commit) = rest.split_once(' ').unwrap();
            acknowledged = Some((revision.parse().unwrap(), commit.parse().unwrap()));
            left -= 1;
            if left == 0 {
                // The subject is already at its next landing, wherever in it.
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        let lock = FolderLock::acquire(&test.dir.path().join("lock")).unwrap();
        let store = test.reopened();
        store.clear_leftovers(&lock).unwrap();
        let (revision, commit) = acknowledged.unwrap();
        assert_eq!(store.revision_of(commit), Some(Revision(revision)));
        assert!(store.head().unwrap().revision >= Revision(revision));
        test.check_fsck_dangling();
        let count = git(store.dir(), &["rev-list", "--count", "--first-parent", "main"]);
        assert_eq!(count.trim(), store.head().unwrap().revision.0.to_string());
    }
}

#[test]
fn of_two_landings_on_one_head_the_second_learns_that_it_moved() {
    let test = TestStore::new();
    let head = test.land(&[("a", "1")]);
    let land = |content| match test.store.land_edits(Some(&head), &[put("a", content)], &meta("edit")).unwrap() {
        EditLanding::Landed { commit, .. } => commit,
        EditLanding::Unchanged => panic!("nothing changed"),
    };
    let (first, second) = (land("2"), land("3"));
    test.store.move_head(Some(head.commit), first, 1).unwrap();
    let error = test.store.move_head(Some(head.commit), second, 1).unwrap_err();
    assert!(matches!(error, MoveHeadError::HeadMoved { actual, .. } if actual == Some(first)), "{error}");
}

#[test]
fn a_head_that_takes_the_old_one_off_the_first_parent_chain_is_refused() {
    let test = TestStore::new();
    let base = test.land(&[("a", "1")]);
    let clone = test.clone_to("clone");
    let head = test.land(&[("a", "2")]);
    commit_file(&clone, "b", "1");
    git(&clone, &["pull", "-q", "--no-rebase", "--no-edit"]);
    let merged_backwards = send(&test, &clone);
    for new in [base.commit, merged_backwards] {
        let error = test.store.move_head(Some(head.commit), new, 1).unwrap_err();
        assert!(matches!(error, MoveHeadError::NotDescendant { .. }), "{error}");
    }
    let landing = test.store.land_push(Some(&head), merged_backwards, &meta("merge")).unwrap();
    let PushLanding::Merged { commit, .. } = landing else { panic!("{landing:?}") };
    assert_eq!(test.store.move_head(Some(head.commit), commit, 1).unwrap().revision, Revision(3));
}

#[test]
fn a_lock_of_another_process_delays_and_then_fails_the_move_and_leaves_the_head() {
    let test = TestStore::new();
    let head = test.land(&[("a", "1")]);
    let landing = test.store.land_edits(Some(&head), &[put("a", "2")], &meta("edit")).unwrap();
    let EditLanding::Landed { commit, .. } = landing else { panic!("nothing changed") };
    let lock = test.store.dir().join("refs/heads/main.lock");
    std::fs::write(&lock, "").unwrap();
    let error = test.store.move_head(Some(head.commit), commit, 1).unwrap_err();
    assert_eq!(error.kind(), configbus_model::ErrorKind::Unavailable, "{error}");
    assert_eq!(test.store.head(), Some(head));
    std::fs::remove_file(&lock).unwrap();
    test.store.move_head(Some(head.commit), commit, 1).unwrap();
}

#[test]
fn readers_go_on_while_commits_land_and_packs_are_joined() {
    let test = TestStore::new();
    test.land(&[("a", "0")]);
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut newest = Revision::ZERO;
                while !done.load(std::sync::atomic::Ordering::Relaxed) {
                    let head = test.store.head().unwrap();
                    assert!(head.revision >= newest, "the head moved back");
                    newest = head.revision;
                    let (_, content) = test.store.file(head.commit, &crate::testing::path("a")).unwrap().unwrap();
                    assert_eq!(content, (head.revision.0 - 1).to_string());
                    assert_eq!(test.store.commit_at(Revision(1)).unwrap().unwrap().revision, Revision(1));
                }
            });
        }
        for number in 1..120 {
            test.land(&[("a", &number.to_string())]);
            test.store.upkeep().unwrap();
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    test.check_fsck();
}

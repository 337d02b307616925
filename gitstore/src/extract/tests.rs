use super::*;
use crate::{
    PushLanding, RepositorySettings,
    testing::{TestStore, commit_file, delete, files, git, meta, path, put, send},
};
use std::collections::BTreeMap;

struct Copy {
    source: TestStore,
    target: Store,
}

impl Copy {
    fn new() -> Self {
        let source = TestStore::new();
        let target = Store::create(&source.dir.path().join("ads.git"), &RepositorySettings::default()).unwrap();
        Self { source, target }
    }

    fn extraction(&self) -> Extraction {
        Extraction::resume(&self.source.store, &Namespace::main(), &path("ads"), &self.target).unwrap()
    }

    fn copy(&self) -> Vec<ExtractProgress> {
        let mut told = Vec::new();
        let look_on = &mut |progress| {
            told.push(progress);
            true
        };
        self.extraction().copy_to(&self.source.head(), look_on).unwrap();
        told
    }

    /// What stock Git finds in a revision, at or below a directory.
    fn files_at(store: &Store, commit: CommitId, prefix: &str) -> BTreeMap<String, String> {
        let names = git(store.dir(), &["ls-tree", "-r", "--name-only", &commit.to_string()]);
        let content = |name: &str| git(store.dir(), &["cat-file", "blob", &format!("{commit}:{name}")]);
        let below = names.lines().filter_map(|name| Some((name, name.strip_prefix(prefix)?)));
        below.map(|(name, inner)| (inner.to_owned(), content(name))).collect()
    }

    /// Every commit of the copy has the files of its original, and nothing that changed them is left out.
    fn check(&self) {
        let newest = self.target.head().unwrap();
        git(self.target.dir(), &["fsck", "--full", "--strict"]);
        for revision in 1..=newest.revision.0 {
            let copy = self.target.commit_at(Revision(revision)).unwrap().unwrap();
            let message = self.target.commit(copy.commit).unwrap().message;
            let origin = message::origin(&message).unwrap();
            assert_eq!(
                Self::files_at(&self.target, copy.commit, ""),
                Self::files_at(&self.source.store, origin, "ads/"),
                "{revision}"
            );
        }
        let touching = ["rev-list", "--first-parent", "--count", "main", "--", "ads"];
        assert_eq!(git(self.source.store.dir(), &touching).trim(), newest.revision.0.to_string());
    }
}

#[test]
fn what_did_not_touch_the_directory_drops_out_and_the_rest_stays_as_it_was() {
    let copy = Copy::new();
    copy.source.land(&[("ads/a.json", "1"), ("other.json", "1")]);
    copy.source.land(&[("other.json", "2")]);
    copy.source.land(&[("ads/deep/b.json", "1"), ("adstock/a.json", "1")]);
    copy.source.land_edits(&[delete("ads/a.json"), delete("ads/deep/b.json")]);
    copy.source.land(&[("ads/a.json", "1")]);
    let told = copy.copy();
    copy.check();
    assert_eq!(told.last(), Some(&ExtractProgress { copied: 4, total: 4 }));
    let log = copy.target.log(Revision(4), None, 10).unwrap().entries;
    let originals = copy.source.store.log(Revision(5), None, 10).unwrap().entries;
    let original = &originals[0];
    assert_eq!((&log[0].commit.author, log[0].landed_ms), (&original.commit.author, original.landed_ms));
    assert_eq!(log[0].commit.message, format!("edit\n\nSplit-From: main r5 {}\n", original.commit.id));
    let reopened = Store::open(copy.target.dir()).unwrap();
    assert_eq!(reopened.head(), copy.target.head());
}

#[test]
fn copying_goes_on_where_it_stopped_and_nothing_comes_twice() {
    let copy = Copy::new();
    copy.source.land(&[("ads/a.json", "1")]);
    copy.copy();
    copy.source.land(&[("other.json", "1")]);
    copy.copy();
    assert_eq!(copy.target.head().unwrap().revision, Revision(1));
    copy.source.land(&[("ads/a.json", "2")]);
    let mut extraction = copy.extraction();
    extraction.copy_to(&copy.source.head(), &mut |_| true).unwrap();
    copy.source.land(&[("ads/a.json", "1")]);
    extraction.copy_to(&copy.source.head(), &mut |_| true).unwrap();
    assert_eq!(extraction.looked_at(), Revision(4));
    copy.check();
    assert_eq!(copy.target.head().unwrap().revision, Revision(3));
}

#[test]
fn a_copy_of_something_else_is_not_gone_on_with() {
    let copy = Copy::new();
    copy.source.land(&[("ads/a.json", "1")]);
    let own = copy.target.land_edits(None, &[put("x", "1")], &meta("mine")).unwrap();
    let crate::EditLanding::Landed { commit, .. } = own else { panic!("{own:?}") };
    copy.target.move_head(None, commit, 1).unwrap();
    let error = Extraction::resume(&copy.source.store, &Namespace::main(), &path("ads"), &copy.target).unwrap_err();
    assert!(matches!(error, ExtractError::Foreign { .. }), "{error}");
}

#[test]
fn who_calls_it_off_is_heard() {
    let copy = Copy::new();
    copy.source.land(&[("ads/a.json", "1")]);
    let result = copy.extraction().copy_to(&copy.source.head(), &mut |_| false);
    assert!(matches!(result, Err(ExtractError::CalledOff)), "{result:?}");
    assert_eq!(copy.target.head(), None);
}

#[test]
fn a_merged_push_is_one_commit_that_names_its_authors() {
    let copy = Copy::new();
    let base = copy.source.land(&[("ads/a.json", "1"), ("other.json", "1")]);
    let clone = copy.source.clone_to("clone");
    commit_file(&clone, "ads/b.json", "b");
    commit_file(&clone, "ads/b.json", "bb");
    git(&clone, &["-c", "user.name=eve", "commit", "-q", "--allow-empty", "-m", "nothing"]);
    let pushed = send(&copy.source, &clone);
    let head = copy.source.land(&[("ads/a.json", "2")]);
    assert_ne!(head.commit, base.commit);
    let landed = copy.source.store.land_push(Some(&head), pushed, &meta("Merge")).unwrap();
    let PushLanding::Merged { commit, .. } = landed else { panic!("{landed:?}") };
    copy.source.store.move_head(Some(head.commit), commit, 5).unwrap();
    copy.copy();
    copy.check();
    let newest = copy.target.head().unwrap();
    let merged = copy.target.commit(newest.commit).unwrap();
    assert_eq!(merged.parents.len(), 1);
    let expected =
        format!("Merge\n\nCo-authored-by: bob <bob@example.org>\nSplit-From: main {} {commit}\n", Revision(3));
    assert_eq!(merged.message, expected);
}

#[test]
fn many_revisions_are_found_by_git_and_are_the_same() {
    let copy = Copy::new();
    copy.source.land(&[("ads/a.json", "0")]);
    let clone = copy.source.clone_to("clone");
    for number in 0..600 {
        let name = if number % 40 == 0 { "ads/a.json" } else { "other.json" };
        std::fs::write(clone.join(name), format!("{number} of many")).unwrap();
        git(&clone, &["add", "-A"]);
        git(&clone, &["commit", "-q", "-m", "x"]);
    }
    let pushed = send(&copy.source, &clone);
    let head = copy.source.head();
    copy.source.store.move_head(Some(head.commit), pushed, 9).unwrap();
    copy.copy();
    copy.check();
    assert_eq!(copy.target.head().unwrap().revision, Revision(16));
    assert_eq!(copy.source.files().len(), files(&[("ads/a.json", ""), ("other.json", "")]).len());
}

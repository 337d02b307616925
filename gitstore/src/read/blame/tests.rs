use crate::testing::{TestStore, commit_file, git, meta, path, send};
use crate::{Blame, PushLanding};
use configbus_model::Revision;

fn told(blame: &Blame) -> Vec<(u32, u32, Option<u64>, String)> {
    let span = |span: &crate::BlameSpan| {
        let subject = blame.commits[&span.commit].subject().to_owned();
        (span.lines.start, span.lines.end, span.revision.map(|revision| revision.0), subject)
    };
    blame.spans.iter().map(span).collect()
}

#[test]
fn every_line_has_its_commit_and_its_landing() {
    let store = TestStore::new();
    store.land(&[("a b/[x].txt", "one\ntwo\nthree\n")]);
    store.land(&[("other", "1")]);
    store.land(&[("a b/[x].txt", "one\n2\nthree\nfour")]);
    let head = store.head();
    let blame = |lines| store.store.blame(head.commit, &path("a b/[x].txt"), lines).unwrap();
    let spans: Vec<_> = told(&blame(1..5)).into_iter().map(|(from, to, revision, _)| (from, to, revision)).collect();
    assert_eq!(spans, [(1, 2, Some(1)), (2, 3, Some(3)), (3, 4, Some(1)), (4, 5, Some(3))]);
    assert_eq!(told(&blame(2..3)).len(), 1);
    assert!(blame(3..3).spans.is_empty());
}

#[test]
fn a_line_that_came_with_a_push_has_its_author_and_the_landing_that_brought_it() {
    let store = TestStore::new();
    store.land(&[("a", "one\n")]);
    let clone = store.clone_to("clone");
    let pushed = commit_file(&clone, "b", "pushed\n");
    store.land(&[("c", "1")]);
    send(&store, &clone);
    let head = store.head();
    let merged = store.store.land_push(Some(&head), pushed, &meta("merge")).unwrap();
    let PushLanding::Merged { commit, .. } = merged else { panic!("{merged:?}") };
    store.store.move_head(Some(head.commit), commit, 2_000).unwrap();
    let blame = store.store.blame(commit, &path("b"), 1..2).unwrap();
    assert_eq!((blame.spans[0].commit, blame.spans[0].revision), (pushed, Some(Revision(3))));
    assert_eq!(git(store.store.dir(), &["rev-parse", "main^2"]).trim(), pushed.to_string());
}

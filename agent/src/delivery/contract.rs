//! What every [`Delivery`] does. Each implementation runs this suite.

use super::{
    Delivery, DeliveryError, MemoryDelivery, Mounted, Remedy, Vector,
    fixture::{Files, delta, files, head},
};
use crate::Moment;
use bytes::Bytes;
use configbus_model::{ConfigPath, Delta, Namespace, TreeId};

/// A delivery whose readers a test can stand in for.
pub trait Observed: Delivery {
    /// Returns what readers see.
    fn visible(&self) -> Files;
}

impl Observed for MemoryDelivery {
    fn visible(&self) -> Files {
        self.files()
    }
}

/// Runs the suite; `open` makes a new, empty delivery.
///
/// # Panics
/// When the delivery does not keep the contract.
pub fn check<D: Observed>(mut open: impl FnMut() -> D) {
    check_history(&mut open());
    check_a_revision_with_the_same_tree(&mut open());
    check_an_empty_revision(&mut open());
    check_what_was_altered_is_refused(&mut open());
    check_what_is_missing_is_refused(&mut open());
    check_unsafe_trees_are_refused(&mut open());
    check_discarded_objects_are_gone(&mut open());
    check_a_revert_after_tidying(&mut open());
    check_mounted_namespaces(&mut open());
    check_a_file_in_the_way_of_a_mount(&mut open());
}

fn deliver<D: Observed>(host: &mut D, delta: &Delta, expected: &Files) {
    let applied = host.deliver(delta, Moment::default()).expect("the delta is complete");
    assert_eq!(*applied.shown.head(), delta.to);
    assert_eq!(applied.shown.effective_tree, delta.to.tree);
    assert_eq!(host.shown(), Some(&applied.shown));
    assert_eq!(&host.visible(), expected);
}

fn check_history<D: Observed>(host: &mut D) {
    assert_eq!(host.shown(), None);
    assert!(host.visible().is_empty());
    let history = [
        files([("a.json", "1"), ("dir/b.json", "2"), ("dir/deep/er/c", ""), ("*run.sh", "#!"), ("same", "2")]),
        files([("a.json", "1"), ("dir/b.json", "3"), ("dir/deep/er/c", ""), ("run.sh", "#!"), ("same", "2")]),
        files([("a.json", "1"), ("dir", "now a file"), ("*run.sh", "#!"), ("*same", "2")]),
        files([("a.json/is", "a directory"), ("dir", "now a file"), ("Ünï cödé", "\u{0}\u{1}")]),
    ];
    let mut before = None;
    for (revision, files) in (1..).zip(&history) {
        deliver(host, &delta(before, revision, files), files);
        before = Some((revision, files));
    }
    deliver(host, &delta(None, 9, &history[0]), &history[0]);
}

fn check_a_revision_with_the_same_tree<D: Observed>(host: &mut D) {
    let all = files([("a", "1"), ("d/b", "2")]);
    deliver(host, &delta(None, 1, &all), &all);
    let unchanged = delta(Some((1, &all)), 2, &all);
    assert!(unchanged.trees.is_empty() && unchanged.blobs.is_empty());
    deliver(host, &unchanged, &all);
}

fn check_an_empty_revision<D: Observed>(host: &mut D) {
    let (all, none) = (files([("a", "1")]), Files::new());
    deliver(host, &delta(None, 1, &all), &all);
    let to = head(2, TreeId::EMPTY);
    deliver(host, &Delta { from: None, to, trees: vec![], blobs: vec![] }, &none);
}

fn check_refused<D: Observed>(host: &mut D, delta: &Delta, remedy: Remedy) {
    let (shown, visible) = (host.shown().cloned(), host.visible());
    let error: DeliveryError = host.deliver(delta, Moment::default()).expect_err("the delta is wrong");
    assert_eq!(error.remedy(), remedy, "{error}");
    assert_eq!((host.shown().cloned(), host.visible()), (shown, visible), "readers keep what they saw");
}

fn check_what_was_altered_is_refused<D: Observed>(host: &mut D) {
    let (old, new) = (files([("d/a", "1"), ("b", "2")]), files([("d/a", "good"), ("b", "2")]));
    deliver(host, &delta(None, 1, &old), &old);
    let sound = delta(Some((1, &old)), 2, &new);
    let mut blob = sound.clone();
    blob.blobs[0] = Bytes::from_static(b"evil");
    check_refused(host, &blob, Remedy::FullSync);
    for place in 0..sound.trees.len() {
        let mut tree = sound.clone();
        let mut bytes = tree.trees[place].to_vec();
        *bytes.last_mut().expect("trees of the fixture have entries") ^= 1;
        tree.trees[place] = bytes.into();
        check_refused(host, &tree, Remedy::FullSync);
    }
    let mut renamed = sound;
    renamed.to.tree = TreeId::from_bytes([9; 20]);
    check_refused(host, &renamed, Remedy::FullSync);
    deliver(host, &delta(None, 2, &new), &new);
}

fn check_what_is_missing_is_refused<D: Observed>(host: &mut D) {
    let [one, two, three] = ["1", "2", "3"].map(|content| files([("d/a", content), ("d/b", content), ("c", "0")]));
    check_refused(host, &delta(Some((1, &one)), 2, &two), Remedy::FullSync);
    deliver(host, &delta(None, 1, &one), &one);
    // The delta is relative to a revision the host never had.
    let [never, next] = ["x", "y"].map(|content| files([("d/a", content), ("d/b", "x"), ("c", "0")]));
    check_refused(host, &delta(Some((2, &never)), 3, &next), Remedy::FullSync);
    deliver(host, &delta(None, 3, &three), &three);
}

fn check_unsafe_trees_are_refused<D: Observed>(host: &mut D) {
    for name in ["..", ".git", "a\u{7}b"] {
        let mut encoded = format!("100644 {name}\0").into_bytes();
        encoded.extend_from_slice(configbus_model::blob_id(b"1").expect("no attack").as_bytes());
        let tree = configbus_model::tree_id(&encoded).expect("no attack");
        let trees = vec![encoded.into()];
        let hostile = Delta { from: None, to: head(1, tree), trees, blobs: vec![Bytes::from_static(b"1")] };
        check_refused(host, &hostile, Remedy::AskAgain);
    }
}

fn check_discarded_objects_are_gone<D: Observed>(host: &mut D) {
    let all = files([("a", "1")]);
    let delta = delta(None, 1, &all);
    host.stage(&Namespace::main(), &delta.trees, &delta.blobs).expect("objects are sound");
    host.discard(&Namespace::main());
    host.apply(&delta.to, Moment::default()).expect_err("nothing is staged");
    deliver(host, &delta, &all);
}

/// What a view brought and the next one dropped must come back when the one after brings it again.
fn check_a_revert_after_tidying<D: Observed>(host: &mut D) {
    let [one, two] = ["1", "2"].map(|content| files([("d/a", content), ("d/e/b", content), ("c", "0")]));
    deliver(host, &delta(None, 1, &one), &one);
    let mut now = Moment::default();
    let mut before = (1, &one);
    for revision in 2..12 {
        let next = if revision % 2 == 0 { &two } else { &one };
        let applied = host.deliver(&delta(Some(before), revision, next), now).expect("the delta is complete");
        assert_eq!(applied.shown.head().revision.0, revision);
        assert_eq!(&host.visible(), next);
        now = now.after(std::time::Duration::from_secs(61));
        while host.tidy(now).expect("the disk works").more {}
        assert_eq!(&host.visible(), next);
        before = (revision, next);
    }
}

/// Namespaces at their prefixes, each with its revision and its files.
type Mounts<'a> = &'a [(&'a str, u64, &'a Files)];

fn namespace(prefix: &str) -> Namespace {
    Namespace::parse(&prefix.replace('/', "-")).expect("prefixes of this suite make names")
}

/// Stages what changed since `before` and shows everything together.
fn show<D: Observed>(host: &mut D, before: Mounts<'_>, now: Mounts<'_>) -> Result<TreeId, DeliveryError> {
    let mut vector = None;
    for (prefix, revision, files) in now {
        let old = before.iter().find(|(other, ..)| other == prefix).map(|(_, revision, files)| (*revision, *files));
        let delta = delta(old, *revision, files);
        let namespace = if prefix.is_empty() { Namespace::main() } else { namespace(prefix) };
        host.stage(&namespace, &delta.trees, &delta.blobs)?;
        host.check(&delta.to)?;
        let Some(vector) = &mut vector else {
            vector = Some(Vector::from(delta.to));
            continue;
        };
        let prefix = ConfigPath::parse(prefix).expect("prefixes of this suite are paths");
        vector.mounted.insert(namespace, Mounted { prefix, head: delta.to });
    }
    let vector = vector.expect("main comes first");
    let applied = host.show(&vector, Moment::default())?;
    assert_eq!(applied.shown.vector, vector);
    assert_eq!(host.shown(), Some(&applied.shown));
    Ok(applied.shown.effective_tree)
}

fn check_shows<D: Observed>(host: &mut D, before: Mounts<'_>, now: Mounts<'_>) {
    let effective = show(host, before, now).expect("everything is there");
    let place = |prefix: &str, path: &str| if prefix.is_empty() { path.to_owned() } else { format!("{prefix}/{path}") };
    let all = now
        .iter()
        .flat_map(|(prefix, _, files)| files.iter().map(move |(path, file)| (place(prefix, path), file.clone())));
    let all: Files = all.collect();
    assert_eq!(host.visible(), all);
    assert_eq!(effective, delta(None, 1, &all).to.tree, "it is the tree that one namespace would have");
    while host.tidy(Moment::default()).expect("the disk works").more {}
}

fn check_mounted_namespaces<D: Observed>(host: &mut D) {
    let main = files([("a", "1"), ("far/b", "2")]);
    let main_next = files([("a", "3"), ("far/b", "2")]);
    let traffic = files([("limits/eu", "4"), ("*run", "#!")]);
    let traffic_next = files([("limits/eu", "5"), ("*run", "#!")]);
    let (inner, deep, none) = (files([("x", "6")]), files([("y", "7")]), Files::new());
    check_shows(host, &[], &[("", 1, &main)]);
    let two: Mounts<'_> = &[("", 1, &main), ("traffic", 1, &traffic)];
    check_shows(host, &[("", 1, &main)], two);
    // Each alone, by a difference: directories above a mount are those that were announced.
    let four: Mounts<'_> =
        &[("", 1, &main), ("traffic", 1, &traffic), ("traffic/limits/in", 1, &inner), ("far/down/deep", 1, &deep)];
    check_shows(host, two, four);
    let next: Mounts<'_> =
        &[("", 2, &main_next), ("traffic", 1, &traffic), ("traffic/limits/in", 1, &inner), ("far/down/deep", 1, &deep)];
    check_shows(host, four, next);
    let last: Mounts<'_> = &[("", 2, &main_next), ("traffic", 2, &traffic_next), ("far/down/deep", 2, &none)];
    check_shows(host, next, last);
    check_shows(host, last, &[("", 2, &main_next)]);
    check_shows(host, &[("", 2, &main_next)], &[("", 3, &none), ("traffic", 2, &traffic_next)]);
}

fn check_a_file_in_the_way_of_a_mount<D: Observed>(host: &mut D) {
    let (main, other) = (files([("a", "1")]), files([("x", "2")]));
    check_shows(host, &[], &[("", 1, &main)]);
    let visible = host.visible();
    let error = show(host, &[("", 1, &main)], &[("", 1, &main), ("a/b", 1, &other)]).expect_err("a is a file");
    assert_eq!(error.remedy(), Remedy::Later);
    assert_eq!(host.visible(), visible);
    host.discard(&namespace("a/b"));
}

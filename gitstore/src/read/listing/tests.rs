use super::*;
use crate::testing::TestStore;
use proptest::prelude::*;

fn check_listed(store: &TestStore, query: &ListQuery<'_>) -> Option<(Vec<String>, bool)> {
    let listing = store.store.list(store.head().commit, query).unwrap()?;
    Some((listing.entries.iter().map(|entry| entry.path.to_string()).collect(), listing.more))
}

fn query(prefix: &str) -> ListQuery<'_> {
    ListQuery { prefix, recursive: false, after: None, limit: 100 }
}

fn paths(paths: &[&str]) -> Vec<String> {
    paths.iter().map(|path| (*path).to_owned()).collect()
}

#[test]
fn a_directory_a_file_and_nothing_are_listed() {
    let store = TestStore::new();
    store.land(&[("a/b", "12"), ("a/c/d", "3"), ("a.txt", "4"), ("z", "5")]);
    assert_eq!(check_listed(&store, &query("")), Some((paths(&["a.txt", "a", "z"]), false)));
    assert_eq!(check_listed(&store, &query("a/")), Some((paths(&["a/b", "a/c"]), false)));
    assert_eq!(check_listed(&store, &query("a/b")), Some((paths(&["a/b"]), false)));
    assert_eq!(check_listed(&store, &query("a/x")), None);
    assert_eq!(check_listed(&store, &query("..")), None);
    let recursive = ListQuery { recursive: true, ..query("") };
    assert_eq!(check_listed(&store, &recursive), Some((paths(&["a.txt", "a/b", "a/c/d", "z"]), false)));
    let listing = store.store.list(store.head().commit, &query("a")).unwrap().unwrap();
    let sizes: Vec<_> = listing.entries.iter().map(|entry| (entry.mode, entry.size_bytes)).collect();
    assert_eq!(sizes, [(EntryMode::File, 2), (EntryMode::Directory, 0)]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn pages_put_together_are_the_whole(
        names in prop::collection::btree_set("[ab]|[ab][.0]|[ab]/[ab0]|[ab]/[ab]/[ab.]x", 1..14),
        limit in 1usize..4,
        recursive in any::<bool>(),
    ) {
        let names: Vec<_> = names.iter().filter(|name| !names.iter().any(|other| name.starts_with(&format!("{other}/")))).collect();
        let store = TestStore::new();
        store.land(&names.iter().map(|name| (name.as_str(), "1")).collect::<Vec<_>>());
        let whole = check_listed(&store, &ListQuery { recursive, ..query("") }).unwrap().0;
        let (mut collected, mut after) = (Vec::new(), None);
        loop {
            let page = ListQuery { prefix: "", recursive, after: after.as_deref(), limit };
            let (entries, more) = check_listed(&store, &page).unwrap();
            prop_assert!(entries.len() <= limit);
            after = entries.last().cloned();
            collected.extend(entries);
            if !more {
                break;
            }
        }
        prop_assert_eq!(collected, whole);
    }
}

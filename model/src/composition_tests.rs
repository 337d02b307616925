use super::*;
use crate::{BlobId, ObjectId, blob_id};
use std::{cell::RefCell, collections::HashMap};

/// Files by path: what every operation is held against.
type Files = BTreeMap<String, BlobId>;

/// Trees by id, as a host holds them.
#[derive(Default)]
struct Held(RefCell<HashMap<TreeId, Tree>>);

impl Held {
    fn add(&self, files: &Files) -> TreeId {
        let mut below: BTreeMap<&str, Files> = BTreeMap::new();
        let mut entries: Vec<(&str, EntryMode, ObjectId)> = Vec::new();
        for (path, id) in files {
            match path.split_once('/') {
                Some((name, rest)) => drop(below.entry(name).or_default().insert(rest.to_owned(), *id)),
                None => entries.push((path, EntryMode::File, (*id).into())),
            }
        }
        for (name, files) in &below {
            entries.push((name, EntryMode::Directory, self.add(files).into()));
        }
        let tree = Tree::build(entries.into_iter().map(|(name, mode, id)| TreeEntry { name, mode, id }));
        let id = tree.id().unwrap();
        self.0.borrow_mut().insert(id, tree);
        id
    }

    fn get(&self, id: TreeId) -> Option<Tree> {
        self.0.borrow().get(&id).cloned()
    }

    /// Composes and keeps what was made; checks that it is well-formed.
    fn compose(&self, main: TreeId, parts: &[Part]) -> Result<Composition, CompositionError> {
        let composed = Composition::of(main, parts, |id| self.get(id))?;
        for (id, tree) in &composed.trees {
            let parsed = Tree::parse(tree.as_bytes().clone()).unwrap();
            assert_eq!(parsed.id().unwrap(), *id);
            self.0.borrow_mut().insert(*id, parsed);
        }
        Ok(composed)
    }

    fn files(&self, root: TreeId) -> Files {
        let mut found = Files::new();
        self.walk(root, "", &mut found);
        found
    }

    fn walk(&self, id: TreeId, prefix: &str, found: &mut Files) {
        let tree = if id == TreeId::EMPTY { Tree::build([]) } else { self.get(id).unwrap() };
        for entry in tree.entries() {
            let path = format!("{prefix}{}", entry.name);
            match entry.mode {
                EntryMode::Directory => self.walk(entry.id.into(), &format!("{path}/"), found),
                _ => drop(found.insert(path, entry.id.into())),
            }
        }
    }
}

fn files(paths: &[&str]) -> Files {
    paths.iter().map(|path| ((*path).to_owned(), blob_id(path.as_bytes()).unwrap())).collect()
}

fn path(path: &str) -> ConfigPath {
    ConfigPath::parse(path).unwrap()
}

/// The same on a map of paths: outer mounts first, each hides what was below its prefix.
fn naive(main: &Files, parts: &[(ConfigPath, Files)]) -> Files {
    let mut sorted: Vec<_> = parts.iter().collect();
    sorted.sort_by_key(|(prefix, _)| prefix.components().count());
    sorted.into_iter().fold(main.clone(), |mut all, (prefix, files)| {
        all.retain(|path, _| !self::path(path).is_at_or_below(prefix.as_str()));
        all.extend(files.iter().map(|(path, id)| (format!("{prefix}/{path}"), *id)));
        all
    })
}

fn check_composes(main: &Files, parts: &[(ConfigPath, Files)]) {
    let held = Held::default();
    let root = held.add(main);
    let roots: Vec<_> =
        parts.iter().map(|(prefix, files)| Part { prefix: prefix.clone(), root: held.add(files) }).collect();
    let composed = held.compose(root, &roots).unwrap();
    let expected = naive(main, parts);
    assert_eq!(held.files(composed.root), expected, "{parts:?} in {main:?}");
    for ((prefix, _), seen) in parts.iter().zip(&composed.parts) {
        let below =
            expected.iter().filter_map(|(path, id)| Some((path.strip_prefix(&format!("{prefix}/"))?.to_owned(), *id)));
        assert_eq!(held.files(*seen), below.collect(), "{prefix}");
    }
    let prefixes: Vec<_> = parts.iter().map(|(prefix, _)| prefix.clone()).collect();
    let undone = Composition::undo(composed.root, &prefixes, |id| held.get(id)).unwrap();
    assert_eq!((undone.root, undone.parts), (root, roots.iter().map(|part| part.root).collect()));
    for (id, tree) in undone.trees {
        assert_eq!(held.get(id), Some(tree), "what is undone is what was there");
    }
}

#[test]
fn mounted_roots_are_seen_at_their_prefixes_and_found_again() {
    let main = files(&["a", "ads/x", "traffic-x/y", "z"]);
    let traffic = (path("traffic"), files(&["limits/eu", "top"]));
    let inner = (path("traffic/eu"), files(&["x"]));
    let deep = (path("new/place/of"), files(&["f"]));
    let empty = (path("ads/none"), files(&[]));
    check_composes(&main, &[]);
    check_composes(&main, std::slice::from_ref(&traffic));
    // The order in which they are given does not matter.
    check_composes(&main, &[inner.clone(), deep.clone(), traffic, empty.clone()]);
    // The outer one is empty and is seen because of the inner one.
    check_composes(&main, &[(path("traffic"), files(&[])), inner]);
    check_composes(&files(&[]), &[empty, deep]);
}

#[test]
fn any_mounts_show_what_a_map_of_paths_says() {
    for seed in 0..300 {
        let mut random = fastrand::Rng::with_seed(seed);
        let names = ["a", "a-b", "b", "c"];
        let mut some_path = |depth: usize| {
            let parts: Vec<_> = (0..=random.usize(..depth)).map(|_| names[random.usize(..names.len())]).collect();
            (parts.join("/"), random.usize(..6))
        };
        let mut prefixes = BTreeMap::new();
        for _ in 0..3 {
            let (prefix, count) = some_path(3);
            prefixes.insert(path(&prefix), count);
        }
        // Files have names that no directory has: what is in the way is another test.
        let mut some_files = |count: usize| {
            let file = |_| format!("{}/f{}", some_path(3).0, some_path(1).1);
            (0..count)
                .map(file)
                .map(|path| {
                    let id = blob_id(path.as_bytes()).unwrap();
                    (path, id)
                })
                .collect::<Files>()
        };
        let free = |outer: &str, path: &str, prefixes: &BTreeMap<ConfigPath, usize>| {
            let public = self::path(&format!("{outer}{path}"));
            !prefixes.keys().any(|prefix| prefix.as_str().len() > outer.len() && public.is_at_or_below(prefix.as_str()))
        };
        let mut main = some_files(6);
        main.retain(|path, _| free("", path, &prefixes));
        let parts: Vec<_> = prefixes
            .iter()
            .map(|(prefix, count)| {
                let mut own = some_files(*count);
                own.retain(|path, _| free(&format!("{prefix}/"), path, &prefixes));
                (prefix.clone(), own)
            })
            .collect();
        println!("seed {seed}");
        check_composes(&main, &parts);
    }
}

#[test]
fn an_outer_directory_below_a_prefix_is_hidden() {
    let held = Held::default();
    let main = held.add(&files(&["traffic/old", "a"]));
    let root = held.add(&files(&["new"]));
    let composed = held.compose(main, &[Part { prefix: path("traffic"), root }]).unwrap();
    assert_eq!(held.files(composed.root).into_keys().collect::<Vec<_>>(), ["a", "traffic/new"]);
    let composed = held.compose(main, &[Part { prefix: path("traffic"), root: TreeId::EMPTY }]).unwrap();
    assert_eq!(held.files(composed.root).into_keys().collect::<Vec<_>>(), ["a"]);
}

#[test]
fn what_cannot_be_composed_is_refused_with_the_reason() {
    let held = Held::default();
    let main = held.add(&files(&["a", "d/f"]));
    let root = held.add(&files(&["x"]));
    let refused = |prefixes: &[&str]| {
        let parts: Vec<_> = prefixes.iter().map(|prefix| Part { prefix: path(prefix), root }).collect();
        held.compose(main, &parts).unwrap_err().to_string()
    };
    assert_eq!(refused(&["a"]), "a is a file, so that nothing can be mounted at a");
    assert_eq!(refused(&["d/f/g"]), "d/f is a file, so that nothing can be mounted at d/f/g");
    assert_eq!(refused(&["m", "m/x/y"]), "m/x is a file, so that nothing can be mounted at m/x/y");
    assert_eq!(refused(&["m", "m"]), "two namespaces are mounted at m");
    let unknown = TreeId::from_bytes([7; 20]);
    let parts = [Part { prefix: path("m"), root: unknown }, Part { prefix: path("m/n"), root }];
    let error = held.compose(main, &parts).unwrap_err();
    assert_eq!(error, CompositionError::Missing { id: unknown, place: "m".into() });
}

#[test]
fn only_directories_above_a_mount_are_made_anew() {
    let held = Held::default();
    let many: Vec<_> = (0..50).map(|n| format!("d{n}/e/f")).collect();
    let main = held.add(&files(&many.iter().map(String::as_str).collect::<Vec<_>>()));
    let root = held.add(&files(&["x"]));
    let composed = held.compose(main, &[Part { prefix: path("d7/e/mount"), root }]).unwrap();
    assert_eq!(composed.trees.len(), 3);
    assert_eq!(held.compose(main, &[]).unwrap(), Composition { root: main, parts: vec![], trees: vec![] });
}

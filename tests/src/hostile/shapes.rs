//! Trees that are wrong as a whole: twins, depth, length, width, and more paths than anybody could list.

use super::Hostile;
use crate::{git::WorkingCopy, plumbing::FILE};

/// Names that some file system cannot tell apart.
const TWINS: [[&str; 2]; 5] =
    [["README", "readme"], ["straße", "STRASSE"], ["ſ", "s"], ["Σ", "ς"], ["\u{fb01}x", "fix"]];

fn numbered(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{prefix}{number:07}")).collect()
}

/// A directory of so many entries that name the same.
pub(super) fn wide(copy: &WorkingCopy, mode: &str, id: &str, count: usize) -> String {
    let names = numbered("n", count);
    let entries: Vec<_> = names.iter().map(|name| (mode, name.as_bytes(), id)).collect();
    copy.tree(&entries)
}

pub(super) fn make(copy: &WorkingCopy, parent: &str) -> Vec<Hostile> {
    let (file, folder) = (copy.blob(b"x"), copy.files(&[("file", b"x")]));
    let of = |name: &str, tree: &str, told: &[&'static str]| Hostile::of(name, copy.commit_tree(parent, tree), told);
    let mut all = Vec::new();
    for [a, b] in TWINS {
        let mut names = [a, b];
        names.sort_unstable();
        let tree = copy.tree(&names.map(|name| (FILE, name.as_bytes(), file.as_str())));
        all.push(of(&format!("twins {a} and {b}"), &tree, &["shape/twins"]));
    }
    let wide = |mode, count| wide(copy, mode, &file, count);
    let long = "l".repeat(250);
    let bomb = |levels| copy.repeated(&numbered("", 10), &file, levels);
    all.extend([
        of("a path of 60 directories", &copy.nested("d", &folder, 60), &["shape/depth"]),
        of("a path of 10,000 directories", &copy.nested("d", &folder, 10_000), &["shape/depth"]),
        of("a path of 1,250 bytes", &copy.nested(&long, &folder, 5), &["shape/path-length"]),
        of("a directory of 10,001 files", &wide(FILE, 10_001), &["shape/directory-width"]),
        of("a directory of 60,000 symlinks", &wide("120000", 60_000), &["shape/symlink"]),
        of("32 levels of 10 times the same", &bomb(32), &["limit/changed-files", "shape/depth"]),
        of("500 levels of 10 times the same", &bomb(500), &["limit/changed-files", "shape/depth"]),
        of(
            "490,000 paths of 900 bytes",
            &copy.repeated(&numbered(&"p".repeat(220), 79), &file, 3),
            &["limit/changed-files"],
        ),
    ]);
    all
}

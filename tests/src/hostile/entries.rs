//! Single entries of a directory: names and modes.

use super::Hostile;
use crate::{
    git::WorkingCopy,
    plumbing::{DIRECTORY, FILE},
};

/// Names, with what Git's own check says where it comes first. The last ones are all told by the gate.
const NAMES: &[(&[u8], &str)] = &[
    (b"..", "hasDotdot"),
    (b".", "hasDot"),
    (b"a/b", "fullPathname"),
    (b"../../etc/passwd", "fullPathname"),
    (b".git", "hasDotgit"),
    (b".GIT", "hasDotgit"),
    (b".gIt", "hasDotgit"),
    (b"git~1", "hasDotgit"),
    (b"GIT~1", "hasDotgit"),
    (b".git.", "hasDotgit"),
    (b".git ", "hasDotgit"),
    (b".git. .", "hasDotgit"),
    (b".git::$INDEX_ALLOCATION", "hasDotgit"),
    (b".git\\foo", "hasDotgit"),
    (".g\u{200c}it".as_bytes(), "hasDotgit"),
    (".gi\u{200d}t".as_bytes(), "hasDotgit"),
    ("\u{feff}.git".as_bytes(), "hasDotgit"),
    (".\u{206a}GiT".as_bytes(), "hasDotgit"),
    (b"a\nb", "shape/name"),
    (b"a\x1b[2J", "shape/name"),
    (b"a\x7f", "shape/name"),
    ("a\u{85}".as_bytes(), "shape/name"),
    (b"\xff", "shape/name"),
    (b"a\xc0\xafb", "shape/name"),
    (b"\xed\xa0\x80", "shape/name"),
    ("u\u{308}".as_bytes(), "shape/name"),
    ("\u{212b}".as_bytes(), "shape/name"),
    (&[b'n'; 300], "shape/path-length"),
];

pub(super) fn make(copy: &WorkingCopy, parent: &str) -> Vec<Hostile> {
    let (file, folder) = (copy.blob(b"x"), copy.files(&[("file", b"x")]));
    let of = |name: String, tree: &str, told: &[&'static str]| Hostile::of(name, copy.commit_tree(parent, tree), told);
    let named = |(name, told): &(&[u8], &'static str)| {
        let shown = String::from_utf8_lossy(&name[..name.len().min(24)]).escape_debug().to_string();
        let told = [*told, "shape/name"];
        of(format!("a file {shown}"), &copy.tree(&[(FILE, name, &file)]), &told)
    };
    let mut all: Vec<_> = NAMES.iter().map(named).collect();
    // What the gate alone tells, anywhere and as anything.
    let told_by_gate: Vec<_> = all.iter().filter(|hostile| hostile.told[0].starts_with("shape/")).cloned().collect();
    all.extend(told_by_gate.iter().map(Hostile::elsewhere));
    for name in [b"..".as_slice(), b".git", b"a\nb"] {
        let tree = copy.tree(&[(DIRECTORY, name, &folder)]);
        all.push(of(format!("a directory {}", name.escape_ascii()), &tree, &["hasDotdot", "hasDotgit", "shape/name"]));
    }
    for (mode, id, told) in [
        ("120000", &file, ["shape/symlink", "shape/symlink"]),
        ("160000", &parent.to_owned(), ["shape/submodule", "shape/submodule"]),
        ("100600", &file, ["badFilemode", "shape/mode"]),
        ("100777", &file, ["badFilemode", "shape/mode"]),
        ("140000", &file, ["badFilemode", "shape/mode"]),
        ("20000", &file, ["badFilemode", "shape/mode"]),
        ("0", &file, ["zeroPaddedFilemode", "badFilemode"]),
        ("0100644", &file, ["zeroPaddedFilemode", "shape/mode"]),
        ("37777777777", &file, ["shape/unreadable", "shape/mode"]),
    ] {
        let hostile = of(format!("mode {mode}"), &copy.tree(&[(mode, b"entry", id)]), &told);
        all.extend([hostile.elsewhere(), hostile]);
    }
    let twice = copy.tree(&[(FILE, b"a", &file), (FILE, b"a", &file)]);
    let both = copy.tree(&[(FILE, b"a", &file), (DIRECTORY, b"a", &folder)]);
    let unsorted = copy.tree(&[(FILE, b"b", &file), (FILE, b"a", &file)]);
    for (name, tree, told) in [
        ("an entry twice", &twice, "duplicateEntries"),
        ("a file and a directory of one name", &both, "duplicateEntries"),
        ("entries out of order", &unsorted, "treeNotSorted"),
    ] {
        all.push(of(name.to_owned(), tree, &[told]));
    }
    all
}

//! What takes long to make and to send: for figures.

use super::{Hostile, shapes::wide};
use crate::{git::WorkingCopy, plumbing::FILE};

const MILLION: usize = 1_000_000;

/// Close to the largest file that the gate takes.
const FILE_BYTES: usize = 4_000_000;

pub(super) fn make(copy: &WorkingCopy, parent: &str) -> Vec<Hostile> {
    let file = copy.blob(b"x");
    let of = |name: &str, tree: &str, told: &[&'static str]| Hostile::of(name, copy.commit_tree(parent, tree), told);
    let symlinks = of("a directory of a million symlinks", &wide(copy, "120000", &file, MILLION), &["shape/symlink"]);
    let digits = |names: usize| (0..names).map(|name| name.to_string()).collect::<Vec<_>>();
    let dense = |open: &str, item: &str, close: &str| format!("{open}{}{close}", item.repeat(FILE_BYTES / item.len()));
    let lists = dense("[", "[],", "0]");
    let schemas = b"- {files: /held/, schema: schema.json}\n".as_slice();
    let rules = b"- {files: /held/, message: it has some, rule: 'self.size() > 0'}\n".as_slice();
    let held: Vec<_> = (0..8).map(|number| format!("held/{number}.json")).collect();
    let mut files = vec![
        (".configbus/schemas.yaml", schemas),
        (".configbus/rules.yaml", rules),
        ("schema.json", b"{\"type\": \"array\"}"),
    ];
    files.extend(held.iter().map(|path| (path.as_str(), lists.as_bytes())));
    vec![
        of("a directory of a million files", &wide(copy, FILE, &file, MILLION), &["shape/directory-width"]),
        symlinks.elsewhere(),
        symlinks,
        of("400,000 paths of 12 bytes", &copy.repeated(&digits(740), &file, 2), &[]),
        of("8 files of a million lists each, with schema and rule", &copy.files(&files), &[]),
        of("a file of a million lists", &copy.files(&[("a.yaml", lists.as_bytes())]), &[]),
        of("a file of 600,000 members", &copy.files(&[("a.toml", dense("", "[[a]]\n", "").as_bytes())]), &[]),
        of("a file of 500,000 elements", &copy.files(&[("a.xml", dense("<a>", "<b></b>", "</a>").as_bytes())]), &[]),
        of("a file of two million cells", &copy.files(&[("a.csv", dense("", "a,\n", "").as_bytes())]), &[]),
    ]
}

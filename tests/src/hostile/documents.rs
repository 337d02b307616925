//! Documents that readers would choke on.

use super::Hostile;
use crate::git::WorkingCopy;
use std::fmt::Write as _;

/// Bytes of the largest file that the gate takes.
const FILE_BYTES: usize = 4 << 20;

fn nested(open: &str, close: &str) -> String {
    format!("{}{}", open.repeat(10_000), close.repeat(10_000))
}

/// Aliases of aliases: a gigabyte in a kilobyte.
fn aliases() -> String {
    let mut text = "l0: &l0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
    for level in 1..10 {
        let inner = vec![format!("*l{}", level - 1); 10].join(",");
        writeln!(text, "l{level}: &l{level} [{inner}]").expect("strings take all writes");
    }
    text
}

/// The same by merge keys.
fn merges() -> String {
    let mut text = "m0: &m0 {a: 1}\n".to_owned();
    for level in 1..10 {
        let inner = (0..10).map(|n| format!("k{n}: {{<<: *m{}}}", level - 1)).collect::<Vec<_>>().join(", ");
        writeln!(text, "m{level}: &m{level} {{{inner}}}").expect("strings take all writes");
    }
    text
}

fn entities() -> String {
    let mut text = "<!DOCTYPE x [<!ENTITY e0 \"lol\">".to_owned();
    for level in 1..10 {
        let inner = format!("&e{};", level - 1).repeat(10);
        write!(text, "<!ENTITY e{level} \"{inner}\">").expect("strings take all writes");
    }
    text + "]><x>&e9;</x>"
}

fn filled(open: &str, item: &str, close: &str) -> String {
    let items = (FILE_BYTES - open.len() - close.len()) / item.len();
    format!("{open}{}{close}", item.repeat(items))
}

pub(super) fn make(copy: &WorkingCopy, parent: &str) -> Vec<Hostile> {
    let text = |text: &str| text.as_bytes().to_vec();
    let documents: Vec<(&str, Vec<u8>, &'static str)> = vec![
        ("aliases.yaml", aliases().into_bytes(), "yaml/aliases"),
        ("merges.yaml", merges().into_bytes(), "yaml/aliases"),
        ("itself.yaml", text("&a [*a]"), "yaml/"),
        ("entities.xml", entities().into_bytes(), "xml/dtd"),
        ("outside.xml", text("<!DOCTYPE x SYSTEM \"file:///etc/passwd\"><x/>"), "xml/dtd"),
        ("deep.json", nested("[", "]").into_bytes(), "json/depth"),
        ("deep.yaml", nested("[", "]").into_bytes(), "yaml/depth"),
        ("open.json", "[".repeat(FILE_BYTES).into_bytes(), "json/depth"),
        ("open.yaml", "[".repeat(FILE_BYTES).into_bytes(), "yaml/depth"),
        ("dashes.yaml", "- ".repeat(FILE_BYTES / 2).into_bytes(), "yaml/depth"),
        ("deep.toml", format!("a = {}", nested("[", "]")).into_bytes(), "toml/"),
        ("keys.toml", format!("{}a = 1", "a.".repeat(10_000)).into_bytes(), "toml/"),
        ("deep.xml", nested("<a>", "</a>").into_bytes(), "xml/depth"),
        ("twice.json", text("{\"a\": 1, \"a\": 2}"), "json/duplicate-key"),
        ("escaped.json", text("{\"a\": 1, \"\\u0061\": 2}"), "json/duplicate-key"),
        ("twice.yaml", text("a: 1\na: 2\n"), "yaml/duplicate-key"),
        ("twice.toml", text("a = 1\na = 2\n"), "toml/duplicate-key"),
        ("often.json", filled("{\"a\":0", ",\"a\":0", "}").into_bytes(), "json/duplicate-key"),
        ("bytes.json", b"\"\xff\"".to_vec(), "text/utf-8"),
        ("wide.json", b"\xff\xfe\"\0a\0\"\0".to_vec(), "text/utf-8"),
        ("surrogate.yaml", b"a: \xed\xa0\x80".to_vec(), "text/utf-8"),
        ("nul.json", b"\"a\0b\"".to_vec(), "json/syntax"),
        ("nul.yaml", b"a: b\0c\n".to_vec(), "yaml/syntax"),
        ("nul.toml", b"a = \"b\0c\"\n".to_vec(), "toml/syntax"),
        ("nul.csv", b"a,b\n1,\0\n".to_vec(), "csv/syntax"),
        ("nul.xml", b"<a>\0</a>".to_vec(), "xml/syntax"),
        ("number.json", text("18446744073709551616"), "json/number"),
        ("number.yaml", text("a: 18446744073709551616\n"), "yaml/number"),
        ("number.toml", text("a = 9223372036854775808\n"), "toml/number"),
        ("tables.toml", "[[a]]\n".repeat(600_000).into_bytes(), "limit/document-values"),
        ("inline.toml", format!("a = [{}]", "{},".repeat(1_000_000)).into_bytes(), "limit/document-values"),
        ("zeros.json", format!("[0{}]", ",0".repeat(2_000_000)).into_bytes(), "limit/document-values"),
        ("dashes-and-ones.yaml", "- 1\n".repeat(1_000_000).into_bytes(), "limit/document-values"),
        ("digits.json", "9".repeat(FILE_BYTES).into_bytes(), "limit/number-length"),
        ("float.json", text("1e999999999"), "json/number"),
        ("large.bin", vec![0; FILE_BYTES + 1], "shape/file-size"),
    ];
    let of = |(name, content, told): (&str, Vec<u8>, &'static str)| {
        let tree = copy.files(&[(name, &content)]);
        Hostile::of(name, copy.commit_tree(parent, &tree), &[told])
    };
    documents.into_iter().map(of).collect()
}

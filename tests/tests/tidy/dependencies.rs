//! The dependency policy: licences, sources, and libraries that must not come in.

use crate::workspace::{packages, text};

/// Licences that may be linked into a product under Apache-2.0.
const LICENCES: [&str; 11] = [
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "MIT",
    "MIT-0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "Zlib",
    "Unicode-3.0",
    "Unlicense",
    "BSL-1.0",
];

/// What must not come in, and why.
const BANNED: [(&str, &str); 7] = [
    ("openssl-sys", "needs system headers; rustls is used"),
    ("native-tls", "needs system headers; rustls is used"),
    ("reqwest", "one HTTP stack is enough: hyper below axum and tonic"),
    ("serde_yaml", "unmaintained and silent on duplicate keys"),
    ("protobuf-src", "builds protoc with cmake; protox compiles the files"),
    ("async-std", "unmaintained, a second runtime"),
    ("chrono", "times are milliseconds since the epoch"),
];

/// A few crates may be there in two generations, because their users move at their own pace. More would be a sign.
const DUPLICATES_MAX: usize = 22;

/// Judges an SPDX expression: every `AND` part needs one allowed `OR` choice.
fn is_allowed(expression: &str) -> bool {
    let parts = expression.split(" AND ");
    parts.map(|part| part.trim_matches(['(', ')'])).all(|part| {
        let choices = part.split(" OR ").flat_map(|choice| choice.split('/'));
        choices.map(|choice| choice.trim().trim_matches(['(', ')'])).any(|choice| LICENCES.contains(&choice))
    })
}

#[test]
fn licences_are_compatible() {
    let wrong = |package: &&serde_json::Value| !is_allowed(text(package, "license"));
    let found: Vec<_> = packages().filter(wrong).map(|p| (text(p, "name"), text(p, "license"))).collect();
    assert!(found.is_empty(), "licences to look at: {found:?}");
}

#[test]
fn licence_expressions_are_understood() {
    assert!(is_allowed("(MIT OR Apache-2.0) AND Unicode-3.0"));
    assert!(is_allowed("Unlicense/MIT"));
    assert!(!is_allowed("MIT AND GPL-3.0"));
    assert!(!is_allowed(""));
}

#[test]
fn banned_libraries_stay_out() {
    for (name, reason) in BANNED {
        assert!(packages().all(|package| text(package, "name") != name), "{name} came in: {reason}");
    }
}

#[test]
fn everything_comes_from_the_registry() {
    let foreign = |package: &&serde_json::Value| {
        let source = text(package, "source");
        !source.is_empty() && !source.starts_with("registry+")
    };
    let found: Vec<_> = packages().filter(foreign).map(|p| text(p, "name")).collect();
    assert!(found.is_empty(), "not from a registry: {found:?}");
}

#[test]
fn generations_do_not_pile_up() {
    let mut names: Vec<_> = packages().map(|package| text(package, "name")).collect();
    names.sort_unstable();
    let twice: std::collections::BTreeSet<_> =
        names.windows(2).filter(|pair| pair[0] == pair[1]).map(|p| p[0]).collect();
    assert!(twice.len() <= DUPLICATES_MAX, "{} crates in several versions: {twice:?}", twice.len());
}

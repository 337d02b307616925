//! Patterns of policy next to Git's own: each means what `.gitignore` would mean by it.
//!
//! Left out are patterns that end in `/*`, where CODEOWNERS differs, and negation, which is refused.

use configbus_hooks::PathGlob;
use std::{
    collections::BTreeSet,
    fs,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

const PIECES: [&str; 21] = [
    "a", "b", "ab", "*", "a*", "*b", "?", "a?b", "**", "[ab]", "[!a]", "[a-b]*", "*.md", "x.md", "\\*", "\\a", "a**b",
    "[]a]", "**b", ".hid*", "*a*b*",
];

const NAMES: [&str; 10] = ["a", "b", "ab", "a.b", "axb", "x.md", "*", "]", ".hidden", "aab"];

/// Patterns of one to three pieces, with and without slashes at their ends.
fn patterns() -> BTreeSet<String> {
    let mut patterns = BTreeSet::new();
    for (n, first) in PIECES.into_iter().enumerate() {
        let second = PIECES[(n * 7 + 3) % PIECES.len()];
        let third = PIECES[(n * 5 + 11) % PIECES.len()];
        for body in
            [first.to_owned(), format!("{first}/{second}"), format!("{first}/{second}/{third}"), format!("**/{first}")]
        {
            for pattern in [body.clone(), format!("/{body}"), format!("{body}/"), format!("/{body}/")] {
                patterns.insert(pattern);
            }
        }
    }
    patterns.retain(|pattern| pattern.rsplit('/').next() != Some("*") || !pattern.contains('/'));
    patterns
}

fn paths() -> Vec<String> {
    let mut paths: Vec<String> = NAMES.iter().map(ToString::to_string).collect();
    for first in NAMES {
        paths.extend(NAMES.iter().map(|second| format!("{first}/{second}")));
        paths.extend(NAMES.iter().map(|third| format!("{first}/a/{third}")));
        paths.extend(NAMES.iter().map(|last| format!("b/{first}/x.md/{last}")));
    }
    paths
}

/// Returns the paths that Git ignores by one pattern.
fn ignored(repository: &Path, pattern: &str, paths: &[String]) -> BTreeSet<String> {
    fs::write(repository.join(".git/info/exclude"), format!("{pattern}\n")).expect("a file");
    let mut git = Command::new("git");
    git.args(["check-ignore", "--no-index", "-z", "--stdin"]).current_dir(repository);
    git.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    let mut child = git.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("git is installed");
    let mut stdin = child.stdin.take().expect("it is piped");
    stdin.write_all((paths.join("\0") + "\0").as_bytes()).expect("git reads");
    drop(stdin);
    let output = child.wait_with_output().expect("git ends");
    let text = String::from_utf8(output.stdout).expect("the paths are text");
    text.split('\0').filter(|path| !path.is_empty()).map(str::to_owned).collect()
}

#[test]
fn patterns_mean_what_git_means_by_them() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let made = Command::new("git").args(["init", "-q"]).current_dir(folder.path()).status().expect("git is installed");
    assert!(made.success());
    let (patterns, paths) = (patterns(), paths());
    for pattern in &patterns {
        let glob = PathGlob::parse(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}"));
        let ours: BTreeSet<String> = paths.iter().filter(|path| glob.matches(path)).cloned().collect();
        let git = ignored(folder.path(), pattern, &paths);
        let differing: Vec<_> = ours.symmetric_difference(&git).collect();
        assert!(
            differing.is_empty(),
            "{pattern}: {differing:?}, of which Git means {:?}",
            git.intersection(&differing.iter().map(|path| (*path).clone()).collect()).collect::<Vec<_>>()
        );
    }
    assert!(patterns.len() > 250, "{}", patterns.len());
}

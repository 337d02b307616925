//! Which files a pattern means: the dialect of `.gitignore`, anchored at the root.
//!
//! `*` and `?` stay within a component, `**` crosses them, a pattern that names a directory means everything below.

use configbus_model::ConfigPath;
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

/// A pattern, or several any of which will do.
#[derive(Debug, Clone)]
pub(crate) struct PathGlob {
    set: GlobSet,
    /// Directories that hold everything it can mean, none within another.
    bases: Vec<String>,
}

impl PathGlob {
    /// Parses a pattern; the error says what is wrong with it.
    pub(crate) fn parse(pattern: &str) -> Result<Self, String> {
        Self::parse_all(&[pattern])
    }

    /// Parses patterns any of which will do.
    pub(crate) fn parse_all<S: AsRef<str>>(patterns: &[S]) -> Result<Self, String> {
        let mut set = GlobSetBuilder::new();
        let mut bases = Vec::new();
        for pattern in patterns {
            bases.push(base_of(add(&mut set, pattern.as_ref())?));
        }
        let all = bases.clone();
        bases.retain(|base: &String| !all.iter().any(|other| other != base && is_within(base, other)));
        bases.sort();
        bases.dedup();
        Ok(Self { set: set.build().map_err(|error| error.to_string())?, bases })
    }

    /// Returns whether a file is meant.
    pub(crate) fn is_match(&self, path: &ConfigPath) -> bool {
        self.set.is_match(path.as_str())
    }

    /// Returns the directories or files to look below; the root is empty.
    pub(crate) fn bases(&self) -> &[String] {
        &self.bases
    }
}

/// Adds what a pattern means and returns it without the slashes around it.
fn add<'p>(set: &mut GlobSetBuilder, pattern: &'p str) -> Result<&'p str, String> {
    if pattern.starts_with('!') {
        return Err("a pattern cannot be negated here".to_owned());
    }
    let anchored = pattern.trim_start_matches('/').trim_end_matches('/');
    if anchored.is_empty() {
        return Err("the pattern is empty; everything is **".to_owned());
    }
    let escaped = without_alternatives(anchored);
    if !pattern.ends_with('/') {
        set.add(glob(&escaped)?);
    }
    set.add(glob(&format!("{escaped}/**"))?);
    Ok(anchored)
}

fn is_within(inner: &str, outer: &str) -> bool {
    outer.is_empty() || inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn glob(pattern: &str) -> Result<globset::Glob, String> {
    let mut builder = GlobBuilder::new(pattern);
    builder.literal_separator(true).backslash_escape(true).build().map_err(|error| error.kind().to_string())
}

/// Braces are ordinary characters in `.gitignore`.
fn without_alternatives(pattern: &str) -> String {
    let mut escaped = String::with_capacity(pattern.len());
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        match character {
            '{' | '}' => escaped.extend(['\\', character]),
            '\\' => escaped.extend(['\\', characters.next().unwrap_or('\\')]),
            _ => escaped.push(character),
        }
    }
    escaped
}

fn base_of(pattern: &str) -> String {
    let is_literal = |component: &&str| !component.contains(['*', '?', '[', '\\']);
    pattern.split('/').take_while(is_literal).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matching<'a>(pattern: &str, paths: &[&'a str]) -> Vec<&'a str> {
        let glob = PathGlob::parse(pattern).unwrap();
        let is_match = |path: &&str| glob.is_match(&ConfigPath::parse(path).unwrap());
        paths.iter().copied().filter(is_match).collect()
    }

    #[test]
    fn patterns_mean_what_gitignore_means() {
        let paths = ["a.json", "flags/a.json", "flags/deep/b.json", "other/decider.yml", "decider.yml", "flags/{x}"];
        assert_eq!(matching("flags/**", &paths), ["flags/a.json", "flags/deep/b.json", "flags/{x}"]);
        assert_eq!(matching("flags", &paths), matching("flags/", &paths));
        assert_eq!(matching("*.json", &paths), ["a.json"]);
        assert_eq!(matching("**/*.json", &paths), ["a.json", "flags/a.json", "flags/deep/b.json"]);
        assert_eq!(matching("**/decider.yml", &paths), ["other/decider.yml", "decider.yml"]);
        assert_eq!(matching("/flags/{x}", &paths), ["flags/{x}"]);
        assert_eq!(matching("a.json/", &paths), [""; 0]);
    }

    #[test]
    fn only_what_can_match_is_walked() {
        for (pattern, base) in [("flags/**", "flags"), ("a/b/*.json", "a/b"), ("**/x", ""), ("a/b.json", "a/b.json")] {
            assert_eq!(PathGlob::parse(pattern).unwrap().bases(), [base]);
        }
        let bases = |patterns: &[&str]| PathGlob::parse_all(patterns).unwrap().bases().to_vec();
        assert_eq!(
            bases(&["flags/**", "features/**", "flags/web/*.json", "flags-old/**"]),
            ["features", "flags", "flags-old"]
        );
        assert_eq!(bases(&["flags/**", "**/x"]), [""]);
        assert_eq!(bases(&[]), [""; 0]);
        for wrong in ["", "/", "!a", "a[", "a["] {
            assert!(PathGlob::parse(wrong).is_err(), "{wrong:?}");
        }
    }
}

//! Patterns of policy: which files an entry is about.
//!
//! One dialect everywhere: that of CODEOWNERS, which is gitignore's with `docs/*` meaning the files directly in `docs`.
//! A matcher of its own, because regular expressions made of globs differ from it in braces, classes and separators, and cost
//! memory and time that whoever writes a policy would choose. Here a match costs at most the pattern's length times the
//! path's.

mod below;
mod component;
mod index;

use component::Component;
pub(crate) use index::GlobIndex;
use std::fmt;

/// Longest pattern in bytes: no path is longer.
const PATTERN_BYTES_MAX: usize = 1_024;

/// Most `*`, `?` and `[…]` of one pattern; each can make a match walk the path once more.
const WILDCARDS_MAX: usize = 32;

/// Why text is not a pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GlobError {
    /// Nothing is left of it.
    #[error("pattern is empty, `*` stands for every file")]
    Empty,
    /// It is too long.
    #[error("pattern has {bytes} bytes, at most {PATTERN_BYTES_MAX} are allowed")]
    TooLong {
        /// Its size.
        bytes: usize,
    },
    /// It would cost too much.
    #[error("pattern has {count} wildcards, at most {WILDCARDS_MAX} are allowed")]
    TooManyWildcards {
        /// How many.
        count: usize,
    },
    /// It starts with `!`.
    #[error(
        "patterns cannot be negated: write the exception on a line of its own after the pattern it is an exception to, or `\\!` for a name that starts so"
    )]
    Negated,
    /// Two slashes in a row, `.` or `..`.
    #[error("pattern has the component {component:?}, which no path has; it is relative to the root of the namespace")]
    Component {
        /// Which.
        component: String,
    },
    /// A bracket is not closed.
    #[error("`[` has no `]`; write `\\[` for the character")]
    OpenClass,
    /// A bracket holds nothing that could match.
    #[error("character range {range} is empty")]
    EmptyRange {
        /// Which.
        range: String,
    },
    /// `[:alpha:]` and the like.
    #[error("named character classes are not supported, list the characters, as in `[a-z]`")]
    NamedClass,
    /// Nothing follows the last backslash.
    #[error("pattern ends in a backslash; write `\\\\` for the character")]
    Dangling,
    /// Control characters.
    #[error("pattern has a control character")]
    ControlCharacter,
}

/// A pattern over paths of a namespace, anchored at its root.
///
/// Without a slash before its end it matches at any depth. What matches a directory covers everything below, unless the
/// pattern ends in `/*`. A trailing slash leaves out files of that name.
#[derive(Clone, PartialEq, Eq)]
pub struct PathGlob {
    pattern: String,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    /// Any number of components, none included.
    Gap,
    /// One component.
    One(Component),
}

impl PathGlob {
    /// Parses a pattern.
    pub fn parse(pattern: &str) -> Result<Self, GlobError> {
        if pattern.len() > PATTERN_BYTES_MAX {
            return Err(GlobError::TooLong { bytes: pattern.len() });
        }
        if pattern.chars().any(char::is_control) {
            return Err(GlobError::ControlCharacter);
        }
        if pattern.starts_with('!') {
            return Err(GlobError::Negated);
        }
        let parts = parts(pattern)?;
        let wildcards = |part: &Part| match part {
            Part::Gap => 1,
            Part::One(component) => component.wildcards(),
        };
        let count = parts.iter().map(wildcards).sum();
        if count > WILDCARDS_MAX {
            return Err(GlobError::TooManyWildcards { count });
        }
        Ok(Self { pattern: pattern.to_owned(), parts })
    }

    /// Returns the pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.pattern
    }

    /// Returns whether a file's path is one of those meant.
    pub fn matches(&self, path: &str) -> bool {
        let mut parts = self.parts.as_slice();
        let mut rest = Some(path);
        // Where to go on when what follows the last gap does not match: the gap takes one component more.
        let mut retry: Option<(&[Part], &str)> = None;
        loop {
            match (parts.split_first(), rest) {
                (None, None) => return true,
                (Some((Part::Gap, after)), _) => {
                    if after.is_empty() {
                        return true;
                    }
                    retry = rest.map(|rest| (after, rest));
                    parts = after;
                    continue;
                }
                (Some((Part::One(component), after)), Some(path)) => {
                    let (name, below) = split(path);
                    if component.matches(name) {
                        (parts, rest) = (after, below);
                        continue;
                    }
                }
                _ => {}
            }
            let Some((after, from)) = retry else { return false };
            let (_, Some(below)) = split(from) else { return false };
            retry = Some((after, below));
            (parts, rest) = (after, Some(below));
        }
    }

    /// Returns the plain name that the pattern starts with, be it at the root or at any depth; `None` when it starts with a
    /// wildcard.
    pub fn leading_name(&self) -> Option<&str> {
        match self.parts.iter().find(|part| **part != Part::Gap) {
            Some(Part::One(component)) => component.as_literal(),
            _ => None,
        }
    }
}

fn split(path: &str) -> (&str, Option<&str>) {
    path.split_once('/').map_or((path, None), |(name, below)| (name, Some(below)))
}

fn parts(pattern: &str) -> Result<Vec<Part>, GlobError> {
    let (body, is_directory) = match pattern.strip_suffix('/') {
        Some(body) => (body, true),
        None => (pattern, false),
    };
    let (body, is_anchored) = match body.strip_prefix('/') {
        Some(body) => (body, true),
        None => (body, body.contains('/')),
    };
    if body.is_empty() {
        return Err(GlobError::Empty);
    }
    let mut parts: Vec<Part> = if is_anchored { Vec::new() } else { vec![Part::Gap] };
    for component in body.split('/') {
        match component {
            "**" if parts.last() == Some(&Part::Gap) => {}
            "**" => parts.push(Part::Gap),
            "" | "." | ".." => return Err(GlobError::Component { component: component.to_owned() }),
            text => parts.push(Part::One(Component::parse(text)?)),
        }
    }
    let is_shallow = is_anchored && body.rsplit('/').next() == Some("*");
    // Something below is one component, then any number.
    if parts.last() == Some(&Part::Gap) {
        parts.pop();
        parts.extend([Part::One(Component::any()), Part::Gap]);
    }
    if is_directory {
        parts.extend([Part::One(Component::any()), Part::Gap]);
    } else if !is_shallow && parts.last() != Some(&Part::Gap) {
        parts.push(Part::Gap);
    }
    Ok(parts)
}

impl fmt::Debug for PathGlob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PathGlob({})", self.pattern)
    }
}

impl fmt::Display for PathGlob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.pattern)
    }
}

#[cfg(test)]
mod tests;

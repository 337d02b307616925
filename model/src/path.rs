//! Paths of files in a namespace.
//!
//! A path is checked once, here; whoever holds a [`ConfigPath`] may join it to a directory without looking again.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr, sync::Arc};
use unicode_normalization::is_nfc;

/// Bounds on a path. Defaults are those of the design; an installation may set others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PathLimits {
    /// Longest component in bytes; file systems refuse more.
    pub component_bytes_max: usize,
    /// Longest path in bytes.
    pub path_bytes_max: usize,
    /// Most components.
    pub depth_max: usize,
}

impl PathLimits {
    /// The bounds that hold where nothing else is set.
    pub const DEFAULT: Self = Self { component_bytes_max: 255, path_bytes_max: 1_024, depth_max: 32 };
}

impl Default for PathLimits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Why a path is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PathError {
    /// Nothing is left of it.
    #[error("path is empty")]
    Empty,
    /// It starts or ends with a slash or has two in a row.
    #[error("{path:?} has an empty component; write it relative to the root, with single slashes")]
    EmptyComponent {
        /// The path.
        path: String,
    },
    /// `.`, `..` or a spelling of `.git`.
    #[error("{path:?} has the component {component:?}, which is reserved")]
    Reserved {
        /// The path.
        path: String,
        /// The component.
        component: String,
    },
    /// Not printable.
    #[error("{path:?} has a control character")]
    ControlCharacter {
        /// The path.
        path: String,
    },
    /// Composed differently than NFC.
    #[error("{path:?} is not in Unicode normal form C; rename it to the composed form")]
    NotNormalised {
        /// The path.
        path: String,
    },
    /// A component is too long.
    #[error("{path:?} has a component of {bytes} bytes, at most {max} are allowed")]
    ComponentTooLong {
        /// The path.
        path: String,
        /// Its size.
        bytes: usize,
        /// The bound.
        max: usize,
    },
    /// The whole is too long.
    #[error("path of {bytes} bytes is too long, at most {max} are allowed: {path:?}")]
    TooLong {
        /// The beginning of the path.
        path: String,
        /// Its size.
        bytes: usize,
        /// The bound.
        max: usize,
    },
    /// Too many components.
    #[error("{path:?} is {depth} deep, at most {max} are allowed")]
    TooDeep {
        /// The path.
        path: String,
        /// Its depth.
        depth: usize,
        /// The bound.
        max: usize,
    },
}

/// Validated relative path: no empty, reserved or control components, NFC, within the default limits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ConfigPath(Arc<str>);

impl ConfigPath {
    /// Checks a path against the default limits.
    pub fn parse(path: &str) -> Result<Self, PathError> {
        Self::parse_within(path, &PathLimits::DEFAULT)
    }

    /// Checks a path against limits of the installation.
    pub fn parse_within(path: &str, limits: &PathLimits) -> Result<Self, PathError> {
        if path.is_empty() {
            return Err(PathError::Empty);
        }
        if path.len() > limits.path_bytes_max {
            let (bytes, max) = (path.len(), limits.path_bytes_max);
            return Err(PathError::TooLong { path: path.chars().take(80).collect(), bytes, max });
        }
        let depth = path.split('/').count();
        if depth > limits.depth_max {
            return Err(PathError::TooDeep { path: path.to_owned(), depth, max: limits.depth_max });
        }
        path.split('/').try_for_each(|component| check_component(path, component, limits))?;
        Ok(Self(path.into()))
    }

    /// Returns the path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Iterates the components.
    pub fn components(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('/')
    }

    /// Returns the last component.
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// Returns what follows the last dot of the file name, unless the dot starts it.
    pub fn extension(&self) -> Option<&str> {
        match self.file_name().rsplit_once('.') {
            Some((stem, extension)) if !stem.is_empty() => Some(extension),
            _ => None,
        }
    }

    /// Returns the directory it is in; `None` at the root.
    pub fn parent(&self) -> Option<Self> {
        self.0.rsplit_once('/').map(|(parent, _)| Self(parent.into()))
    }

    /// Returns the path of `name` in this directory.
    pub fn join(&self, name: &str) -> Result<Self, PathError> {
        Self::parse(&format!("{}/{name}", self.0))
    }

    /// Returns whether it is `prefix` or below it; the empty prefix covers everything.
    pub fn is_at_or_below(&self, prefix: &str) -> bool {
        let prefix = prefix.trim_end_matches('/');
        match self.0.strip_prefix(prefix) {
            Some(rest) => prefix.is_empty() || rest.is_empty() || rest.starts_with('/'),
            None => false,
        }
    }
}

/// Checks one component of `path`, which is named in errors.
pub fn check_component(path: &str, component: &str, limits: &PathLimits) -> Result<(), PathError> {
    let path = || path.to_owned();
    if component.is_empty() {
        return Err(PathError::EmptyComponent { path: path() });
    }
    if component == "." || component == ".." || is_dot_git(component) {
        return Err(PathError::Reserved { path: path(), component: component.to_owned() });
    }
    if component.chars().any(char::is_control) {
        return Err(PathError::ControlCharacter { path: path() });
    }
    if component.len() > limits.component_bytes_max {
        let (bytes, max) = (component.len(), limits.component_bytes_max);
        return Err(PathError::ComponentTooLong { path: path(), bytes, max });
    }
    if !is_nfc(component) {
        return Err(PathError::NotNormalised { path: path() });
    }
    Ok(())
}

/// Names that some file system takes for `.git`: other case, trailing dots or spaces, a stream or a path of Windows, the short
/// name of FAT, characters that HFS does not look at.
fn is_dot_git(component: &str) -> bool {
    let seen: String = component.chars().filter(|c| !is_overlooked(*c)).collect();
    let name = seen.split([':', '\\']).next().unwrap_or_default().trim_end_matches(['.', ' ']);
    name.eq_ignore_ascii_case(".git") || name.eq_ignore_ascii_case("git~1")
}

const fn is_overlooked(c: char) -> bool {
    matches!(c, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}')
}

impl fmt::Display for ConfigPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for ConfigPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl AsRef<std::path::Path> for ConfigPath {
    fn as_ref(&self) -> &std::path::Path {
        std::path::Path::new(&*self.0)
    }
}

impl FromStr for ConfigPath {
    type Err = PathError;

    fn from_str(path: &str) -> Result<Self, PathError> {
        Self::parse(path)
    }
}

impl TryFrom<String> for ConfigPath {
    type Error = PathError;

    fn try_from(path: String) -> Result<Self, PathError> {
        Self::parse(&path)
    }
}

impl From<ConfigPath> for String {
    fn from(path: ConfigPath) -> Self {
        path.0.as_ref().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leaves_the_root_or_hides_is_refused() {
        let deep = vec!["d"; 33].join("/");
        let long = format!("{}/{}", "a".repeat(250), "b".repeat(800));
        let wrong = [
            "",
            "/a",
            "a/",
            "a//b",
            "..",
            "a/../b",
            ".",
            ".git",
            "a/.GIT/config",
            "GIT~1",
            ".git. ",
            "a\nb",
            ".g\u{200c}it",
            ".git::$INDEX_ALLOCATION",
            ".git\\config",
            "\u{feff}.git",
        ];
        for path in wrong.into_iter().chain([deep.as_str(), long.as_str(), &"x".repeat(256)]) {
            assert!(ConfigPath::parse(path).is_err(), "{path:?}");
        }
    }

    #[test]
    fn ordinary_names_are_kept_as_they_are() {
        for path in ["a", ".configbus/owners", "with space/ü.yaml", ".gitignore", "日本/設定.json", "a.b/c"] {
            assert_eq!(ConfigPath::parse(path).unwrap().as_str(), path);
        }
    }

    #[test]
    fn decomposed_names_are_named() {
        let error = ConfigPath::parse("u\u{308}.yaml").unwrap_err();
        assert!(matches!(error, PathError::NotNormalised { .. }), "{error}");
    }

    #[test]
    fn parts_of_a_path() {
        let path = ConfigPath::parse("a/b.c/d.json").unwrap();
        assert_eq!((path.file_name(), path.extension()), ("d.json", Some("json")));
        assert_eq!(path.parent().unwrap().as_str(), "a/b.c");
        assert_eq!(path.parent().unwrap().parent().unwrap().parent(), None);
        assert_eq!(ConfigPath::parse(".hidden").unwrap().extension(), None);
        for (prefix, below) in [("", true), ("a", true), ("a/", true), ("a/b", false), ("a/b.c/d.json", true)] {
            assert_eq!(path.is_at_or_below(prefix), below, "{prefix}");
        }
    }
}

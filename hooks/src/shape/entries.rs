//! Entries of one directory as they are stored: what they are and how they are named.

use super::{join, path::path_finding};
use crate::{Finding, Rule, candidate::RawEntry};
use configbus_model::{EntryMode, PathLimits, check_component};
use std::borrow::Cow;

const SYMLINK: u32 = 0o120_000;
const SUBMODULE: u32 = 0o160_000;

/// Longest name that is shown, in bytes; one that is longer is told by its length alone.
const NAME_BYTES_SHOWN: usize = 4 << 10;

/// Finds what is wrong with the entries of `directory`, one after the other: there may be millions, and a report lists few.
pub(crate) fn check_entries<'a>(
    directory: &'a str,
    entries: &'a [RawEntry<'a>],
    limits: &'a PathLimits,
) -> impl Iterator<Item = Finding> + 'a {
    entries.iter().flat_map(|entry| [check_mode(directory, entry), check_name(directory, entry, limits)]).flatten()
}

fn check_mode(directory: &str, entry: &RawEntry<'_>) -> Option<Finding> {
    if EntryMode::from_git(entry.mode).is_some() {
        return None;
    }
    let path = join(directory, &shown(entry.name));
    Some(match entry.mode {
        SYMLINK => {
            let message = "is a symbolic link, which hosts do not deliver; commit the file it points to";
            Finding::new(Rule::Symlink, &path, message)
        }
        SUBMODULE => {
            let message = "is a submodule, which hosts do not deliver; commit its files";
            Finding::new(Rule::Submodule, &path, message)
        }
        mode => Finding::new(Rule::Mode, &path, "is neither a file nor a directory")
            .found(format!("mode {mode:o}"))
            .expected("100644, 100755 or 40000"),
    })
}

fn check_name(directory: &str, entry: &RawEntry<'_>, limits: &PathLimits) -> Option<Finding> {
    if entry.name.len() > NAME_BYTES_SHOWN {
        let path = join(directory, &shown(entry.name));
        let finding = Finding::new(Rule::PathLength, &path, "name is too long; shorten it");
        let (found, max) = (format!("{} bytes", entry.name.len()), limits.component_bytes_max);
        return Some(finding.found(found).expected(format!("at most {max}")));
    }
    let Ok(name) = std::str::from_utf8(entry.name) else {
        let path = join(directory, &String::from_utf8_lossy(entry.name));
        return Some(Finding::new(Rule::Name, &path, "name is not UTF-8; rename it"));
    };
    let path = join(directory, name);
    if name.contains('/') {
        return Some(Finding::new(Rule::Name, &path, "name has a slash; rename it"));
    }
    let error = check_component(&path, name, limits).err()?;
    Some(path_finding(&error, &path, limits))
}

/// The beginning of a name, printable.
fn shown(name: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(&name[..name.len().min(NAME_BYTES_SHOWN)])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_one(name: &[u8], mode: u32) -> Vec<Rule> {
        check_entries("d", &[RawEntry { name, mode }], &PathLimits::DEFAULT).map(|finding| finding.rule).collect()
    }

    #[test]
    fn files_and_directories_with_ordinary_names_pass() {
        for mode in [0o100_644, 0o100_664, 0o100_755, 0o040_000] {
            assert_eq!(check_one("with space.ü".as_bytes(), mode), []);
        }
    }

    #[test]
    fn other_modes_are_refused() {
        assert_eq!(check_one(b"a", SYMLINK), [Rule::Symlink]);
        assert_eq!(check_one(b"a", SUBMODULE), [Rule::Submodule]);
        assert_eq!(check_one(b"a", 0o100_600), [Rule::Mode]);
    }

    #[test]
    fn bad_names_are_refused() {
        let decomposed = "u\u{308}".as_bytes();
        for name in [b"..".as_slice(), b".", b".git", b".GIT", b"git~1", b"", b"a\nb", b"a/b", b"\xff", decomposed] {
            assert_eq!(check_one(name, 0o100_644), [Rule::Name], "{name:?}");
        }
        assert_eq!(check_one(&[b'a'; 256], 0o100_644), [Rule::PathLength]);
        assert_eq!(check_one(&[1; 100_000], 0o100_644), [Rule::PathLength]);
        assert_eq!(check_one(b"\xff", SYMLINK), [Rule::Symlink, Rule::Name]);
    }
}

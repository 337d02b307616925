//! `<old> <new> <reference>`, as Git writes it to pre-receive and proc-receive, and what it puts into the environment.

use super::error::HookError;
use crate::wire::{QuarantinePaths, ReferenceUpdate};
use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::{OsStrExt as _, OsStringExt as _},
    path::PathBuf,
};

/// Reads one line.
pub(super) fn parse_update(line: &[u8]) -> Result<ReferenceUpdate, HookError> {
    let wrong = || HookError::Input { what: "an update", found: String::from_utf8_lossy(line).into_owned() };
    let text = std::str::from_utf8(line).map_err(|_| wrong())?.trim_end_matches('\n');
    let mut words = text.splitn(3, ' ');
    let mut word = || words.next().filter(|word| !word.is_empty()).ok_or_else(wrong);
    let old = word()?.parse().map_err(|_| wrong())?;
    let new = word()?.parse().map_err(|_| wrong())?;
    Ok(ReferenceUpdate { old, new, reference: word()?.to_owned() })
}

/// Reads push options from the environment of pre-receive.
pub(super) fn push_options(variable: impl Fn(&str) -> Option<OsString>) -> Result<Vec<String>, HookError> {
    let wrong = |found: &OsStr| HookError::Input { what: "push options", found: found.to_string_lossy().into_owned() };
    let Some(count) = variable("GIT_PUSH_OPTION_COUNT") else { return Ok(Vec::new()) };
    let count: usize = count.to_str().and_then(|text| text.parse().ok()).ok_or_else(|| wrong(&count))?;
    let option = |at| variable(&format!("GIT_PUSH_OPTION_{at}")).ok_or_else(|| wrong(OsStr::new("one is missing")));
    (0..count).map(|at| option(at)?.into_string().map_err(|found| wrong(&found))).collect()
}

/// Reads where the pushed objects are from the environment of pre-receive.
pub(super) fn quarantine(variable: impl Fn(&str) -> Option<OsString>) -> Result<Option<QuarantinePaths>, HookError> {
    let Some(object_dir) = variable("GIT_QUARANTINE_PATH") else { return Ok(None) };
    let alternates = variable("GIT_ALTERNATE_OBJECT_DIRECTORIES").unwrap_or_default();
    let alternates = split_paths(alternates.as_bytes()).ok_or_else(|| HookError::Input {
        what: "object directories",
        found: alternates.to_string_lossy().into_owned(),
    })?;
    Ok(Some(QuarantinePaths { object_dir: object_dir.into(), alternates }))
}

/// Splits at colons. Git quotes a path as in C when it has a colon or begins with a quote.
fn split_paths(mut rest: &[u8]) -> Option<Vec<PathBuf>> {
    let mut paths = Vec::new();
    while !rest.is_empty() {
        let (path, after) = if rest[0] == b'"' {
            unquote(&rest[1..])?
        } else {
            let end = rest.iter().position(|byte| *byte == b':').unwrap_or(rest.len());
            (rest[..end].to_vec(), &rest[end..])
        };
        paths.push(OsString::from_vec(path).into());
        rest = match after {
            [] => after,
            [b':', after @ ..] => after,
            _ => return None,
        };
    }
    Some(paths)
}

/// Returns the path up to the closing quote and what follows it.
fn unquote(mut rest: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut path = Vec::new();
    loop {
        match rest {
            [b'"', after @ ..] => return Some((path, after)),
            [b'\\', a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', after @ ..] => {
                path.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
                rest = after;
            }
            [b'\\', escaped, after @ ..] => {
                path.push(unescape(*escaped)?);
                rest = after;
            }
            [byte, after @ ..] => {
                path.push(*byte);
                rest = after;
            }
            [] => return None,
        }
    }
}

fn unescape(escaped: u8) -> Option<u8> {
    Some(match escaped {
        b'a' => 7,
        b'b' => 8,
        b'f' => 12,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'v' => 11,
        b'\\' | b'"' => escaped,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use configbus_model::ObjectId;

    fn environment<'a>(pairs: &'a [(&str, &str)]) -> impl Fn(&str) -> Option<OsString> + 'a {
        move |name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into())
    }

    #[test]
    fn updates_are_read() {
        let (zero, one) = (ObjectId::ZERO, ObjectId::from_bytes([1; 20]));
        let update = parse_update(format!("{zero} {one} refs/heads/a b\n").as_bytes()).unwrap();
        assert_eq!(update, ReferenceUpdate { old: zero, new: one, reference: "refs/heads/a b".into() });
        for bad in ["", "x y z", &format!("{zero} {one}"), &format!("{zero} {one} ")] {
            assert!(parse_update(bad.as_bytes()).is_err(), "{bad:?}");
        }
        assert!(
            parse_update(
                format!("{zero} {one} refs/heads/")
                    .as_bytes()
                    .iter()
                    .chain(b"\xff")
                    .copied()
                    .collect::<Vec<_>>()
                    .as_slice()
            )
            .is_err()
        );
    }

    #[test]
    fn push_options_come_from_the_environment() {
        let pairs = [("GIT_PUSH_OPTION_COUNT", "2"), ("GIT_PUSH_OPTION_0", "a=b"), ("GIT_PUSH_OPTION_1", "")];
        assert_eq!(push_options(environment(&pairs)).unwrap(), ["a=b", ""]);
        assert_eq!(push_options(environment(&[])).unwrap(), [""; 0]);
        assert!(push_options(environment(&pairs[..2])).is_err());
        assert!(push_options(environment(&[("GIT_PUSH_OPTION_COUNT", "many")])).is_err());
    }

    #[test]
    fn object_directories_are_split_as_git_joins_them() {
        let pairs =
            [("GIT_QUARANTINE_PATH", "/q"), ("GIT_ALTERNATE_OBJECT_DIRECTORIES", r#"/a b:"/c:\"\303\274\n":/d"#)];
        let paths = quarantine(environment(&pairs)).unwrap().unwrap();
        assert_eq!(paths.object_dir, PathBuf::from("/q"));
        assert_eq!(paths.alternates, ["/a b", "/c:\"ü\n", "/d"].map(PathBuf::from));
        assert_eq!(quarantine(environment(&[])).unwrap(), None);
        for bad in ["\"/a", "\"/a\"b", "\"\\x\""] {
            let pairs = [("GIT_QUARANTINE_PATH", "/q"), ("GIT_ALTERNATE_OBJECT_DIRECTORIES", bad)];
            assert!(quarantine(environment(&pairs)).is_err(), "{bad}");
        }
    }
}

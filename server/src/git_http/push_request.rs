//! The beginning of a push: which references, with which options. The pack follows.
//!
//! Git hands objects of an accepted push over to the repository before anybody can decide otherwise, so whether it is a
//! dry run has to be known before Git begins.

use configbus_hooks::PushOptions;

/// Longest beginning: some thousand references with their names.
pub(super) const BEGINNING_BYTES_MAX: usize = 1024 * 1024;

/// How a line of Git's protocol begins.
const LENGTH_BYTES: usize = 4;

/// What is known of a push so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Beginning {
    /// The beginning is not over yet.
    Incomplete,
    /// It is, or is none that Git would read either.
    Complete { is_dry_run: bool },
}

/// Reads the beginning of a push, as much of it as is there.
pub(super) fn read(bytes: &[u8]) -> Beginning {
    let mut lines = Lines { rest: bytes };
    let mut has_options = false;
    loop {
        match lines.next() {
            Line::Missing => return Beginning::Incomplete,
            Line::Malformed => return Beginning::Complete { is_dry_run: false },
            Line::End if has_options => break,
            Line::End => return Beginning::Complete { is_dry_run: false },
            // Capabilities follow the first reference.
            Line::Content(line) => {
                let capabilities = line.split(|byte| *byte == 0).nth(1).unwrap_or_default();
                let mut capabilities = capabilities.split(|byte| matches!(byte, b' ' | b'\n'));
                has_options |= capabilities.any(|capability| capability == b"push-options");
            }
        }
    }
    let mut options = Vec::new();
    loop {
        match lines.next() {
            Line::Missing => return Beginning::Incomplete,
            Line::Malformed => return Beginning::Complete { is_dry_run: false },
            Line::End => break,
            Line::Content(line) => options.push(String::from_utf8_lossy(line.trim_ascii_end()).into_owned()),
        }
    }
    // Options that nobody understands refuse the push later.
    let is_dry_run = PushOptions::parse(&options).is_ok_and(|options| options.dry_run);
    Beginning::Complete { is_dry_run }
}

struct Lines<'a> {
    rest: &'a [u8],
}

enum Line<'a> {
    Content(&'a [u8]),
    End,
    Missing,
    Malformed,
}

impl<'a> Lines<'a> {
    fn next(&mut self) -> Line<'a> {
        let Some((length, _)) = self.rest.split_at_checked(LENGTH_BYTES) else { return Line::Missing };
        let length = std::str::from_utf8(length).ok().and_then(|text| usize::from_str_radix(text, 16).ok());
        match length {
            Some(0) => {
                self.rest = &self.rest[LENGTH_BYTES..];
                Line::End
            }
            Some(length) if length >= LENGTH_BYTES => match self.rest.split_at_checked(length) {
                Some((line, rest)) => {
                    self.rest = rest;
                    Line::Content(&line[LENGTH_BYTES..])
                }
                None => Line::Missing,
            },
            _ => Line::Malformed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(content: &str) -> String {
        format!("{:04x}{content}", content.len() + LENGTH_BYTES)
    }

    fn push(capabilities: &str, options: &[&str]) -> String {
        let ids = format!("{} {}", "0".repeat(40), "1".repeat(40));
        let mut text = line(&format!("{ids} refs/heads/main\0{capabilities}"));
        text += &line(&format!("{ids} refs/heads/b"));
        text += "0000";
        options.iter().for_each(|option| text += &line(option));
        text + if capabilities.contains("push-options") { "0000PACK" } else { "PACK" }
    }

    const CAPABLE: &str = " report-status-v2 side-band-64k push-options object-format=sha1 agent=git/2";

    #[test]
    fn a_dry_run_is_told_by_its_option_alone() {
        let is_dry_run = |text: &str| read(text.as_bytes()) == Beginning::Complete { is_dry_run: true };
        assert!(is_dry_run(&push(CAPABLE, &["dry-run"])) && is_dry_run(&push(CAPABLE, &["reason=x", "dry-run\n"])));
        for other in [push(CAPABLE, &[]), push(CAPABLE, &["reason=dry-run"]), push(" report-status", &[])] {
            assert_eq!(read(other.as_bytes()), Beginning::Complete { is_dry_run: false }, "{other}");
        }
        for probe in ["0000", "0003", "zzzz", "0008\0\0\0\0 dry-run"] {
            assert!(!is_dry_run(probe), "{probe}");
        }
    }

    #[test]
    fn a_part_of_the_beginning_is_no_verdict() {
        let text = push(CAPABLE, &["dry-run"]);
        let end = text.len() - "PACK".len();
        for cut in 0..end {
            assert_eq!(read(&text.as_bytes()[..cut]), Beginning::Incomplete, "{cut}");
        }
        assert_eq!(read(&text.as_bytes()[..end]), Beginning::Complete { is_dry_run: true });
    }
}

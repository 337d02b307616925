//! Private keys and access tokens in files.
//!
//! A bus copies every file to every host and keeps every version for ever, so a key that lands is a key that has to be
//! replaced. Only formats that can be told from everything else count: a prefix that its issuer chose for this purpose,
//! with its checksum where it has one and enough randomness where it has none. Guesses by the name of a field
//! (`password: …`) are left out: a gate that is often wrong is soon switched off.
//!
//! One linear-time pass over all patterns tells which occur at all; nearly always that is none.

mod checksum;
mod formats;
mod jwt;
mod mask;
mod pem;
mod randomness;
mod reopening;
mod scan;

pub(crate) use mask::redacted;
pub(crate) use reopening::AllowedSecrets;
pub(crate) use scan::SecretScan;

use mask::masked;

use crate::Rule;
use formats::{FORMATS, Format};
use regex::bytes::{Regex, RegexSet};
use std::{ops::Range, sync::LazyLock};

/// Bytes looked at to tell text from everything else, as Git does.
const TEXT_TOLD_BY_BYTES: usize = 8_000;

/// Most secrets found in one file; the message about the first is enough to act on.
const FOUND_PER_FILE_MAX: usize = 100;

/// A secret in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Secret {
    /// What kind.
    pub(crate) rule: Rule,
    /// Whose, in words.
    pub(crate) what: &'static str,
    /// Where in the content.
    pub(crate) place: Range<usize>,
}

static SET: LazyLock<RegexSet> =
    LazyLock::new(|| RegexSet::new(FORMATS.iter().map(|format| format.pattern)).expect("the patterns are constant"));

static PATTERNS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    let compile = |format: &Format| Regex::new(format.pattern).expect("the patterns are constant");
    FORMATS.iter().map(compile).collect()
});

/// Returns the secrets in a content, in order of place; none where it is not text.
pub(crate) fn secrets_in(content: &[u8]) -> Vec<Secret> {
    if content.iter().take(TEXT_TOLD_BY_BYTES).any(|byte| *byte == 0) {
        return Vec::new();
    }
    let mut found = Vec::new();
    for at in SET.matches(content) {
        let format = &FORMATS[at];
        let places = PATTERNS[at].find_iter(content).map(|hit| hit.range());
        let places = places.filter_map(|place| (format.verify)(content, place));
        let secrets = places.map(|place| Secret { rule: format.rule, what: format.what, place });
        found.extend(secrets.take(FOUND_PER_FILE_MAX));
    }
    found.sort_by_key(|secret| (secret.place.start, secret.place.end));
    found.dedup_by(|later, earlier| later.place.start < earlier.place.end);
    found.truncate(FOUND_PER_FILE_MAX);
    found
}

#[cfg(test)]
mod tests;

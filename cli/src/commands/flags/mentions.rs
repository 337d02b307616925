//! What the sources of programs name.
//!
//! A switch is unused when no source names it. Counting what programs ask would miss what is asked once a month, on another host, or by
//! programs that read the files themselves, and would cost each evaluation something; sources are there as a whole, in CI as well.

use crate::report::Failure;
use configbus_api::ErrorKind;
use std::{
    collections::HashSet,
    fs, io,
    path::{Path, PathBuf},
};

/// Larger files are no sources.
const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Folders of what was installed or built; hidden ones are passed over as well.
const NO_SOURCES: [&str; 2] = ["node_modules", "target"];

/// Endings of files that hold switches: among the files of the bus they are no sources.
const DOCUMENTS: [&str; 4] = ["json", "toml", "yaml", "yml"];

/// Words of all sources. A word goes as far as keys do: letters, digits, `_`, `-`, `.` and `/`.
#[derive(Debug, Default)]
pub(super) struct Mentions {
    words: HashSet<String>,
}

impl Mentions {
    /// Reads sources. Documents below the folder of the switches do not count.
    pub(super) fn read(sources: &[PathBuf], switches: &Path) -> Result<Self, Failure> {
        let mut mentions = Self::default();
        let switches = switches.canonicalize().unwrap_or_else(|_| switches.to_owned());
        for source in sources {
            let failed = |error: io::Error| {
                Failure::new(ErrorKind::NotFound, format!("failed to read sources in {}: {error}", source.display()))
            };
            let source = source.canonicalize().map_err(failed)?;
            mentions.walk(&source, &switches).map_err(failed)?;
        }
        Ok(mentions)
    }

    /// Returns whether a source names a switch, or behind a dot a part of it.
    pub(super) fn name(&self, key: &str) -> bool {
        // Of a key with other characters its words have to be there.
        let mut words = words(key.as_bytes()).peekable();
        words.peek().is_none() || words.all(|word| self.words.contains(word))
    }

    fn walk(&mut self, folder: &Path, switches: &Path) -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let (entry, is_switches) = (entry?, folder.starts_with(switches));
            let (path, name) = (entry.path(), entry.file_name());
            let name = name.to_string_lossy();
            let kind = entry.file_type()?;
            if name.starts_with('.') || NO_SOURCES.contains(&&*name) {
                continue;
            }
            if kind.is_dir() {
                self.walk(&path, switches)?;
            } else if kind.is_file() {
                let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
                if !(is_switches && DOCUMENTS.contains(&ending)) && entry.metadata()?.len() <= FILE_BYTES_MAX {
                    self.add(&fs::read(&path)?);
                }
            }
        }
        Ok(())
    }

    fn add(&mut self, content: &[u8]) {
        for word in words(content) {
            // `checkout/cart.batch` names `checkout/cart`, and `web/decider.new_db` names `new_db`.
            let ends = word.match_indices('.').map(|(at, _)| at).chain([word.len()]);
            let last = word.rsplit('.').next();
            for part in ends.map(|end| &word[..end]).chain(last) {
                if !self.words.contains(part) {
                    self.words.insert(part.to_owned());
                }
            }
        }
    }
}

fn words(content: &[u8]) -> impl Iterator<Item = &str> {
    let is_of_word = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-./".contains(byte) || !byte.is_ascii();
    let words = content.split(move |byte| !is_of_word(byte));
    let words = words.filter_map(|word| std::str::from_utf8(word).ok()).map(|word| word.trim_matches(['.', '/', '-']));
    words.filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_named_whole_or_by_their_parts() {
        let mut mentions = Mentions::default();
        mentions.add(
            br#"let batch = flags.handle("checkout/cart.batch", 20); decider.is_available('new-db'); f(`a key`)."#,
        );
        for (key, expected) in [
            ("checkout/cart.batch", true),
            ("checkout/cart", true),
            ("checkout", false),
            ("batch", true),
            ("cart.batch", false),
            ("new-db", true),
            ("new", false),
            ("a key", true),
            ("another key", false),
        ] {
            assert_eq!(mentions.name(key), expected, "{key}");
        }
    }
}

//! `owners`, line by line.

use super::{OWNERS, Translation};
use crate::{
    PathGlob,
    candidate::CandidateError,
    policy::{FOLDER, Owners, owners::words},
};
use bytes::Bytes;

/// Writes each line for the new root, in the same order, because the last one that matches counts. Lines about the policy
/// stay: whoever owns it owns its translation.
pub(super) fn translate(translation: &mut Translation<'_>) -> Result<(), CandidateError> {
    let Some(file) = (translation.part.read)(OWNERS)? else { return Ok(()) };
    let text = String::from_utf8_lossy(&file.content).into_owned();
    let mut lines = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let Some((at, pattern)) = words(line).next() else { continue };
        let Ok(glob) = PathGlob::parse(pattern) else { continue };
        if glob.leading_name() == Some(FOLDER) {
            lines.push(line.trim().to_owned());
            continue;
        }
        match glob.below(translation.part.prefix) {
            Ok(globs) => {
                translation.policy.dropped += usize::from(globs.is_empty());
                let owners = &line[at + pattern.len()..];
                lines.extend(globs.iter().map(|glob| format!("{glob}{owners}")));
            }
            Err(error) => translation.refuse(OWNERS, Some(number), format!("{pattern}: {error}")),
        }
    }
    if !lines.is_empty() {
        let text = format!("{}\n", lines.join("\n"));
        translation.policy.files.insert(OWNERS.to_owned(), text.into());
    }
    Ok(())
}

/// Has copies of files from elsewhere owned by whoever owns the originals.
pub(super) fn keep_copied(translation: &mut Translation<'_>, old: &Owners) {
    let line = |(to, from): (&String, &String)| {
        let owners = old.of(from).map(|line| line.owners_text().replace(" or ", " ")).unwrap_or_default();
        format!("{} {owners}", exactly(to)).trim_end().to_owned() + "\n"
    };
    let lines: String = translation.policy.copied.iter().map(line).collect();
    let before = translation.policy.files.get(OWNERS).cloned().unwrap_or_default();
    if !lines.is_empty() {
        let text = Bytes::from([before.as_ref(), lines.as_bytes()].concat());
        translation.policy.files.insert(OWNERS.to_owned(), text);
    }
}

/// Returns the pattern of one path.
fn exactly(path: &str) -> String {
    let mut pattern = String::from("/");
    for c in path.chars() {
        if c.is_whitespace() || "*?[]\\!#".contains(c) {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern
}

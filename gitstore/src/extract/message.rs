//! What a copied commit says: everything the original says, and what it is a copy of.

use crate::{
    Commit, Person, ReadError,
    read::{
        objects::{Objects, from_oid, to_oid},
        tree_lookup::TreeLookup as _,
    },
};
use configbus_model::{CommitId, ConfigPath, Namespace, Revision, TreeId};
use git2::Sort;

/// Names the original of a copied commit.
const ORIGIN: &str = "Split-From";

/// Names somebody who made a part of what a push brought, as Git's hosts know it.
const CO_AUTHOR: &str = "Co-authored-by";

/// Commits of a push that are looked at for their authors, and authors that are named.
const PUSHED_MAX: usize = 1_000;
const AUTHORS_MAX: usize = 50;

/// Headers of a commit that stay true in the copy. Signatures do not.
const KEPT: [&str; 3] = ["author ", "committer ", "encoding "];

/// Returns the lines to add to a copy of `original`, the one that names it last.
pub(super) fn trailers(
    objects: &Objects<'_>,
    original: &Commit,
    prefix: &ConfigPath,
    namespace: &Namespace,
    revision: Revision,
) -> Result<Vec<String>, ReadError> {
    let mut lines = Vec::new();
    for person in pushed_authors(objects, original, prefix)? {
        lines.push(format!("{CO_AUTHOR}: {} <{}>", person.name, person.email));
    }
    lines.push(format!("{ORIGIN}: {namespace} {revision} {}", original.id));
    Ok(lines)
}

/// Returns which commit a copy is of.
pub(super) fn origin(message: &str) -> Option<CommitId> {
    let (key, value) = message.trim_end().lines().next_back()?.split_once(": ")?;
    (key == ORIGIN).then(|| value.rsplit(' ').next()?.parse().ok())?
}

/// Returns the people whose commits a merge brought, as far as they changed something below the directory.
fn pushed_authors(objects: &Objects<'_>, merge: &Commit, prefix: &ConfigPath) -> Result<Vec<Person>, ReadError> {
    let [first, others @ ..] = merge.parents.as_slice() else { return Ok(Vec::new()) };
    let mut people: Vec<Person> = Vec::new();
    for commit in pushed(objects, *first, others)?.into_iter().rev() {
        let commit = objects.commit(commit)?;
        let before = commit.parents.first().map(|parent| objects.tree_of(*parent)).transpose()?;
        let is_new = commit.author != merge.author && !people.contains(&commit.author);
        if is_new && objects.differs_at(before.unwrap_or(TreeId::EMPTY), commit.tree, prefix)? {
            people.push(commit.author);
        }
    }
    people.truncate(AUTHORS_MAX);
    Ok(people)
}

/// Returns the commits that came with the other parents of a merge, newest first.
fn pushed(objects: &Objects<'_>, first: CommitId, others: &[CommitId]) -> Result<Vec<CommitId>, ReadError> {
    let walk = || {
        let mut walk = objects.repository().revwalk()?;
        walk.set_sorting(Sort::TOPOLOGICAL)?;
        others.iter().try_for_each(|other| walk.push(to_oid(*other)))?;
        walk.hide(to_oid(first))?;
        walk.take(PUSHED_MAX).map(|oid| Ok(from_oid(oid?).into())).collect::<Result<Vec<CommitId>, git2::Error>>()
    };
    if others.is_empty() {
        Ok(Vec::new())
    } else {
        walk().map_err(|source| ReadError::Walk { id: first.into(), source })
    }
}

/// Returns the copy of an encoded commit. People, dates and message stay byte for byte.
pub(super) fn rewritten(raw: &[u8], tree: TreeId, parent: Option<CommitId>, trailers: &[String]) -> Vec<u8> {
    let end = raw.windows(2).position(|pair| pair == b"\n\n").unwrap_or(raw.len());
    let message = raw.get(end + 2..).unwrap_or_default().trim_ascii_end();
    let mut content = format!("tree {tree}\n").into_bytes();
    if let Some(parent) = parent {
        content.extend(format!("parent {parent}\n").into_bytes());
    }
    for header in raw[..end].split(|byte| *byte == b'\n') {
        if KEPT.iter().any(|kept| header.starts_with(kept.as_bytes())) {
            content.extend([header, b"\n"].concat());
        }
    }
    content.extend([b"\n", message].concat());
    content.extend(if ends_in_trailers(message) { b"\n".as_slice() } else { b"\n\n" });
    content.extend(trailers.iter().flat_map(|line| [line.as_bytes(), b"\n"].concat()));
    content
}

/// Returns whether the last of several paragraphs is nothing but trailers already.
fn ends_in_trailers(message: &[u8]) -> bool {
    let text = String::from_utf8_lossy(message);
    let Some((_, last)) = text.rsplit_once("\n\n") else { return false };
    let is_trailer = |line: &str| {
        let is_key = |key: &str| !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        line.split_once(':').is_some_and(|(key, _)| is_key(key))
    };
    last.lines().all(is_trailer)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "00000000000000000000000000000000000000aa";

    #[test]
    fn a_copy_says_what_the_original_says_and_names_it() {
        let raw = b"tree 1\nparent 2\nparent 3\nauthor Zo\xeb <z@x> 5 +0130\ncommitter Bus <b@x> 6 +0000\n\
                    encoding latin1\ngpgsig -----BEGIN\n abc\n -----END\n\nLower it\n\nBecause.\n\n\n";
        let trailer = format!("Split-From: main r7 {ID}");
        let copy = rewritten(raw, TreeId::EMPTY, None, std::slice::from_ref(&trailer));
        let tree = format!("tree {}\n", TreeId::EMPTY);
        let expected = [
            tree.as_bytes(),
            b"author Zo\xeb <z@x> 5 +0130\ncommitter Bus <b@x> 6 +0000\nencoding latin1\n\nLower it\n\nBecause.\n\n",
            trailer.as_bytes(),
            b"\n",
        ];
        assert_eq!(copy, expected.concat());
        let message = String::from_utf8_lossy(&copy).into_owned();
        assert_eq!(origin(&message), Some(ID.parse().unwrap()));
    }

    #[test]
    fn trailers_stay_one_paragraph() {
        let raw = b"tree 1\nauthor A <a> 1 +0000\ncommitter A <a> 1 +0000\n\nSubject\n\nRequest-Id: 4\n";
        let copy = rewritten(raw, TreeId::EMPTY, None, &["Split-From: main r1 x".into()]);
        assert!(copy.ends_with(b"Subject\n\nRequest-Id: 4\nSplit-From: main r1 x\n"));
        assert_eq!(origin("Subject: x\n\nSplit-From: main r1 x\n"), None);
    }
}

//! Commits: what is read of them and what is written into them.

use crate::ReadError;
use configbus_model::{CommitId, TreeId};
use std::fmt::Write as _;

/// Who made a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Name as shown in history.
    pub name: String,
    /// Mail address, may be made up.
    pub email: String,
}

/// What a commit made by the bus says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitMeta {
    /// Whose change it is.
    pub author: Person,
    /// Who put it there.
    pub committer: Person,
    /// When, in milliseconds since the Unix epoch.
    pub time_ms: u64,
    /// Subject, body and trailers.
    pub message: String,
}

/// A commit as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Its identity.
    pub id: CommitId,
    /// Its content.
    pub tree: TreeId,
    /// What it builds on, first parent first.
    pub parents: Vec<CommitId>,
    /// Whose change it is.
    pub author: Person,
    /// When its author made it, by the author's clock.
    pub authored_ms: u64,
    /// Who put it there.
    pub committer: Person,
    /// When it was committed, by the committer's clock.
    pub committed_ms: u64,
    /// Subject, body and trailers.
    pub message: String,
}

impl Commit {
    /// Returns the first line of the message.
    pub fn subject(&self) -> &str {
        self.message.lines().next().unwrap_or_default()
    }
}

/// Encodes a commit as Git does. Names and message are cleaned of what Git's form cannot hold.
pub(crate) fn encode(tree: TreeId, parents: &[CommitId], meta: &CommitMeta) -> Vec<u8> {
    let seconds = meta.time_ms / 1_000;
    let mut text = format!("tree {tree}\n");
    for parent in parents {
        writeln!(text, "parent {parent}").expect("strings take all writes");
    }
    for (role, person) in [("author", &meta.author), ("committer", &meta.committer)] {
        let (name, email) = (clean(&person.name), clean(&person.email));
        let name = if name.is_empty() { "unknown" } else { &name };
        writeln!(text, "{role} {name} <{email}> {seconds} +0000").expect("strings take all writes");
    }
    let message = meta.message.replace('\0', "");
    writeln!(text, "\n{}", message.trim_end()).expect("strings take all writes");
    text.into_bytes()
}

/// Drops what would end the field, and around it what Git drops there itself.
fn clean(text: &str) -> String {
    let kept: String = text.chars().filter(|c| !c.is_control() && !matches!(c, '<' | '>')).collect();
    kept.trim_matches(|c: char| c.is_whitespace() || ".,:;\"\\'".contains(c)).to_owned()
}

/// Reads Git's form. Text that is not UTF-8 is shown as well as it can be.
pub(crate) fn parse(id: CommitId, encoded: &[u8]) -> Result<Commit, ReadError> {
    parse_headers(id, encoded).ok_or(ReadError::Commit { id })
}

fn parse_headers(id: CommitId, encoded: &[u8]) -> Option<Commit> {
    let end = encoded.windows(2).position(|pair| pair == b"\n\n").unwrap_or(encoded.len());
    let message = encoded.get(end + 2..).unwrap_or_default();
    let headers = String::from_utf8_lossy(&encoded[..end]);
    let mut lines = headers.lines().map(|line| line.split_once(' ').unwrap_or((line, ""))).peekable();
    let (_, tree) = lines.next().filter(|(key, _)| *key == "tree")?;
    let mut parents = Vec::new();
    while let Some((_, parent)) = lines.next_if(|(key, _)| *key == "parent") {
        parents.push(parent.parse().ok()?);
    }
    let (author, authored_ms) = parse_person(lines.next().filter(|(key, _)| *key == "author")?.1);
    let (committer, committed_ms) = parse_person(lines.next().filter(|(key, _)| *key == "committer")?.1);
    let message = String::from_utf8_lossy(message).into_owned();
    Some(Commit { id, tree: tree.parse().ok()?, parents, author, authored_ms, committer, committed_ms, message })
}

/// Reads `name <mail> seconds zone`; history holds all kinds of dates, and none of them makes a commit unreadable.
fn parse_person(text: &str) -> (Person, u64) {
    let (name, rest) = text.split_once('<').unwrap_or((text, ""));
    let (email, date) = rest.rsplit_once('>').unwrap_or((rest, ""));
    let seconds: u64 = date.split_whitespace().next().and_then(|seconds| seconds.parse().ok()).unwrap_or(0);
    let person = Person { name: name.trim().to_owned(), email: email.trim().to_owned() };
    (person, seconds.saturating_mul(1_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(name: &str, email: &str) -> Person {
        Person { name: name.into(), email: email.into() }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let (parent, author) = (CommitId::from_bytes([7; 20]), person("Zoë", "zoe@example.org"));
        let message = "Lower the limit\n\nBecause.\n\nRequest-Id: 4".to_owned();
        let meta = CommitMeta { committer: person("bus", "bus@x"), author, time_ms: 1_700_000_000_999, message };
        let commit = parse(parent, &encode(TreeId::EMPTY, &[parent], &meta)).unwrap();
        assert_eq!((commit.tree, &commit.parents[..]), (TreeId::EMPTY, &[parent][..]));
        assert_eq!((&commit.author, &commit.committer), (&meta.author, &meta.committer));
        assert_eq!((commit.authored_ms, commit.subject()), (1_700_000_000_000, "Lower the limit"));
        assert_eq!(commit.message, format!("{}\n", meta.message));
    }

    #[test]
    fn names_cannot_forge_headers() {
        let (name, email) = ("Eve <root@x> 1 +0000\ncommitter Root", "\u{0}e@x>\n");
        let meta = CommitMeta {
            author: person(name, email),
            committer: person(" . ", ""),
            time_ms: 5_000,
            message: "m\0\n".into(),
        };
        let text = String::from_utf8(encode(TreeId::EMPTY, &[], &meta)).unwrap();
        let lines: Vec<_> = text.lines().skip(1).collect();
        let expected =
            ["author Eve root@x 1 +0000committer Root <e@x> 5 +0000", "committer unknown <> 5 +0000", "", "m"];
        assert_eq!(lines, expected);
    }

    #[test]
    fn strange_history_stays_readable() {
        let id = CommitId::from_bytes([1; 20]);
        let raw = [
            format!("tree {}\nauthor nobody\ncommitter X <a>b> -5 +0100\ngpgsig -----\n more\n\nm", TreeId::EMPTY)
                .into_bytes(),
            vec![0xff],
        ]
        .concat();
        let commit = parse(id, &raw).unwrap();
        assert_eq!((commit.authored_ms, commit.committed_ms), (0, 0));
        assert_eq!((commit.committer.email.as_str(), commit.message.as_str()), ("a>b", "m\u{fffd}"));
        assert!(parse(id, b"tree 12\n\nm").is_err());
    }
}

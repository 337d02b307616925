//! Every object a push brings.

use bytes::Bytes;
use configbus_model::ObjectId;

/// An object that no accepted branch or tag reaches yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewObject {
    /// Its id.
    pub id: ObjectId,
    /// A path at which it occurs, raw; empty for root directories, `None` for commits, tags and for objects that nothing
    /// pushed refers to.
    pub path: Option<Vec<u8>>,
    /// What it is.
    pub content: NewContent,
}

/// What a new object is. Nothing is checked yet: directories may hold any mode and any name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NewContent {
    /// A commit in Git's encoding.
    Commit(Bytes),
    /// An annotated tag in Git's encoding.
    Tag(Bytes),
    /// A directory in Git's encoding; see [`raw_entries`].
    Tree(Bytes),
    /// A file's content, by its size; read it with [`crate::CandidateView::blob`].
    Blob {
        /// Its size.
        size_bytes: u64,
    },
}

/// One entry of a directory as it was pushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawEntry<'a> {
    /// Git's mode, such as `0o100644` or, for a symlink, `0o120000`.
    pub mode: u32,
    /// Any bytes but NUL.
    pub name: &'a [u8],
    /// What it names.
    pub id: ObjectId,
}

impl RawEntry<'_> {
    pub(crate) const DIRECTORY: u32 = 0o040_000;
    pub(crate) const SUBMODULE: u32 = 0o160_000;
}

/// Iterates the entries of a directory in Git's encoding; an item is `None`, and the last, where the encoding breaks.
pub fn raw_entries(encoded: &[u8]) -> impl Iterator<Item = Option<RawEntry<'_>>> {
    let mut rest = encoded;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let split = split_entry(rest);
        rest = split.map_or(&[], |(_, after)| after);
        Some(split.map(|(entry, _)| entry))
    })
}

fn split_entry(bytes: &[u8]) -> Option<(RawEntry<'_>, &[u8])> {
    let space = bytes.iter().take(8).position(|&b| b == b' ')?;
    let mode = u32::from_str_radix(std::str::from_utf8(&bytes[..space]).ok()?, 8).ok()?;
    let after_mode = &bytes[space + 1..];
    let nul = after_mode.iter().position(|&b| b == 0)?;
    let id = ObjectId::from_slice(after_mode.get(nul + 1..nul + 21)?)?;
    Some((RawEntry { mode, name: &after_mode[..nul], id }, &after_mode[nul + 21..]))
}

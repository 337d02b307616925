//! Listing directories.

use configbus_model::Entry;

/// What to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListQuery<'a> {
    /// Directory or file; empty for the root. A trailing slash is allowed.
    pub prefix: &'a str,
    /// All files below instead of the direct children.
    pub recursive: bool,
    /// Path of the last entry of the page before.
    pub after: Option<&'a str>,
    /// Most entries to return.
    pub limit: usize,
}

/// One page of entries, in Git's order (a directory sorts as if its name ended in `/`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Listing {
    /// The entries; files only when recursive.
    pub entries: Vec<Entry>,
    /// Whether there are more after these.
    pub more: bool,
}

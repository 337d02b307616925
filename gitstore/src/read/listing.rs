//! Listing directories, page by page.

use crate::{
    ReadError,
    read::{
        objects::Objects,
        tree_lookup::{DEPTH_MAX, TreeLookup},
    },
};
use configbus_model::{ConfigPath, Entry, EntryMode, ObjectId, TreeEntry, TreeId};
use std::cmp::Ordering;

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

pub(crate) fn list(objects: &Objects<'_>, root: TreeId, query: &ListQuery<'_>) -> Result<Option<Listing>, ReadError> {
    let prefix = query.prefix.trim_end_matches('/');
    let Some((mode, id)) = objects.find_prefix(root, prefix)? else { return Ok(None) };
    let after = query.after.map(|after| sort_key(objects, root, after)).transpose()?;
    let mut lister = Lister { objects, query, after, listing: Listing::default(), depth: 0 };
    if mode == EntryMode::Directory {
        lister.directory(prefix, id.into())?;
    } else {
        lister.entry(prefix, mode, id)?;
    }
    Ok(Some(lister.listing))
}

/// Returns what an entry sorts by; the last entry of a page may have been a directory.
fn sort_key(objects: &Objects<'_>, root: TreeId, path: &str) -> Result<Vec<u8>, ReadError> {
    let is_directory = matches!(objects.find_prefix(root, path)?, Some((EntryMode::Directory, _)));
    Ok(path.bytes().chain(is_directory.then_some(b'/')).collect())
}

struct Lister<'a> {
    objects: &'a Objects<'a>,
    query: &'a ListQuery<'a>,
    after: Option<Vec<u8>>,
    listing: Listing,
    depth: usize,
}

impl Lister<'_> {
    /// Returns whether there is room for more.
    fn directory(&mut self, path: &str, id: TreeId) -> Result<bool, ReadError> {
        if self.depth >= DEPTH_MAX {
            return Err(ReadError::TooDeep { path: path.chars().take(200).collect(), depth_max: DEPTH_MAX });
        }
        self.depth += 1;
        let tree = self.objects.tree(id)?;
        for TreeEntry { name, mode, id } in tree.entries() {
            let path = if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") };
            let room = match mode {
                EntryMode::Directory if self.query.recursive && self.reaches_past_after(&path) => {
                    self.directory(&path, id.into())?
                }
                EntryMode::Directory if self.query.recursive => true,
                _ => self.entry(&path, mode, id)?,
            };
            if !room {
                return Ok(false);
            }
        }
        self.depth -= 1;
        Ok(true)
    }

    fn entry(&mut self, path: &str, mode: EntryMode, id: ObjectId) -> Result<bool, ReadError> {
        if !self.is_past_after(path, mode) {
            return Ok(true);
        }
        if self.listing.entries.len() >= self.query.limit {
            self.listing.more = true;
            return Ok(false);
        }
        self.listing.entries.push(self.objects.entry_of(ConfigPath::parse(path)?, mode, id)?);
        Ok(true)
    }

    fn is_past_after(&self, path: &str, mode: EntryMode) -> bool {
        let slash = (mode == EntryMode::Directory).then_some(b'/');
        let is_past = |after: &Vec<u8>| path.bytes().chain(slash).cmp(after.iter().copied()) == Ordering::Greater;
        self.after.as_ref().is_none_or(is_past)
    }

    /// Whether a directory holds anything that sorts after the page before.
    fn reaches_past_after(&self, path: &str) -> bool {
        let directory = format!("{path}/").into_bytes();
        self.after.as_ref().is_none_or(|after| after.starts_with(&directory) || directory > *after)
    }
}

#[cfg(test)]
mod tests;

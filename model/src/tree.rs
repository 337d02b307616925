//! Git's encoding of one directory.
//!
//! Kept as the raw bytes it arrived in: they are what is hashed, they take 30 to 50 bytes an entry, and entries are
//! found by walking them. Format: `<octal mode> <name>\0<20 bytes of id>` per entry, sorted by name where a
//! directory sorts as if its name ended in `/` (gitformat-pack and `base_name_compare` in Git's sources).

use crate::{HashError, ObjectId, PathError, PathLimits, TreeId, check_component, tree_id};
use bytes::Bytes;
use std::{cmp::Ordering, collections::BTreeMap};

/// What an entry is. Symlinks and submodules have no mode here: no reader ever sees one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntryMode {
    /// Plain file.
    File,
    /// File that may be run.
    Executable,
    /// Directory.
    Directory,
}

impl EntryMode {
    /// Returns Git's spelling.
    pub const fn as_git(self) -> &'static str {
        match self {
            Self::File => "100644",
            Self::Executable => "100755",
            Self::Directory => "40000",
        }
    }

    /// Reads Git's spelling, old group-writable files included.
    pub fn from_git(mode: u32) -> Option<Self> {
        match mode {
            0o100_644 | 0o100_664 => Some(Self::File),
            0o100_755 => Some(Self::Executable),
            0o040_000 => Some(Self::Directory),
            _ => None,
        }
    }
}

/// Why bytes are not a directory that readers may see.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TreeError {
    /// Not Git's encoding.
    #[error("tree is malformed at byte {offset}")]
    Malformed {
        /// Where.
        offset: usize,
    },
    /// Symlink, submodule or something unknown.
    #[error("entry {name:?} has mode {mode:o}, only files and directories are delivered")]
    Mode {
        /// Which.
        name: String,
        /// Its mode.
        mode: u32,
    },
    /// Not sorted, or the same name twice.
    #[error("entry {name:?} is out of order or there twice")]
    Order {
        /// Which.
        name: String,
    },
    /// A name that could leave the directory.
    #[error("entry has an unsafe name")]
    Name(#[from] PathError),
    /// The content was made to collide.
    #[error(transparent)]
    Hash(#[from] HashError),
}

/// One entry of a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TreeEntry<'a> {
    /// Name within the directory.
    pub name: &'a str,
    /// What it is.
    pub mode: EntryMode,
    /// Id of the blob or tree.
    pub id: ObjectId,
}

/// One directory, checked: well-formed, sorted, only files and directories, only safe names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    encoded: Bytes,
}

impl Tree {
    /// Checks Git's encoding of a directory.
    pub fn parse(encoded: Bytes) -> Result<Self, TreeError> {
        let mut rest = &encoded[..];
        let mut previous: Option<(&str, EntryMode)> = None;
        while !rest.is_empty() {
            let offset = encoded.len() - rest.len();
            let (entry, after) = split_entry(rest).ok_or(TreeError::Malformed { offset })?;
            let (mode, name, _) = entry;
            let name = std::str::from_utf8(name).map_err(|_| TreeError::Malformed { offset })?;
            check_component(name, name, &PathLimits::DEFAULT)?;
            if name.contains('/') {
                return Err(TreeError::Malformed { offset });
            }
            let mode = EntryMode::from_git(mode).ok_or_else(|| TreeError::Mode { name: name.to_owned(), mode })?;
            if let Some((before, before_mode)) = previous {
                let sorted = git_order((before, before_mode), (name, mode)) == Ordering::Less && before != name;
                sorted.then_some(()).ok_or_else(|| TreeError::Order { name: name.to_owned() })?;
            }
            previous = Some((name, mode));
            rest = after;
        }
        Ok(Self { encoded })
    }

    /// Encodes entries, in any order. Names must be checked and distinct.
    pub fn build<'a>(entries: impl IntoIterator<Item = TreeEntry<'a>>) -> Self {
        let mut entries: Vec<_> = entries.into_iter().collect();
        entries.sort_by(|a, b| git_order((a.name, a.mode), (b.name, b.mode)));
        let mut encoded = Vec::new();
        for entry in entries {
            push_entry(&mut encoded, entry.name, entry.mode, entry.id);
        }
        Self { encoded: encoded.into() }
    }

    /// Iterates the entries in Git's order.
    pub fn entries(&self) -> impl Iterator<Item = TreeEntry<'_>> {
        let mut rest = &self.encoded[..];
        std::iter::from_fn(move || {
            let ((mode, name, id), after) = split_entry(rest)?;
            rest = after;
            Some(TreeEntry {
                name: std::str::from_utf8(name).expect("names were checked when the tree was parsed"),
                mode: EntryMode::from_git(mode).expect("modes were checked when the tree was parsed"),
                id,
            })
        })
    }

    /// Returns the entry with this name.
    pub fn get(&self, name: &str) -> Option<TreeEntry<'_>> {
        let mut rest = &self.encoded[..];
        while let Some((place, after)) = locate_entry(rest) {
            if place.name == name.as_bytes() {
                return self.entry_in(rest);
            }
            rest = after;
        }
        None
    }

    /// Returns the directory with some names changed: given an entry, it is put there, given none, it goes. Everything
    /// else is copied as it stands, which is what makes a change of one name in a large directory cheap.
    pub fn with(&self, changes: &BTreeMap<&str, Option<(EntryMode, ObjectId)>>) -> Self {
        let mut puts: Vec<_> = changes.iter().filter_map(|(name, at)| at.map(|(mode, id)| (*name, mode, id))).collect();
        puts.sort_by(|a, b| git_order((a.0, a.1), (b.0, b.1)));
        let mut puts = puts.into_iter().peekable();
        let mut encoded = Vec::with_capacity(self.encoded.len() + puts.len() * 64);
        let mut rest = &self.encoded[..];
        while let Some((place, after)) = locate_entry(rest) {
            while let Some((name, mode, id)) =
                puts.next_if(|put| raw_order((put.0.as_bytes(), put.1 == EntryMode::Directory), place.key()).is_lt())
            {
                push_entry(&mut encoded, name, mode, id);
            }
            let is_kept = !std::str::from_utf8(place.name).is_ok_and(|name| changes.contains_key(name));
            if is_kept {
                encoded.extend_from_slice(&rest[..rest.len() - after.len()]);
            }
            rest = after;
        }
        puts.for_each(|(name, mode, id)| push_entry(&mut encoded, name, mode, id));
        Self { encoded: encoded.into() }
    }

    fn entry_in<'a>(&self, bytes: &'a [u8]) -> Option<TreeEntry<'a>> {
        let ((mode, name, id), _) = split_entry(bytes)?;
        Some(TreeEntry {
            name: std::str::from_utf8(name).expect("names were checked when the tree was parsed"),
            mode: EntryMode::from_git(mode).expect("modes were checked when the tree was parsed"),
            id,
        })
    }

    /// Returns Git's encoding.
    pub fn as_bytes(&self) -> &Bytes {
        &self.encoded
    }

    /// Returns the id Git gives it.
    pub fn id(&self) -> Result<TreeId, HashError> {
        tree_id(&self.encoded)
    }

    /// Returns whether it has no entries.
    pub fn is_empty(&self) -> bool {
        self.encoded.is_empty()
    }
}

type RawEntry<'a> = (u32, &'a [u8], ObjectId);

fn split_entry(bytes: &[u8]) -> Option<(RawEntry<'_>, &[u8])> {
    let space = bytes.iter().take(8).position(|&b| b == b' ')?;
    let mode = u32::from_str_radix(std::str::from_utf8(&bytes[..space]).ok()?, 8).ok()?;
    let after_mode = &bytes[space + 1..];
    let nul = after_mode.iter().position(|&b| b == 0)?;
    let id = ObjectId::from_slice(after_mode.get(nul + 1..nul + 21)?)?;
    Some(((mode, &after_mode[..nul], id), &after_mode[nul + 21..]))
}

/// Where an entry's parts are, before anything of it is understood.
struct Place<'a> {
    name: &'a [u8],
    is_directory: bool,
}

impl<'a> Place<'a> {
    fn key(&self) -> (&'a [u8], bool) {
        (self.name, self.is_directory)
    }
}

fn locate_entry(bytes: &[u8]) -> Option<(Place<'_>, &[u8])> {
    let space = bytes.iter().take(8).position(|&b| b == b' ')?;
    let after_mode = &bytes[space + 1..];
    let nul = after_mode.iter().position(|&b| b == 0)?;
    let after = after_mode.get(nul + 1 + 20..)?;
    let is_directory = matches!(&bytes[..space], b"40000" | b"040000");
    Some((Place { name: &after_mode[..nul], is_directory }, after))
}

fn push_entry(encoded: &mut Vec<u8>, name: &str, mode: EntryMode, id: ObjectId) {
    encoded.extend_from_slice(mode.as_git().as_bytes());
    encoded.push(b' ');
    encoded.extend_from_slice(name.as_bytes());
    encoded.push(0);
    encoded.extend_from_slice(id.as_bytes());
}

fn git_order((a, a_mode): (&str, EntryMode), (b, b_mode): (&str, EntryMode)) -> Ordering {
    let is_directory = |mode| mode == EntryMode::Directory;
    raw_order((a.as_bytes(), is_directory(a_mode)), (b.as_bytes(), is_directory(b_mode)))
}

fn raw_order((a, a_is_directory): (&[u8], bool), (b, b_is_directory): (&[u8], bool)) -> Ordering {
    let shared = a.len().min(b.len());
    let next = |name: &[u8], is_directory: bool| match name.get(shared) {
        Some(byte) => Some(*byte),
        None => is_directory.then_some(b'/'),
    };
    a[..shared].cmp(&b[..shared]).then_with(|| {
        // Beyond a slash that is only thought, the longer name decides.
        next(a, a_is_directory).cmp(&next(b, b_is_directory)).then_with(|| a.len().cmp(&b.len()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, mode: EntryMode) -> TreeEntry<'_> {
        TreeEntry { name, mode, id: ObjectId::from_bytes([7; 20]) }
    }

    #[test]
    fn building_sorts_as_git_does_and_parses_back() {
        use EntryMode::{Directory, Executable, File};
        let tree = Tree::build([entry("a", Directory), entry("a.b", File), entry("a-b", Executable)]);
        let names: Vec<_> = tree.entries().map(|e| e.name.to_owned()).collect();
        assert_eq!(names, ["a-b", "a.b", "a"]);
        assert_eq!(Tree::parse(tree.as_bytes().clone()).unwrap(), tree);
        assert_eq!(tree.get("a").unwrap().mode, Directory);
        assert!(tree.get("b").is_none());
    }

    #[test]
    fn hostile_encodings_are_refused() {
        let raw = |mode: &str, name: &str| [mode.as_bytes(), b" ", name.as_bytes(), b"\0", &[1; 20]].concat();
        let cases: [Vec<u8>; 9] = [
            raw("120000", "link"),
            raw("160000", "module"),
            raw("100644", ".."),
            raw("100644", ".git"),
            raw("100644", "a/b"),
            raw("100644", ""),
            b"100644 cut\0abc".to_vec(),
            [raw("100644", "b"), raw("100644", "a")].concat(),
            [raw("100644", "a"), raw("100755", "a")].concat(),
        ];
        for bytes in cases {
            assert!(Tree::parse(bytes.clone().into()).is_err(), "{bytes:?}");
        }
    }

    /// Every directory over a few names that sort close together, and every change of two of them.
    #[test]
    fn changing_names_gives_what_building_anew_gives() {
        const NAMES: [&str; 5] = ["a", "a-b", "a.b", "a0", "b"];
        let states = [None, Some(EntryMode::File), Some(EntryMode::Directory)];
        let id = |state: usize| ObjectId::from_bytes([u8::try_from(state).unwrap(); 20]);
        let built = |code: usize| -> BTreeMap<&str, (EntryMode, ObjectId)> {
            let state = |at: usize| states[code / 3_usize.pow(u32::try_from(at).unwrap()) % 3];
            NAMES.iter().enumerate().filter_map(|(at, name)| Some((*name, (state(at)?, id(at))))).collect()
        };
        let tree = |entries: &BTreeMap<&str, (EntryMode, ObjectId)>| {
            Tree::build(entries.iter().map(|(name, (mode, id))| TreeEntry { name, mode: *mode, id: *id }))
        };
        for code in 0..3_usize.pow(5) {
            let before = built(code);
            for (first, second) in (0..15).flat_map(|first| (0..15).map(move |second| (first, second))) {
                let to = |step: usize| (NAMES[step % 5], states[step / 5].map(|mode| (mode, id(9))));
                let changes: BTreeMap<_, _> = [to(first), to(second)].into();
                let mut after = before.clone();
                for (name, change) in &changes {
                    match change {
                        Some(entry) => drop(after.insert(name, *entry)),
                        None => drop(after.remove(name)),
                    }
                }
                assert_eq!(tree(&before).with(&changes), tree(&after), "{before:?} with {changes:?}");
            }
        }
    }

    #[test]
    fn the_empty_tree_is_a_tree() {
        let tree = Tree::parse(Bytes::new()).unwrap();
        assert!(tree.is_empty());
        assert_eq!(tree.id().unwrap(), TreeId::EMPTY);
    }
}

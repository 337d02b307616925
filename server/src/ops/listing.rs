//! Listing a directory of the one path space, page by page, over all namespaces that are mounted in it.
//!
//! A page token names the revision of each namespace of the first page, so that the pages fit together. What is mounted
//! at a directory is a block of entries without others between them, and nothing of an outer namespace is in it; so the
//! namespaces are merged by the names of their entries, and none is read before its block is reached.

use super::read::{bounded, checked_prefix};
use crate::auth::Caller;
use crate::bus::Bus;
use crate::failure::Failure;
use crate::namespace::mounts_at;
use crate::path_space::Place;
use configbus_gitstore::{ListQuery, Listing, Store};
use configbus_model::{At, ConfigPath, Entry, EntryMode, Head, MountTable, Namespace, ObjectId, Revision, TreeId};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// Entries of one page of a listing, unless asked otherwise, and at most.
const PAGE_DEFAULT: usize = 1_000;
const PAGE_MAX: usize = 10_000;

/// What to list.
#[derive(Debug, Clone, Default)]
pub(crate) struct ListRequest {
    pub(crate) prefix: String,
    pub(crate) at: Option<At>,
    pub(crate) recursive: bool,
    pub(crate) page_size: usize,
    pub(crate) page_token: String,
}

/// One page of a listing.
pub(crate) struct ListPage {
    pub(crate) entries: Vec<Entry>,
    /// The namespace that has the directory.
    pub(crate) namespace: Namespace,
    pub(crate) head: Head,
    pub(crate) next_page_token: String,
}

/// Lists a directory.
pub(crate) async fn list(bus: &Bus, caller: &Caller, request: ListRequest) -> Result<ListPage, Failure> {
    let prefix = checked_prefix(&request.prefix)?;
    let path = Some(&prefix).filter(|prefix| !prefix.is_empty()).map(|prefix| ConfigPath::parse(prefix));
    let place = bus.place(caller, path.transpose().map_err(Failure::invalid)?.as_ref())?;
    let token = match request.page_token.as_str() {
        "" => None,
        token => Some(Token::parse(token)?),
    };
    let at = token.as_ref().map(|token| At::Revision(token.revision)).or(request.at);
    let head = place.live.head_or_point(at.as_ref()).await?;
    let mounts = mounts_then(bus, &place, &head, at.is_some()).await?;
    let limit = bounded(request.page_size, PAGE_DEFAULT, PAGE_MAX);
    let mut lister = Lister {
        after: token.as_ref().map(|token| token.after.clone()),
        limit,
        recursive: request.recursive,
        pinned: BTreeMap::new(),
        entries: Vec::new(),
        more: false,
    };
    let inner = lister.mounted_below(bus, caller, &place, &prefix, &mounts, token.as_ref(), at.as_ref(), &head).await?;
    let found = lister.run(&place, &head, &prefix, inner).await?;
    if !found {
        return Err(Failure::not_found(format!("{prefix} does not exist at {}", head.revision)));
    }
    let next_page_token = lister.token(head.revision);
    Ok(ListPage { entries: lister.entries, namespace: place.live.name.clone(), head, next_page_token })
}

/// Returns what was mounted where when a revision was the head.
async fn mounts_then(bus: &Bus, place: &Place, head: &Head, is_past: bool) -> Result<Arc<MountTable>, Failure> {
    if !is_past || place.live.name != Namespace::main() {
        return Ok(bus.namespaces.mounts());
    }
    let commit = head.commit;
    Ok(Arc::new(place.live.read(move |store| mounts_at(store, commit)).await?))
}

/// Where a page ended: `r5:last/path`, or `r5+traffic@r3:last/path` where other namespaces take part. A directory ends in a
/// slash: it sorts by it.
struct Token {
    revision: Revision,
    others: BTreeMap<Namespace, Revision>,
    after: String,
}

impl Token {
    fn parse(token: &str) -> Result<Self, Failure> {
        Self::try_parse(token).ok_or_else(|| Failure::invalid("page_token is none that a listing returned"))
    }

    fn try_parse(token: &str) -> Option<Self> {
        let (revisions, after) = token.split_once(':')?;
        let mut revisions = revisions.split('+');
        let revision = revisions.next()?.parse().ok()?;
        let other = |text: &str| {
            let (name, revision) = text.split_once('@')?;
            Some((Namespace::parse(name).ok()?, revision.parse().ok()?))
        };
        let others = revisions.map(other).collect::<Option<_>>()?;
        Some(Self { revision, others, after: after.to_owned() })
    }
}

/// A namespace that is mounted below the directory, at one of its revisions.
struct Mounted {
    place: Place,
    mounted_at: ConfigPath,
    head: Head,
}

struct Lister {
    /// Last entry of the page before.
    after: Option<String>,
    limit: usize,
    recursive: bool,
    /// Revisions of namespaces that take part beside the one that has the directory.
    pinned: BTreeMap<Namespace, Revision>,
    entries: Vec<Entry>,
    more: bool,
}

impl Lister {
    /// Returns the namespaces below a directory that the caller may read and that have a commit, in the order of their
    /// places.
    #[allow(clippy::too_many_arguments, reason = "each is another part of one question")]
    async fn mounted_below(
        &mut self,
        bus: &Bus,
        caller: &Caller,
        outer: &Place,
        prefix: &str,
        mounts: &MountTable,
        token: Option<&Token>,
        at: Option<&At>,
        head: &Head,
    ) -> Result<Vec<Mounted>, Failure> {
        let mut found = Vec::new();
        for mount in mounts.below(prefix).filter(|mount| mount.namespace != outer.live.name) {
            let Some(live) = bus.namespaces.get(&mount.namespace).filter(|live| caller.check(&live.name).is_ok())
            else {
                continue;
            };
            let then = match (token, at) {
                (Some(token), _) => match token.others.get(&mount.namespace) {
                    Some(revision) => live.head_at(Some(*revision)).await.map(Some)?,
                    None => None,
                },
                (None, Some(_)) => live.head_at_point(&At::Time(head.time_ms)).await.ok(),
                (None, None) => live.board.current(),
            };
            if let Some(head) = then {
                self.pinned.insert(mount.namespace.clone(), head.revision);
                let (path, mounted_at) = (None, mount.prefix.clone());
                found.push(Mounted {
                    place: Place { live, mounted_at: Some(mounted_at.clone()), path },
                    mounted_at,
                    head,
                });
            }
        }
        found.sort_by_key(|mounted| key(mounted.mounted_at.as_str(), true));
        Ok(found)
    }

    /// Fills the page; returns whether the directory is there.
    async fn run(&mut self, outer: &Place, head: &Head, prefix: &str, inner: Vec<Mounted>) -> Result<bool, Failure> {
        let has_inner = !inner.is_empty();
        let mut sources = vec![Source::new(outer.clone(), head, outer.prefix(), Vec::new())];
        if self.recursive {
            let block = |mounted: Mounted| {
                let start = key(mounted.mounted_at.as_str(), true);
                Source::new(mounted.place, &mounted.head, String::new(), start)
            };
            sources.extend(inner.into_iter().map(block));
        } else {
            sources.push(Source::of(children(prefix, &inner)));
        }
        let mut found = false;
        for source in &mut sources {
            source.skip_to(self.after.as_deref());
        }
        if self.recursive {
            // The one that has the directory says whether it is there; the others are read when they are reached.
            found |= sources[0].fill(self.limit, true).await?;
        } else {
            for source in &mut sources {
                found |= source.fill(self.limit, false).await?;
            }
        }
        while let Some(next) = next_source(&sources) {
            if !sources[next].is_filled() {
                sources[next].fill(self.limit, self.recursive).await?;
                continue;
            }
            let Some(entry) = sources[next].entries.pop_front() else { continue };
            if self.entries.last().is_some_and(|last| last.path == entry.path) {
                continue;
            }
            if self.entries.len() == self.limit {
                self.more = true;
                break;
            }
            self.entries.push(entry);
        }
        Ok(found || has_inner)
    }

    fn token(&self, revision: Revision) -> String {
        let Some(last) = self.entries.last().filter(|_| self.more) else { return String::new() };
        let others: String = self.pinned.iter().map(|(name, revision)| format!("+{name}@{revision}")).collect();
        let slash = if last.mode == EntryMode::Directory { "/" } else { "" };
        format!("{revision}{others}:{}{slash}", last.path)
    }
}

/// What an entry sorts by: a directory as if its name ended in a slash.
fn key(path: &str, is_directory: bool) -> Vec<u8> {
    path.bytes().chain(is_directory.then_some(b'/')).collect()
}

fn key_of(entry: &Entry) -> Vec<u8> {
    key(entry.path.as_str(), entry.mode == EntryMode::Directory)
}

/// Entries of one namespace, in order.
struct Source {
    /// Absent where all entries are there already.
    from: Option<(Place, Head, String)>,
    /// Before any of its entries.
    start: Vec<u8>,
    entries: VecDeque<Entry>,
    /// Last entry that was read, by the namespace's own name.
    after: Option<String>,
    /// Whether the namespace may have more than what is here.
    more: bool,
}

impl Source {
    fn new(place: Place, head: &Head, directory: String, start: Vec<u8>) -> Self {
        let from = Some((place, head.clone(), directory));
        Self { from, start, entries: VecDeque::new(), after: None, more: true }
    }

    fn of(entries: Vec<Entry>) -> Self {
        Self { from: None, start: Vec::new(), entries: entries.into(), after: None, more: false }
    }

    /// Leaves out what earlier pages had.
    fn skip_to(&mut self, after: Option<&str>) {
        let Some(after) = after else { return };
        let Some((place, _, _)) = &self.from else {
            self.entries.retain(|entry| key_of(entry).as_slice() > after.as_bytes());
            return;
        };
        let last = after;
        let after = after.trim_end_matches('/');
        match &place.mounted_at {
            None => self.after = Some(after.to_owned()),
            Some(mounted_at) => match after.strip_prefix(mounted_at.as_str()).and_then(|rest| rest.strip_prefix('/')) {
                Some(within) => self.after = Some(within.to_owned()),
                // The whole block comes before it, or the whole block after it.
                None => self.more = key(mounted_at.as_str(), true).as_slice() > last.as_bytes(),
            },
        }
    }

    fn is_filled(&self) -> bool {
        !self.entries.is_empty() || !self.more
    }

    /// Returns by what it is merged: its next entry, or the place before all of them.
    fn next_key(&self) -> Option<Vec<u8>> {
        match self.entries.front() {
            Some(entry) => Some(key_of(entry)),
            None => self.more.then(|| self.after.as_ref().map_or_else(|| self.start.clone(), |_| self.resumed_key())),
        }
    }

    fn resumed_key(&self) -> Vec<u8> {
        let (Some(after), Some((place, _, _))) = (&self.after, &self.from) else { return self.start.clone() };
        match &place.mounted_at {
            Some(mounted_at) => key(&format!("{mounted_at}/{after}"), false),
            None => key(after, false),
        }
    }

    /// Reads the next entries. Returns whether the directory is there.
    async fn fill(&mut self, limit: usize, recursive: bool) -> Result<bool, Failure> {
        let Some((place, head, directory)) = &self.from else { return Ok(false) };
        if !self.more {
            return Ok(false);
        }
        let (commit, directory, after) = (head.commit, directory.clone(), self.after.clone());
        let list = move |store: &Store| {
            let query = ListQuery { prefix: &directory, recursive, after: after.as_deref(), limit };
            store.list(commit, &query)
        };
        let Some(Listing { entries, more }) = place.live.read(list).await? else {
            self.more = false;
            return Ok(false);
        };
        self.more = more;
        self.after = entries.last().map(|entry| entry.path.to_string()).or(self.after.take());
        self.entries.extend(entries.into_iter().map(|entry| place.entry(entry)));
        Ok(true)
    }
}

/// Returns the source whose entry is next. Of two with the same name the first is taken.
fn next_source(sources: &[Source]) -> Option<usize> {
    let keys = sources.iter().enumerate().filter_map(|(index, source)| Some((source.next_key()?, index)));
    keys.min().map(|(_, index)| index)
}

/// Returns the directories that a listing shows because namespaces are mounted there or below.
fn children(prefix: &str, inner: &[Mounted]) -> Vec<Entry> {
    let skip = if prefix.is_empty() { 0 } else { prefix.len() + 1 };
    let mut children: BTreeMap<ConfigPath, ObjectId> = BTreeMap::new();
    for mounted in inner {
        let path = mounted.mounted_at.as_str();
        let Some(rest) = path.get(skip..) else { continue };
        let (name, is_here) = rest.split_once('/').map_or((rest, true), |(name, _)| (name, false));
        let Ok(child) = ConfigPath::parse(&path[..skip + name.len()]) else { continue };
        let id = if is_here { mounted.head.tree.object_id() } else { TreeId::EMPTY.object_id() };
        let known = children.entry(child).or_insert(id);
        if is_here {
            *known = id;
        }
    }
    let entry = |(path, id)| Entry { path, mode: EntryMode::Directory, id, size_bytes: 0 };
    let mut entries: Vec<Entry> = children.into_iter().map(entry).collect();
    entries.sort_by_key(key_of);
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_as_it_was_written() {
        let token = Token::parse("r5+ads@r2+traffic@r3:a:b/c").unwrap();
        assert_eq!((token.revision, token.after.as_str()), (Revision(5), "a:b/c"));
        let others: Vec<String> = token.others.iter().map(|(name, revision)| format!("{name} {revision}")).collect();
        assert_eq!(others, ["ads r2", "traffic r3"]);
        assert!(Token::parse("r5:x").unwrap().others.is_empty());
        for wrong in ["r5", "x:y", "r5+traffic:x", "r5+Main@r3:x"] {
            assert!(Token::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn entries_come_in_the_order_of_their_names_whoever_has_them() {
        let file = |path: &str| Entry {
            path: path.parse().unwrap(),
            mode: EntryMode::File,
            id: ObjectId::ZERO,
            size_bytes: 0,
        };
        let mut sources = [Source::of(vec![file("a"), file("c/x")]), Source::of(vec![file("b"), file("c.json")])];
        let mut order = Vec::new();
        while let Some(next) = next_source(&sources) {
            order.push(sources[next].entries.pop_front().unwrap().path.to_string());
        }
        assert_eq!(order, ["a", "b", "c.json", "c/x"]);
    }
}

//! Where a watch stands: what it has yielded, and where a new stream must start. Pure.
//!
//! Within one stream the server tells everything once and in order. What needs care is the seam between two streams,
//! and a large difference that comes in parts: all parts but the last carry the head they start from, and if the stream
//! breaks among them, the next one tells them all again. So parts are put together before anything is yielded.

use crate::Update;
use configbus_model::{Change, Namespace, Position, Revision};
use configbus_proto::convert::WireError;
use std::collections::BTreeMap;

/// Most changes of one difference, so that a server that never ends one cannot fill the memory.
const CHANGES_MAX: usize = 2_000_000;

/// What a watch remembers of each namespace that it is told of.
#[derive(Debug, Clone)]
pub(crate) struct WatchCursors {
    from: Option<Revision>,
    of: BTreeMap<Namespace, WatchCursor>,
}

/// What the next stream must be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Resume {
    /// In the namespace that the query names.
    pub(crate) from: Option<Revision>,
    /// In each that was told of.
    pub(crate) of: BTreeMap<Namespace, Revision>,
}

impl WatchCursors {
    /// Starts after `from`; nothing stands for the head, revision 0 for the empty namespace.
    pub(crate) fn after(from: Option<Revision>) -> Self {
        Self { from, of: BTreeMap::new() }
    }

    /// Forgets what the stream before left incomplete and returns what the next one must be asked for.
    pub(crate) fn resume(&mut self, asked: &Namespace) -> Resume {
        let resumed = self.of.iter_mut().filter_map(|(name, cursor)| Some((name.clone(), cursor.resume()?)));
        let of: BTreeMap<_, _> = resumed.collect();
        let from = of.get(asked).copied().or(self.from);
        Resume { from, of }
    }

    /// Takes a message and returns what is to be yielded.
    pub(crate) fn take(&mut self, update: Update) -> Result<Option<Update>, WireError> {
        let cursor = self.of.entry(update.head.namespace.clone()).or_insert_with(|| WatchCursor::after(None));
        cursor.take(update)
    }
}

/// What a watch remembers of one namespace.
#[derive(Debug, Clone)]
struct WatchCursor {
    from: Option<Revision>,
    yielded: Option<Position>,
    /// Changes of a difference that is not complete.
    parts: Vec<Change>,
    /// Base and target of the last difference on this stream.
    last: Option<(Revision, Position)>,
}

impl WatchCursor {
    /// Starts after `from`; nothing stands for the head, revision 0 for the empty namespace.
    fn after(from: Option<Revision>) -> Self {
        Self { from, yielded: None, parts: Vec::new(), last: None }
    }

    /// Forgets what the stream before left incomplete and returns what the next one must be asked for. Before anything
    /// was yielded nothing can be lost, so the first question is asked again as it was.
    fn resume(&mut self) -> Option<Revision> {
        self.parts.clear();
        self.last = None;
        self.yielded.map(|position| position.revision).or(self.from)
    }

    /// Takes a message and returns what is to be yielded.
    fn take(&mut self, update: Update) -> Result<Option<Update>, WireError> {
        let position = update.head.head.position();
        if update.moved.is_some() {
            return Ok(Some(self.complete(position, update)));
        }
        if update.is_heartbeat() {
            let news = self.parts.is_empty() && self.yielded.is_none_or(|yielded| position >= yielded);
            return Ok(news.then(|| self.complete(position, update)));
        }
        if self.parts.len() + update.changes.len() > CHANGES_MAX {
            return Err(WireError::new("changes", format!("one difference has more than {CHANGES_MAX}")));
        }
        if update.from == position.revision {
            self.parts.extend(update.changes);
            return Ok(None);
        }
        // Of an empty namespace's first revision every part carries that revision: it has no base to carry.
        let continues = self.last == Some((update.from, position));
        let news = continues || self.yielded.is_none_or(|yielded| position > yielded);
        let mut changes = std::mem::take(&mut self.parts);
        changes.extend(update.changes);
        self.last = Some((update.from, position));
        Ok(news.then(|| self.complete(position, Update { changes, ..update })))
    }

    fn complete(&mut self, position: Position, update: Update) -> Update {
        self.yielded = Some(position);
        update
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NamespaceHead;
    use configbus_model::{CommitId, ConfigPath, Entry, EntryMode, Epoch, Head, ObjectId, TreeId};

    fn heartbeat(epoch: u64, revision: u64) -> Update {
        let (epoch, revision) = (Epoch(epoch), Revision(revision));
        let commit = CommitId::from_bytes([7; 20]);
        let head = Head { epoch, revision, commit, tree: TreeId::EMPTY, time_ms: 0, traceparent: None };
        Update {
            head: NamespaceHead { namespace: Namespace::main(), head },
            from: revision,
            changes: Vec::new(),
            moved: None,
        }
    }

    fn change(from: u64, to: u64, path: &str) -> Update {
        let path = ConfigPath::parse(path).unwrap();
        let entry = Entry { path, mode: EntryMode::File, id: ObjectId::ZERO, size_bytes: 0 };
        Update { from: Revision(from), changes: vec![Change::Added(entry)], ..heartbeat(1, to) }
    }

    /// Returns the paths that are yielded; a heartbeat yields none of them.
    fn take(cursor: &mut WatchCursor, update: Update) -> Option<Vec<String>> {
        let yielded = cursor.take(update).unwrap()?;
        Some(yielded.changes.iter().map(|change| change.path().to_string()).collect())
    }

    fn paths(paths: &[&str]) -> Option<Vec<String>> {
        Some(paths.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn what_was_yielded_is_not_yielded_again_by_the_next_stream() {
        let mut cursor = WatchCursor::after(Some(Revision(3)));
        assert_eq!(cursor.resume(), Some(Revision(3)));
        assert_eq!(take(&mut cursor, change(3, 5, "a")), paths(&["a"]));
        assert_eq!(cursor.resume(), Some(Revision(5)));
        assert_eq!(take(&mut cursor, change(3, 5, "a")), None);
        assert_eq!(take(&mut cursor, heartbeat(1, 4)), None);
        assert_eq!(take(&mut cursor, heartbeat(1, 5)), paths(&[]));
        assert_eq!(take(&mut cursor, change(5, 6, "b")), paths(&["b"]));
    }

    #[test]
    fn parts_are_yielded_together_or_after_a_break_from_their_beginning() {
        let mut cursor = WatchCursor::after(Some(Revision(4)));
        assert_eq!(take(&mut cursor, heartbeat(1, 4)), paths(&[]));
        assert_eq!(take(&mut cursor, change(4, 4, "a")), None);
        assert_eq!(cursor.resume(), Some(Revision(4)));
        for part in ["a", "b"] {
            assert_eq!(take(&mut cursor, change(4, 4, part)), None);
        }
        assert_eq!(take(&mut cursor, change(4, 5, "c")), paths(&["a", "b", "c"]));
        assert_eq!(cursor.resume(), Some(Revision(5)));
    }

    #[test]
    fn each_namespace_is_resumed_where_it_was() {
        let (main, traffic) = (Namespace::main(), Namespace::parse("traffic").unwrap());
        let of = |namespace: &Namespace, update: Update| {
            let head = NamespaceHead { namespace: namespace.clone(), ..update.head };
            Update { head, ..update }
        };
        let mut cursors = WatchCursors::after(Some(Revision(3)));
        assert_eq!(cursors.resume(&main), Resume { from: Some(Revision(3)), of: BTreeMap::new() });
        assert!(cursors.take(of(&main, change(3, 9, "a"))).unwrap().is_some());
        assert!(cursors.take(of(&traffic, change(1, 2, "b"))).unwrap().is_some());
        let told = BTreeMap::from([(main.clone(), Revision(9)), (traffic.clone(), Revision(2))]);
        assert_eq!(cursors.resume(&main), Resume { from: Some(Revision(9)), of: told });
        assert!(cursors.take(of(&traffic, change(1, 2, "b"))).unwrap().is_none());
        let moved = Update { moved: Some(ConfigPath::parse("traffic").unwrap()), ..of(&traffic, heartbeat(1, 2)) };
        assert!(cursors.take(moved).unwrap().is_some());
    }

    #[test]
    fn all_parts_of_a_first_revision_are_yielded() {
        let mut cursor = WatchCursor::after(None);
        assert_eq!(take(&mut cursor, change(0, 1, "a")), paths(&["a"]));
        assert_eq!(take(&mut cursor, change(0, 1, "b")), paths(&["b"]));
    }

    #[test]
    fn what_lands_first_in_an_empty_namespace_is_not_missed_by_the_next_stream() {
        let mut cursor = WatchCursor::after(None);
        assert_eq!(cursor.resume(), None);
        assert_eq!(take(&mut cursor, heartbeat(1, 0)), paths(&[]));
        assert_eq!(cursor.resume(), Some(Revision::ZERO));
        assert_eq!(take(&mut cursor, change(0, 1, "a")), paths(&["a"]));
    }

    #[test]
    fn a_restored_server_is_followed_into_its_new_epoch() {
        let mut cursor = WatchCursor::after(None);
        assert_eq!(take(&mut cursor, change(99, 100, "a")), paths(&["a"]));
        let restored = Update { head: heartbeat(2, 95).head, ..change(94, 95, "b") };
        assert_eq!(take(&mut cursor, restored), paths(&["b"]));
        assert_eq!(take(&mut cursor, change(100, 101, "c")), None);
    }
}

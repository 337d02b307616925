//! Compare-and-set, the comparing half. Pure.

use bytes::Bytes;
use configbus_model::{BlobId, ConfigPath, EntryMode, ObjectId, Revision};
use std::collections::BTreeSet;

/// What the writer believes is at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Expected {
    /// This content.
    Blob(BlobId),
    /// Nothing.
    Absent,
    /// Something, whatever it is.
    Present,
    /// Anything or nothing.
    Any,
    /// The same as at this revision.
    UnchangedSince(Revision),
    /// Whatever it is, as long as nothing in the whole namespace has changed since this revision.
    TreeUnchangedSince(Revision),
}

/// What the writer wants to be at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// This content; without a mode the present one is kept.
    File {
        /// The whole file.
        content: Bytes,
        /// Plain or executable.
        mode: Option<EntryMode>,
    },
    /// Nothing.
    Deleted,
}

/// One edit of a compare-and-set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Edit {
    /// The file.
    pub(crate) path: ConfigPath,
    /// Checked against the running head.
    pub(crate) expected: Expected,
    /// Applied when every expectation of the request holds.
    pub(crate) wanted: Wanted,
}

/// An expectation that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mismatch {
    pub(crate) path: ConfigPath,
    pub(crate) current: Option<ObjectId>,
    /// The revisions that were expected and found, when the whole namespace should not have changed.
    pub(crate) moved: Option<(Revision, Revision)>,
}

/// What is at a path.
pub(crate) type At = (EntryMode, ObjectId);

/// Returns the mismatch of one edit with what is there now. `before` is what was there at the revision that
/// [`Expected::UnchangedSince`] names and is not looked at otherwise.
pub(crate) fn compare(edit: &Edit, current: Option<At>, before: Option<At>) -> Option<Mismatch> {
    let holds = match &edit.expected {
        Expected::Any => true,
        Expected::Absent => current.is_none(),
        Expected::Present => current.is_some(),
        Expected::Blob(blob) => current.is_some_and(|(_, id)| id == blob.object_id()),
        Expected::UnchangedSince(_) => current == before,
        // It is about no path, and judged before any.
        Expected::TreeUnchangedSince(_) => true,
    };
    (!holds).then(|| Mismatch { path: edit.path.clone(), current: current.map(|(_, id)| id), moved: None })
}

/// Returns a path that two edits name: their order would decide, and a request has none.
pub(crate) fn first_duplicate(edits: &[Edit]) -> Option<&ConfigPath> {
    let mut seen = BTreeSet::new();
    edits.iter().map(|edit| &edit.path).find(|path| !seen.insert(*path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(id: u8) -> At {
        (EntryMode::File, ObjectId::from_bytes([id; 20]))
    }

    fn edit(expected: Expected) -> Edit {
        Edit { path: ConfigPath::parse("a.json").unwrap(), expected, wanted: Wanted::Deleted }
    }

    fn check_holds(expected: Expected, current: Option<u8>, before: Option<u8>) -> bool {
        compare(&edit(expected), current.map(at), before.map(at)).is_none()
    }

    #[test]
    fn an_expectation_holds_only_for_what_it_names() {
        let blob = || Expected::Blob(BlobId::from_bytes([1; 20]));
        assert!(check_holds(blob(), Some(1), None));
        assert!(!check_holds(blob(), Some(2), None));
        assert!(!check_holds(blob(), None, None));
        assert!(check_holds(Expected::Absent, None, None));
        assert!(!check_holds(Expected::Absent, Some(1), None));
        assert!(check_holds(Expected::Present, Some(1), None));
        assert!(!check_holds(Expected::Present, None, None));
        assert!(check_holds(Expected::Any, None, None));
    }

    #[test]
    fn unchanged_since_compares_with_that_revision() {
        let since = || Expected::UnchangedSince(Revision(3));
        assert!(check_holds(since(), Some(1), Some(1)));
        assert!(check_holds(since(), None, None));
        assert!(!check_holds(since(), Some(2), Some(1)));
        assert!(!check_holds(since(), None, Some(1)));
    }

    #[test]
    fn a_mismatch_names_what_is_there() {
        let mismatch = compare(&edit(Expected::Absent), Some(at(9)), None).unwrap();
        assert_eq!(mismatch.current, Some(ObjectId::from_bytes([9; 20])));
    }

    #[test]
    fn two_edits_of_one_path_are_found() {
        let edits = [edit(Expected::Any), edit(Expected::Absent)];
        assert_eq!(first_duplicate(&edits).unwrap().as_str(), "a.json");
        assert_eq!(first_duplicate(&edits[..1]), None);
    }
}

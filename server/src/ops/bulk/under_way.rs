//! What changes touch, and whether one has to wait for others. Pure.

use crate::committer::{Expected, Wanted};
use crate::ops::write::WriteRequest;
use std::collections::BTreeMap;

/// What one change depends on and affects.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Touched {
    paths: Vec<String>,
    /// It expects something of the whole tree.
    everything: bool,
    bytes: usize,
}

impl Touched {
    pub(super) fn by(request: &WriteRequest) -> Self {
        let bytes = |wanted: &Wanted| match wanted {
            Wanted::File { content, .. } => content.len(),
            Wanted::Deleted => 0,
        };
        let edits = &request.edits;
        Self {
            paths: edits.iter().map(|edit| edit.path.to_string()).collect(),
            everything: edits.iter().any(|edit| matches!(edit.expected, Expected::TreeUnchangedSince(_))),
            bytes: edits.iter().map(|edit| bytes(&edit.wanted)).sum(),
        }
    }
}

/// What changes under way touch together.
#[derive(Debug, Default)]
pub(super) struct UnderWay {
    /// Paths and by how many changes they are touched.
    paths: BTreeMap<String, usize>,
    changes: usize,
    of_everything: usize,
    bytes: usize,
}

impl UnderWay {
    pub(super) fn add(&mut self, touched: &Touched) {
        self.changes += 1;
        self.bytes += touched.bytes;
        self.of_everything += usize::from(touched.everything);
        for path in &touched.paths {
            *self.paths.entry(path.clone()).or_default() += 1;
        }
    }

    pub(super) fn remove(&mut self, touched: &Touched) {
        self.changes -= 1;
        self.bytes -= touched.bytes;
        self.of_everything -= usize::from(touched.everything);
        for path in &touched.paths {
            if let Some(count) = self.paths.get_mut(path) {
                *count -= 1;
                if *count == 0 {
                    self.paths.remove(path);
                }
            }
        }
    }

    /// Returns whether one more fits. A change that is larger than all together may be goes alone.
    pub(super) fn has_room_for(&self, touched: &Touched, bytes_max: usize) -> bool {
        self.changes == 0 || self.bytes + touched.bytes <= bytes_max
    }

    /// Returns whether one of these changes has to be decided before this one.
    pub(super) fn meets(&self, touched: &Touched) -> bool {
        let whole = self.of_everything > 0 || (touched.everything && self.changes > 0);
        whole || touched.paths.iter().any(|path| self.touches(path))
    }

    /// A file may stand where another change wants a directory, so what is above and below a path counts.
    fn touches(&self, path: &str) -> bool {
        let mut above = path.match_indices('/').map(|(end, _)| &path[..end]);
        let below = format!("{path}/");
        let first_below = self.paths.range(below.clone()..).next();
        self.paths.contains_key(path)
            || above.any(|directory| self.paths.contains_key(directory))
            || first_below.is_some_and(|(found, _)| found.starts_with(&below))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(paths: &[&str]) -> Touched {
        Touched { paths: paths.iter().map(ToString::to_string).collect(), ..Touched::default() }
    }

    fn meets(one: &Touched, other: &Touched) -> bool {
        let mut under_way = UnderWay::default();
        under_way.add(one);
        let meets = under_way.meets(other);
        under_way.remove(one);
        assert!(!under_way.meets(other) && under_way.paths.is_empty() && under_way.bytes == 0);
        meets
    }

    #[test]
    fn changes_of_the_same_place_wait_for_each_other() {
        assert!(meets(&paths(&["a", "b/c"]), &paths(&["x", "b/c"])));
        assert!(meets(&paths(&["a/b/c"]), &paths(&["a"])) && meets(&paths(&["a"]), &paths(&["a/b/c"])));
        assert!(!meets(&paths(&["a"]), &paths(&["ab"])) && !meets(&paths(&["a-b", "a0"]), &paths(&["a"])));
        let everything = Touched { everything: true, ..paths(&["x"]) };
        assert!(meets(&everything, &paths(&["a"])) && meets(&paths(&["a"]), &everything));
        // What is no change at all waits for nobody, unless everything is awaited.
        assert!(!meets(&paths(&["a"]), &Touched::default()));
    }

    #[test]
    fn a_path_that_two_changes_touch_stays_touched_until_both_are_decided() {
        let (one, mut under_way) = (paths(&["a"]), UnderWay::default());
        under_way.add(&one);
        under_way.add(&one);
        under_way.remove(&one);
        assert!(under_way.meets(&one));
        under_way.remove(&one);
        assert!(!under_way.meets(&one));
    }

    #[test]
    fn bytes_are_bounded_and_one_change_always_fits() {
        let large = Touched { bytes: 100, ..Touched::default() };
        let mut under_way = UnderWay::default();
        assert!(under_way.has_room_for(&large, 10));
        under_way.add(&large);
        assert!(!under_way.has_room_for(&large, 150) && under_way.has_room_for(&large, 200));
    }
}

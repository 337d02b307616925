//! How large a document becomes when its aliases are replaced by what they stand for.

use std::{collections::HashMap, ops::AddAssign};

/// Size of a node with everything in it, aliases replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Weight {
    pub(super) nodes: usize,
    pub(super) bytes: usize,
}

impl Weight {
    /// Returns the weight of a scalar, or of a collection without its members.
    pub(super) fn of_node(bytes: usize) -> Self {
        Self { nodes: 1, bytes }
    }
}

impl AddAssign for Weight {
    fn add_assign(&mut self, other: Self) {
        self.nodes = self.nodes.saturating_add(other.nodes);
        self.bytes = self.bytes.saturating_add(other.bytes);
    }
}

/// An alias stands inside what it stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Recursive;

/// What anchors stand for.
#[derive(Debug, Default)]
pub(super) struct Anchors {
    anchored: HashMap<usize, (Weight, Option<String>)>,
    expanded: Weight,
}

impl Anchors {
    /// Remembers a finished node by its anchor; zero is none. The text is that of a scalar.
    pub(super) fn finish(&mut self, anchor: usize, weight: Weight, text: Option<&str>) {
        if anchor != 0 {
            self.anchored.insert(anchor, (weight, text.map(str::to_owned)));
        }
    }

    /// Replaces an alias and returns what it brings, with the text if it is a scalar.
    pub(super) fn expand(&mut self, anchor: usize) -> Result<(Weight, Option<String>), Recursive> {
        let (weight, text) = self.anchored.get(&anchor).cloned().ok_or(Recursive)?;
        self.expanded += weight;
        Ok((weight, text))
    }

    /// Returns what all aliases so far bring in.
    pub(super) fn expanded(&self) -> Weight {
        self.expanded
    }

    /// Returns how many anchors there are.
    pub(super) fn len(&self) -> usize {
        self.anchored.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_of_aliases_multiply() {
        let mut anchors = Anchors::default();
        anchors.finish(1, Weight { nodes: 1_000, bytes: 0 }, None);
        for anchor in 2..=3 {
            let mut weight = Weight::of_node(0);
            for _ in 0..10 {
                weight += anchors.expand(anchor - 1).unwrap().0;
            }
            anchors.finish(anchor, weight, None);
        }
        assert_eq!(anchors.expand(3).unwrap().0.nodes, 100_011);
        assert_eq!(anchors.expanded().nodes, 10 * 1_000 + 10 * 10_001 + 100_011);
    }

    #[test]
    fn large_scalars_count_by_their_bytes() {
        let mut anchors = Anchors::default();
        anchors.finish(1, Weight::of_node(1_000), None);
        (0..3).for_each(|_| drop(anchors.expand(1).unwrap()));
        assert_eq!(anchors.expanded(), Weight { nodes: 3, bytes: 3_000 });
    }

    #[test]
    fn a_node_cannot_hold_itself() {
        assert_eq!(Anchors::default().expand(1), Err(Recursive));
    }
}

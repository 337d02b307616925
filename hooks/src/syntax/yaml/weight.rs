//! How large a document becomes when its aliases are replaced by what they stand for.

use std::{collections::HashMap, ops::AddAssign};

/// Most nodes that aliases may bring into one file.
pub(super) const NODES_MAX: usize = 250_000;

/// Most bytes of scalars that aliases may bring into one file.
const BYTES_MAX: usize = 16 << 20;

/// Size of a node with everything in it, aliases replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Weight {
    nodes: usize,
    bytes: usize,
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

/// Why an alias is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AliasError {
    /// All aliases so far bring in too much.
    TooMuch,
    /// It stands inside what it stands for.
    Recursive,
}

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
    pub(super) fn expand(&mut self, anchor: usize) -> Result<(Weight, Option<String>), AliasError> {
        let (weight, text) = self.anchored.get(&anchor).cloned().ok_or(AliasError::Recursive)?;
        self.expanded += weight;
        if self.expanded.nodes > NODES_MAX || self.expanded.bytes > BYTES_MAX {
            return Err(AliasError::TooMuch);
        }
        Ok((weight, text))
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
        assert_eq!(anchors.expand(3), Err(AliasError::TooMuch));
    }

    #[test]
    fn large_scalars_count_by_their_bytes() {
        let mut anchors = Anchors::default();
        anchors.finish(1, Weight::of_node(BYTES_MAX), None);
        assert!(anchors.expand(1).is_ok());
        assert_eq!(anchors.expand(1), Err(AliasError::TooMuch));
    }

    #[test]
    fn a_node_cannot_hold_itself() {
        assert_eq!(Anchors::default().expand(1), Err(AliasError::Recursive));
    }
}

//! Which paths moved lately, so that nobody has to compare trees to find out. Pure.
//!
//! While 64 writers land, each finds the head a batch or two further than where it was checked. Comparing those two trees
//! costs more than the landing; what each commit in between changed was known when it was made.

use configbus_model::TreeId;
use std::collections::VecDeque;

/// Paths kept in all: more than lands while the slowest check runs.
const PATHS_MAX: usize = 65_536;

/// One commit.
#[derive(Debug)]
struct Step {
    /// The tree it was made on.
    from: Option<TreeId>,
    paths: Vec<String>,
}

/// The last commits without a gap between them.
#[derive(Debug, Default)]
pub(super) struct Steps {
    steps: VecDeque<Step>,
    paths: usize,
    at: Option<TreeId>,
}

impl Steps {
    /// Forgets everything if the head is not where the last step led.
    pub(super) fn continue_at(&mut self, head: Option<TreeId>) {
        if self.at != head {
            *self = Self { at: head, ..Self::default() };
        }
    }

    /// Takes a step.
    pub(super) fn take(&mut self, to: TreeId, paths: Vec<String>) {
        self.paths += paths.len();
        self.steps.push_back(Step { from: self.at, paths });
        self.at = Some(to);
        while self.paths > PATHS_MAX {
            let Some(oldest) = self.steps.pop_front() else { break };
            self.paths -= oldest.paths.len();
        }
    }

    /// Returns the paths that moved since a tree; `None` when that is too long ago.
    pub(super) fn since(&self, tree: Option<TreeId>) -> Option<Vec<&str>> {
        if self.at == tree {
            return Some(Vec::new());
        }
        let first = self.steps.iter().rposition(|step| step.from == tree)?;
        Some(self.steps.range(first..).flat_map(|step| &step.paths).map(String::as_str).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(number: u8) -> TreeId {
        TreeId::from_bytes([number; 20])
    }

    #[test]
    fn what_moved_is_told_from_any_step_on() {
        let mut steps = Steps::default();
        steps.continue_at(Some(tree(1)));
        steps.take(tree(2), vec!["a".into()]);
        steps.take(tree(3), vec!["b".into(), "c".into()]);
        steps.continue_at(Some(tree(3)));
        assert_eq!(steps.since(Some(tree(1))), Some(vec!["a", "b", "c"]));
        assert_eq!(steps.since(Some(tree(2))), Some(vec!["b", "c"]));
        assert_eq!(steps.since(Some(tree(3))), Some(vec![]));
        assert_eq!((steps.since(Some(tree(9))), steps.since(None)), (None, None));
    }

    #[test]
    fn a_head_that_came_from_elsewhere_begins_anew() {
        let mut steps = Steps::default();
        steps.take(tree(2), vec!["a".into()]);
        assert_eq!(steps.since(None), Some(vec!["a"]));
        steps.continue_at(Some(tree(7)));
        assert_eq!(steps.since(None), None);
    }

    #[test]
    fn memory_is_bounded() {
        let mut steps = Steps::default();
        for number in 0..3 {
            steps.take(tree(number + 1), vec![String::new(); PATHS_MAX / 2]);
        }
        assert_eq!(steps.since(None), None);
        assert_eq!(steps.since(Some(tree(1))).map(|paths| paths.len()), Some(PATHS_MAX));
    }
}

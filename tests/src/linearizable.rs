//! Holds a history of one file against what a file is: whether there is one order of all operations, none of them moved
//! before it was asked or after it was answered, in which each was told the truth.
//!
//! The search is Wing and Gong's with Lowe's memory: the same operations done with the same content left are looked at
//! once. Contents are numbered by writes, so that few orders fit and the search stays short.

use crate::history::{Content, Entry, Operation, Outcome};
use std::collections::HashSet;

/// Positions after which a search is given up: some seconds.
const POSITIONS_MAX: usize = 2_000_000;

/// Why a history is not that of a file.
#[derive(Debug, PartialEq, Eq)]
pub struct Violation {
    /// Operations of the longest order that was found.
    pub explained: usize,
    /// What the file holds after them.
    pub content: Content,
    /// One of these would have to come next, and none can.
    pub stuck: Vec<Entry>,
}

/// Checks the history of a file that does not exist at first.
///
/// # Panics
/// Panics when the history is too entangled to be decided.
pub fn check(history: &[Entry]) -> Result<(), Violation> {
    let search = Search::new(history);
    let mut seen = HashSet::new();
    let mut furthest = Position { done: Done::none(search.entries.len()), content: None };
    let mut open = vec![furthest.clone()];
    while let Some(position) = open.pop() {
        if search.is_explained(&position) {
            return Ok(());
        }
        if position.done.count > furthest.done.count {
            furthest = position.clone();
        }
        for next in search.after(&position) {
            if seen.insert(next.clone()) {
                assert!(seen.len() < POSITIONS_MAX, "{} operations are too entangled to be decided", history.len());
                open.push(next);
            }
        }
    }
    let stuck = search.candidates(&furthest).map(|at| search.entries[at]).collect();
    Err(Violation { explained: furthest.done.count, content: furthest.content, stuck })
}

/// Returns what a file holds after an operation with its outcome; `None` when that cannot have been the outcome. What was not
/// answered either took effect, or need not be in the order.
fn step(content: Content, entry: &Entry) -> Option<Content> {
    let holds = |fits: bool, after: Content| fits.then_some(after);
    match (entry.operation, entry.outcome) {
        (Operation::Read, Outcome::Saw(seen)) => holds(seen == content, content),
        (Operation::Write { to }, Outcome::Done | Outcome::Unanswered) => Some(to),
        (Operation::CompareAndSet { from, to }, Outcome::Done | Outcome::Unanswered) => holds(from == content, to),
        (Operation::CompareAndSet { from, .. }, Outcome::Conflict(there)) => {
            holds(there == content && from != content, content)
        }
        _ => None,
    }
}

/// Which operations are in the order already.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Done {
    bits: Vec<u64>,
    count: usize,
}

impl Done {
    fn none(entries: usize) -> Self {
        Self { bits: vec![0; entries.div_ceil(64)], count: 0 }
    }

    fn has(&self, at: usize) -> bool {
        self.bits[at / 64] & (1 << (at % 64)) != 0
    }

    fn with(&self, at: usize) -> Self {
        let mut with = Self { count: self.count + 1, ..self.clone() };
        with.bits[at / 64] |= 1 << (at % 64);
        with
    }
}

/// How far an order has got.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Position {
    done: Done,
    content: Content,
}

struct Search {
    /// In the order they were asked.
    entries: Vec<Entry>,
}

impl Search {
    fn new(history: &[Entry]) -> Self {
        let is_evidence = |entry: &&Entry| (entry.operation, entry.outcome) != (Operation::Read, Outcome::Unanswered);
        let mut entries: Vec<_> = history.iter().filter(is_evidence).copied().collect();
        for entry in entries.iter_mut().filter(|entry| entry.outcome == Outcome::Unanswered) {
            entry.answered = u64::MAX;
        }
        entries.sort_by_key(|entry| entry.asked);
        Self { entries }
    }

    /// Returns whether everything that was answered is in the order.
    fn is_explained(&self, position: &Position) -> bool {
        let answered = |(at, entry): (usize, &Entry)| entry.outcome == Outcome::Unanswered || position.done.has(at);
        self.entries.iter().enumerate().all(answered)
    }

    /// Returns the operations that may come next: those that were asked before any other was answered.
    fn candidates(&self, position: &Position) -> impl Iterator<Item = usize> {
        let left = self.entries.iter().enumerate().filter(|(at, _)| !position.done.has(*at));
        let mut first_answer = u64::MAX;
        left.take_while(move |(_, entry)| {
            let may_be_next = entry.asked < first_answer;
            first_answer = first_answer.min(entry.answered);
            may_be_next
        })
        .map(|(at, _)| at)
    }

    /// Returns where the order can go on, the most promising last: what nobody saw an answer of is a last resort.
    fn after(&self, position: &Position) -> Vec<Position> {
        let step = |at: usize| {
            let content = step(position.content, &self.entries[at])?;
            let is_unanswered = self.entries[at].outcome == Outcome::Unanswered;
            Some((is_unanswered, Position { done: position.done.with(at), content }))
        };
        let mut after: Vec<_> = self.candidates(position).filter_map(step).collect();
        after.sort_by_key(|(is_unanswered, _)| !is_unanswered);
        after.into_iter().map(|(_, position)| position).collect()
    }
}

#[cfg(test)]
mod tests;

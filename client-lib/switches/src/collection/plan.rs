//! In which order a feature's prerequisites are asked.

use super::switches::{Entry, Switches};
use serde_json::Value;
use std::fmt;

/// Most switches that one feature depends on, itself and those they depend on included.
pub(super) const STEPS_MAX: usize = 32;

/// What to ask before a feature.
#[derive(Debug)]
pub(super) enum Plan {
    /// Each switch once, those it depends on before it, the feature last.
    Steps(Box<[Step]>),
    /// They lead back to where they came from, or are too many.
    Endless,
}

/// One switch.
#[derive(Debug)]
pub(super) struct Step {
    /// Absent when there is no such switch.
    pub target: Option<Entry>,
    /// What earlier steps have to be.
    pub requires: Box<[(usize, Wanted)]>,
}

/// What a prerequisite has to be.
#[derive(Debug)]
pub(super) struct Wanted {
    key: String,
    parameter: Option<String>,
    value: Value,
}

impl Wanted {
    /// Returns what of a switch's value counts.
    pub(super) fn part<'v>(&self, found: Option<&'v Value>) -> Option<&'v Value> {
        match &self.parameter {
            Some(parameter) => found.and_then(|found| found.get(parameter)),
            None => found,
        }
    }

    pub(super) fn holds(&self, found: Option<&Value>) -> bool {
        let found = self.part(found);
        match &self.value {
            Value::Object(members) => {
                members.iter().all(|(name, wanted)| is_same(found.and_then(|found| found.get(name)), wanted))
            }
            wanted => is_same(found, wanted),
        }
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.value)
    }
}

fn is_same(found: Option<&Value>, wanted: &Value) -> bool {
    let number = |value: &Value| value.as_f64();
    found.is_some_and(|found| found == wanted || number(found).is_some_and(|found| number(wanted) == Some(found)))
}

impl Plan {
    pub(super) fn of(switches: &Switches, feature: Entry) -> Self {
        let mut planning = Planning { switches, steps: Vec::new(), known: Vec::new(), open: Vec::new() };
        match planning.add(feature) {
            Some(_) => Self::Steps(planning.steps.into()),
            None => Self::Endless,
        }
    }
}

struct Planning<'s> {
    switches: &'s Switches,
    steps: Vec<Step>,
    /// Switches by step.
    known: Vec<(Entry, usize)>,
    /// Those whose prerequisites are being added.
    open: Vec<Entry>,
}

impl Planning<'_> {
    /// Adds a switch after what it depends on; `None` where that has no end.
    fn add(&mut self, entry: Entry) -> Option<usize> {
        if let Some((_, step)) = self.known.iter().find(|(known, _)| *known == entry) {
            return Some(*step);
        }
        if self.open.contains(&entry) || self.open.len() + self.steps.len() >= STEPS_MAX {
            return None;
        }
        self.open.push(entry);
        let mut requires = Vec::new();
        for (key, value) in self.switches.feature(entry).into_iter().flat_map(|feature| feature.requirements()) {
            let found = self.switches.entry(key);
            let parameter = found.as_ref().and_then(|(_, parameter)| parameter.clone());
            let step = match found {
                Some((needed, _)) => self.add(needed)?,
                None => self.push(Step { target: None, requires: Box::default() })?,
            };
            requires.push((step, Wanted { key: key.clone(), parameter, value: value.clone() }));
        }
        self.open.pop();
        let step = self.push(Step { target: Some(entry), requires: requires.into() })?;
        self.known.push((entry, step));
        Some(step)
    }

    fn push(&mut self, step: Step) -> Option<usize> {
        let at = self.steps.len();
        (at < STEPS_MAX).then(|| self.steps.push(step))?;
        Some(at)
    }
}

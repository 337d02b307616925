//! What a schema costs at one place of a document, and schemas that cost too much refused before they are compiled.
//!
//! Steps of an evaluation are counted where the document is looked at (see [`super::meter`]). Parts that only lead to other
//! parts look at nothing, and a schema that refers to each of sixty definitions twice from the one before is never done. What
//! such parts cost does not depend on documents, so it is summed up before there is any.

use super::{
    SchemaSettings,
    closure::Closure,
    parts::{Part, Parts, TooMany, pointer_of},
};
use crate::{Finding, Rule};
use configbus_model::at_most;

/// What one part costs at one place.
#[derive(Debug, Clone, Copy, Default)]
struct Cost {
    /// Evaluations that tell whether a value is right.
    judged: u64,
    /// Evaluations that find which members and items are evaluated.
    marked: u64,
    /// Evaluations that tell all that is wrong with a value: parts are judged before they are told, each at every level. So
    /// this also bounds how deep parts are in one another, by its root.
    told: u64,
}

/// Evaluations beyond which nobody asks for the number.
const COUNTED_MAX: u64 = 1_000_000_000;

/// What is wrong with a schema for every document.
#[derive(Debug, PartialEq, Eq)]
enum Excess {
    /// A part costs too much.
    Cost(usize, u64),
    /// There are too many parts, counted each time the library compiles them.
    Parts,
}

/// Refuses a schema that costs too much whatever the document is.
pub(super) fn check(closure: &Closure, settings: &SchemaSettings) -> Result<(), Vec<Finding>> {
    let finding = Parts::with(closure, settings.parts_max, |parts| match parts {
        Err(TooMany) => Some(Excess::Parts.into_finding(None, closure, settings)),
        Ok(parts) => excess(&parts.parts, settings.evaluations_max, settings.parts_max)
            .map(|excess| excess.into_finding(Some(&parts), closure, settings)),
    });
    finding.flatten().map_or(Ok(()), |finding| Err(vec![finding]))
}

/// Returns what is too much; of parts that cost too much the one that costs least, which is in the others.
fn excess(parts: &[Part<'_>], evaluations_max: u64, parts_max: u64) -> Option<Excess> {
    let known = costs(parts);
    let (mut worst, mut compiled): (Option<(u64, usize)>, u64) = (None, parts.len() as u64);
    let mut trials_left = evaluations_max.saturating_mul(TRIALS_MAX);
    for (at, part) in parts.iter().enumerate() {
        let cost = known[at].or_else(|| Trial::run(parts, &known, at, evaluations_max));
        let Some(cost) = cost else { return Some(Excess::Cost(at, u64::MAX)) };
        if known[at].is_none() {
            trials_left = trials_left.saturating_sub(cost.told);
            if trials_left == 0 {
                return Some(Excess::Cost(at, u64::MAX));
            }
        }
        if cost.told > evaluations_max && worst.is_none_or(|(least, _)| cost.told < least) {
            worst = Some((cost.told, at));
        }
        compiled = compiled.saturating_add(part.unevaluated.saturating_mul(cost.marked));
    }
    let worst = worst.map(|(told, part)| Excess::Cost(part, told));
    worst.or((compiled > parts_max).then_some(Excess::Parts))
}

/// As many parts that refer to themselves may cost all they may.
const TRIALS_MAX: u64 = 100;

/// Sums up what parts cost; nothing is returned of those that lead back to themselves, or to such parts.
fn costs(parts: &[Part<'_>]) -> Vec<Option<Cost>> {
    let mut costs = vec![None; parts.len()];
    let mut outer: Vec<Vec<usize>> = vec![Vec::new(); parts.len()];
    let mut missing: Vec<usize> = parts.iter().map(|part| part.in_place.len()).collect();
    for (at, part) in parts.iter().enumerate() {
        part.in_place.iter().for_each(|inner| outer[inner.part].push(at));
    }
    let mut ready: Vec<usize> = (0..parts.len()).filter(|at| missing[*at] == 0).collect();
    while let Some(at) = ready.pop() {
        let inner = parts[at].in_place.iter().filter_map(|inner| costs[inner.part]);
        costs[at] = Some(inner.fold(Sum::default(), Sum::with).of(&parts[at]));
        for outer in &outer[at] {
            missing[*outer] -= 1;
            if missing[*outer] == 0 {
                ready.push(*outer);
            }
        }
    }
    costs
}

/// What the parts in a part cost together.
#[derive(Debug, Default)]
struct Sum(Cost);

impl Sum {
    fn with(self, inner: Cost) -> Self {
        Self(Cost {
            judged: self.0.judged.saturating_add(inner.judged),
            marked: self.0.marked.saturating_add(inner.judged).saturating_add(inner.marked),
            told: self.0.told.saturating_add(inner.told),
        })
    }

    fn of(self, part: &Part<'_>) -> Cost {
        let marked = self.0.marked.saturating_add(part.written);
        let judged = self.0.judged.saturating_add(part.unevaluated.saturating_mul(marked)).saturating_add(1);
        Cost { judged, marked, told: self.0.told.saturating_add(judged) }
    }
}

/// An evaluation of parts that lead back to themselves, as the library does it, but for the document.
struct Trial<'p> {
    parts: &'p [Part<'p>],
    known: &'p [Option<Cost>],
    left: u64,
    /// References that are being followed and are not followed again.
    followed: Vec<usize>,
}

impl<'p> Trial<'p> {
    /// Returns what a part costs, or nothing if that is too much.
    fn run(parts: &'p [Part<'p>], known: &'p [Option<Cost>], part: usize, evaluations_max: u64) -> Option<Cost> {
        let mut trial = Self { parts, known, left: evaluations_max, followed: Vec::new() };
        trial.cost(part, 1)
    }

    fn cost(&mut self, part: usize, depth: u64) -> Option<Cost> {
        if let Some(cost) = self.known[part] {
            self.left = self.left.checked_sub(cost.judged)?;
            return Some(cost);
        }
        // What is this deep is judged once for each level when it is told.
        self.left = self.left.checked_sub(depth)?;
        let mut sum = Sum::default();
        for inner in &self.parts[part].in_place {
            if inner.is_guarded {
                if self.followed.contains(&inner.part) {
                    continue;
                }
                self.followed.push(inner.part);
            }
            sum = sum.with(self.cost(inner.part, depth + 1)?);
            if inner.is_guarded {
                self.followed.pop();
            }
        }
        Some(sum.of(&self.parts[part]))
    }
}

impl Excess {
    fn into_finding(self, parts: Option<&Parts<'_>>, closure: &Closure, settings: &SchemaSettings) -> Finding {
        let at = |part: usize, rule: Rule, message: &str| {
            let (resource, pointer) = parts.map(|parts| parts.place(part)).unwrap_or_default();
            finding_at(closure, resource.as_deref(), &pointer, rule, message)
        };
        match self {
            Self::Cost(part, found) => at(
                part,
                Rule::SchemaCost,
                "schema takes too many evaluations of one value, whatever it is, because its parts are referred to again and \
                 again; refer to each of them once",
            )
            .found(if found > COUNTED_MAX { format!("more than {COUNTED_MAX} evaluations") } else { format!("{found} evaluations") })
            .expected(at_most(settings.evaluations_max, "evaluations", "gate.schemas.evaluations_max")),
            Self::Parts => {
                let message = "schema becomes too large when it is compiled, because its parts are reached in too many ways; \
                               let fewer files refer to one another, or ask for what is unevaluated in fewer places";
                let finding = Finding::new(Rule::SchemaSize, &closure.root.path, message);
                let max = settings.parts_max;
                finding.found(format!("more than {max} parts")).expected(at_most(max, "parts", "gate.schemas.parts_max"))
            }
        }
    }
}

/// Returns a finding about a place in the file that a resource stands in.
fn finding_at(closure: &Closure, resource: Option<&str>, pointer: &str, rule: Rule, message: &str) -> Finding {
    let root_uri = super::loaded::uri_of(&closure.root.path);
    let files = std::iter::once((&root_uri, &closure.root)).chain(&closure.resources);
    let Some(resource) = resource else { return closure.root.finding_at(rule, pointer, message) };
    for (uri, loaded) in files {
        if let Some(start) = pointer_of(&loaded.outline(uri), resource) {
            return loaded.finding_at(rule, &(start + pointer), message);
        }
    }
    closure.root.finding_at(rule, "", message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::parts::Inner;

    const MAX: u64 = 100_000;

    /// Parts of which each holds others; references to the first are not followed twice.
    fn found(parts: &[Vec<usize>], unevaluated: u64) -> Option<Excess> {
        let inner = |part: &usize| Inner { part: *part, is_guarded: *part == 0 };
        let part = |parts: &Vec<usize>| Part {
            in_place: parts.iter().map(inner).collect(),
            written: 1,
            unevaluated,
            ..Part::default()
        };
        excess(&parts.iter().map(part).collect::<Vec<_>>(), MAX, MAX)
    }

    /// Parts that hold the next one, so often, and a last one.
    fn chain(length: usize, times: usize, last: &[usize]) -> Vec<Vec<usize>> {
        (1..=length).map(|next| vec![next; times]).chain([last.to_vec()]).collect()
    }

    #[test]
    fn what_doubles_is_refused_where_it_becomes_too_much() {
        assert_eq!(found(&chain(12, 2, &[]), 0), None);
        // Telling costs n 2^(n+1) + 1 at the nth level from below.
        assert_eq!(found(&chain(60, 2, &[]), 0), Some(Excess::Cost(60 - 13, 13 * (1 << 14) + 1)));
    }

    #[test]
    fn chains_are_as_deep_as_they_cost() {
        assert_eq!(found(&chain(400, 1, &[]), 0), None);
        assert!(found(&chain(500, 1, &[]), 0).is_some());
        assert!(found(&chain(1_000_000, 1, &[]), 0).is_some());
    }

    #[test]
    fn what_is_looked_for_again_at_each_level_is_refused() {
        assert_eq!(found(&chain(5, 1, &[]), 1), None);
        assert!(found(&chain(30, 1, &[]), 1).is_some());
    }

    #[test]
    fn what_leads_back_to_itself_is_not_followed_twice() {
        assert_eq!(found(&[vec![0]], 0), None);
        assert_eq!(found(&[vec![0, 0]], 1), None);
        assert_eq!(found(&[vec![1], vec![2], vec![0]], 0), None);
        assert_eq!(found(&chain(5, 2, &[0]), 0), None);
        assert!(found(&chain(60, 2, &[0]), 0).is_some());
        assert!(found(&chain(100_000, 1, &[0]), 0).is_some());
    }
}

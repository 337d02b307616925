//! Many patterns, and which of them can match a path at all.
//!
//! A policy may hold thousands of patterns, and each file of a push asks about all of them. Nearly every pattern starts with
//! plain names: from the root, as `/teams/ads/**`, or at any depth, as `Makefile`. Those are looked up by the names of the path,
//! so that what is left to try are the few that share them, and the patterns that start with a wildcard.

use super::{Part, PathGlob};
use std::collections::HashMap;

/// Patterns by what they start with; each is known by its position.
#[derive(Debug, Default)]
pub(crate) struct GlobIndex {
    /// By all names from the root up to the first wildcard.
    by_prefix: HashMap<String, Vec<usize>>,
    /// By the name that has to be somewhere in the path.
    by_name: HashMap<String, Vec<usize>>,
    /// Those that start with a wildcard.
    others: Vec<usize>,
}

impl GlobIndex {
    /// Sorts patterns in.
    pub(crate) fn new<'g>(globs: impl IntoIterator<Item = &'g PathGlob>) -> Self {
        let mut index = Self::default();
        for (position, glob) in globs.into_iter().enumerate() {
            match (glob.literal_prefix(), glob.leading_name()) {
                (Some(prefix), _) => index.by_prefix.entry(prefix).or_default().push(position),
                (None, Some(name)) => index.by_name.entry(name.to_owned()).or_default().push(position),
                (None, None) => index.others.push(position),
            }
        }
        index
    }

    /// Returns the last position that holds, of those whose pattern may match a path.
    pub(crate) fn last(&self, path: &str, holds: impl Fn(usize) -> bool) -> Option<usize> {
        let mut last = None;
        self.each(path, &mut |positions| {
            let later = positions.iter().rev().take_while(|position| last.is_none_or(|last| **position > last));
            last = later.copied().find(|position| holds(*position)).or(last);
        });
        last
    }

    fn each(&self, path: &str, visit: &mut dyn FnMut(&[usize])) {
        visit(&self.others);
        let mut seen: Vec<&str> = Vec::new();
        let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
        for end in ends {
            let prefix = &path[..end];
            self.by_prefix.get(prefix).into_iter().for_each(|positions| visit(positions));
            let name = prefix.rsplit('/').next().unwrap_or(prefix);
            // A name may be there twice, its patterns are tried once.
            if let Some(positions) = self.by_name.get(name).filter(|_| !seen.contains(&name)) {
                seen.push(name);
                visit(positions);
            }
        }
    }
}

impl PathGlob {
    /// Returns the plain names from the root up to the first wildcard, as a path; `None` when the pattern does not start at the
    /// root or starts with a wildcard.
    fn literal_prefix(&self) -> Option<String> {
        let literal = |part: &Part| match part {
            Part::One(component) => component.as_literal().map(str::to_owned),
            Part::Gap => None,
        };
        let names: Vec<String> = self.parts.iter().map_while(literal).collect();
        (!names.is_empty()).then(|| names.join("/"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::cell::RefCell;

    fn pattern() -> impl Strategy<Value = String> {
        let part = prop_oneof![
            3 => "[ab]",
            1 => Just("*".to_owned()),
            1 => Just("**".to_owned()),
            1 => Just("a?".to_owned()),
            1 => Just("\\a".to_owned()),
        ];
        (any::<bool>(), prop::collection::vec(part, 1..4), any::<bool>()).prop_map(|(rooted, parts, folder)| {
            format!("{}{}{}", if rooted { "/" } else { "" }, parts.join("/"), if folder { "/" } else { "" })
        })
    }

    proptest! {
        #[test]
        fn what_is_found_is_what_trying_all_finds(
            patterns in prop::collection::vec(pattern(), 0..12),
            path in "[ab]{1,2}(/[ab]{1,2}){0,4}",
        ) {
            let globs: Vec<PathGlob> = patterns.iter().filter_map(|text| PathGlob::parse(text).ok()).collect();
            let index = GlobIndex::new(&globs);
            let matches = |position: usize| globs[position].matches(&path);
            prop_assert_eq!(index.last(&path, matches), (0..globs.len()).rev().find(|at| matches(*at)), "{:?}", globs);
        }
    }

    #[test]
    fn patterns_that_start_otherwise_are_not_tried() {
        let globs: Vec<PathGlob> =
            (0..1_000).map(|team| PathGlob::parse(&format!("/teams/t{team}/**")).unwrap()).collect();
        let (index, tried) = (GlobIndex::new(&globs), RefCell::new(Vec::new()));
        let matches = |position: usize| {
            tried.borrow_mut().push(position);
            globs[position].matches("teams/t7/a.json")
        };
        assert_eq!((index.last("teams/t7/a.json", matches), tried.take()), (Some(7), vec![7]));
        assert_eq!((index.last("services/a.json", matches), tried.take()), (None, vec![]));
    }
}

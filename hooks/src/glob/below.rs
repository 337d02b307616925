//! The patterns that mean below a directory what a pattern means in the whole tree.
//!
//! A pattern is a list of parts. Going down into a directory takes the first part away where it matches the directory's name;
//! a gap may take the name and stay, or end before it. What is left is one list for each way, and together they match exactly
//! what the pattern matches there. Each list is written as a pattern again and read back: one that does not come out the same
//! is not passed off as the same.

use super::{Component, GlobError, Part, PathGlob};
use configbus_model::ConfigPath;

impl PathGlob {
    /// Returns patterns that together match a path exactly when this one matches it below `prefix`; none if it matches nothing
    /// there. `Err` if they cannot be written.
    pub(crate) fn below(&self, prefix: &ConfigPath) -> Result<Vec<Self>, GlobError> {
        let mut lists = vec![self.parts.clone()];
        for name in prefix.components() {
            let mut left = Vec::new();
            for list in &lists {
                step(list, name, &mut left);
            }
            left.dedup();
            lists = left;
        }
        // Below a directory there is at least one name more.
        lists.retain(|list| !list.is_empty());
        lists.iter_mut().for_each(|list| *list = canonical(list));
        if lists.iter().any(|list| is_everything(list)) {
            return Ok(vec![Self::parse("**")?]);
        }
        let mut globs: Vec<Self> = Vec::new();
        for list in &lists {
            let glob = written(list)?;
            if !globs.contains(&glob) {
                globs.push(glob);
            }
        }
        Ok(globs)
    }
}

/// Adds what is left of a list after a name.
fn step(list: &[Part], name: &str, left: &mut Vec<Vec<Part>>) {
    let mut add = |list: &[Part]| {
        if !left.iter().any(|other| other == list) {
            left.push(list.to_vec());
        }
    };
    match list.split_first() {
        Some((Part::Gap, after)) => {
            add(list);
            step(after, name, left);
        }
        Some((Part::One(component), after)) if component.matches(name) => add(after),
        _ => {}
    }
}

/// Returns whether a list takes whatever is below.
fn is_everything(list: &[Part]) -> bool {
    match list {
        [Part::Gap] => true,
        [one, Part::Gap] => *one == any(),
        _ => false,
    }
}

/// Writes the same list in one way: where gaps and names of any kind stand together, the order of them says nothing, and more
/// than one gap says nothing more.
fn canonical(list: &[Part]) -> Vec<Part> {
    let mut canonical = Vec::with_capacity(list.len());
    for run in list.chunk_by(|one, other| is_loose(one) && is_loose(other)) {
        let has_gap = run.contains(&Part::Gap);
        canonical.extend(run.iter().filter(|part| **part != Part::Gap).cloned());
        canonical.extend(has_gap.then_some(Part::Gap));
    }
    canonical
}

fn is_loose(part: &Part) -> bool {
    *part == Part::Gap || *part == any()
}

fn any() -> Part {
    Part::One(Component::any())
}

/// Writes a list as a pattern.
fn written(list: &[Part]) -> Result<PathGlob, GlobError> {
    let body = |parts: &[Part]| {
        let names = parts.iter().map(|part| match part {
            Part::Gap => "**".to_owned(),
            Part::One(component) => component.to_pattern(),
        });
        names.collect::<Vec<_>>().join("/")
    };
    let text = match list {
        // A name at any depth needs no slash, everything else starts at the root.
        [Part::Gap, Part::One(name), Part::Gap] => name.to_pattern(),
        [above @ .., last, Part::Gap] if *last == any() => format!("/{}/**", body(above)).replace("//", "/"),
        [above @ .., Part::Gap] => format!("/{}", body(above)),
        other => format!("/{}", body(other)),
    };
    let glob = PathGlob::parse(&text)?;
    if canonical(&glob.parts) == list { Ok(glob) } else { Err(GlobError::Component { component: text }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn below(pattern: &str, prefix: &str) -> Vec<String> {
        let globs = PathGlob::parse(pattern).unwrap().below(&ConfigPath::parse(prefix).unwrap()).unwrap();
        globs.iter().map(|glob| glob.as_str().to_owned()).collect()
    }

    #[test]
    fn patterns_are_rewritten_or_do_not_concern_the_directory() {
        for (pattern, prefix, expected) in [
            ("*.json", "ads", &["*.json"][..]),
            ("**/decider.yml", "ads", &["decider.yml"]),
            ("/ads/**", "ads", &["**"]),
            ("ads/", "ads", &["**"]),
            ("ads", "ads", &["**"]),
            ("/ads/web/*.json", "ads", &["/web/*.json"]),
            ("/ads/web/*.json", "ads/web", &["/*.json"]),
            ("/ads/*", "ads", &["/*"]),
            ("/ads/*/limits", "ads", &["/*/limits"]),
            ("*", "ads", &["**"]),
            ("a?s/**/", "ads", &["/*/**"]),
            ("/search/**", "ads", &[]),
            ("/*.json", "ads", &[]),
            ("/a*/x", "ads", &["/x"]),
            ("**/web/limits", "ads/web", &["/**/web/limits", "/limits"]),
            ("sp\\ ace[!a-c\\]]?", "ads", &["sp\\ ace[!a-c\\]]?"]),
        ] {
            assert_eq!(below(pattern, prefix), expected, "{pattern} below {prefix}");
        }
    }

    fn pattern() -> impl Strategy<Value = String> {
        let part = prop_oneof![
            4 => "[ab]",
            2 => Just("*".to_owned()),
            2 => Just("**".to_owned()),
            1 => Just("a?".to_owned()),
            1 => Just("[!a]*".to_owned()),
            1 => Just("\\a".to_owned()),
        ];
        (any_bool(), prop::collection::vec(part, 1..5), any_bool()).prop_map(|(rooted, parts, folder)| {
            format!("{}{}{}", if rooted { "/" } else { "" }, parts.join("/"), if folder { "/" } else { "" })
        })
    }

    fn any_bool() -> impl Strategy<Value = bool> {
        proptest::bool::ANY
    }

    proptest! {
        #[test]
        fn what_matches_below_is_what_matched_there(
            pattern in pattern(),
            prefix in "[ab]{1,2}(/[ab]{1,2}){0,2}",
            path in "[ab]{1,2}(/[ab]{1,2}){0,3}",
        ) {
            let Ok(glob) = PathGlob::parse(&pattern) else { return Ok(()) };
            let globs = glob.below(&ConfigPath::parse(&prefix).unwrap()).unwrap();
            let matches = globs.iter().any(|glob| glob.matches(&path));
            prop_assert_eq!(matches, glob.matches(&format!("{prefix}/{path}")), "{} below {}: {:?}", pattern, prefix, globs);
        }
    }
}

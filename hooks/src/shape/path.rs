//! Depth and length of a path in the landing tree.

use crate::{Finding, Rule};
use configbus_model::{ConfigPath, PathError, PathLimits};

/// Returns what is wrong with a path.
pub(crate) fn check_path(path: &str, limits: &PathLimits) -> Option<Finding> {
    let error = ConfigPath::parse_within(path, limits).err()?;
    Some(Finding::new(rule_of(&error), path, error.to_string()))
}

/// Returns the rule a path error violates.
pub(crate) fn rule_of(error: &PathError) -> Rule {
    match error {
        PathError::TooDeep { .. } => Rule::Depth,
        PathError::TooLong { .. } | PathError::ComponentTooLong { .. } => Rule::PathLength,
        _ => Rule::Name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_those_of_the_limits() {
        let limits = PathLimits { component_bytes_max: 8, path_bytes_max: 16, depth_max: 3 };
        let rule = |path| check_path(path, &limits).map(|finding| finding.rule);
        assert_eq!(rule("a/b/c"), None);
        assert_eq!(rule("a/b/c/d"), Some(Rule::Depth));
        assert_eq!(rule("123456789"), Some(Rule::PathLength));
        assert_eq!(rule("1234567/1234567/1"), Some(Rule::PathLength));
    }
}

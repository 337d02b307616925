//! Depth and length of a path in the landing tree, and how errors about paths are told.

use crate::{Finding, Rule};
use configbus_model::{ConfigPath, PathError, PathLimits, at_most};

/// Returns what is wrong with a path.
pub(crate) fn check_path(path: &str, limits: &PathLimits) -> Option<Finding> {
    let error = ConfigPath::parse_within(path, limits).err()?;
    Some(path_finding(&error, path, limits))
}

/// Tells an error about `path`. Of what is over the default limits it is told by how much it is over these ones, which are
/// never wider.
pub(crate) fn path_finding(error: &PathError, path: &str, limits: &PathLimits) -> Finding {
    let over = |rule, message: &str, found: usize, unit: &str, max: usize, key: &str| {
        Finding::new(rule, path, message).found(format!("{found} {unit}")).expected(at_most(max, unit, key))
    };
    match error {
        PathError::TooDeep { depth, max, .. } => {
            let message = "path has too many components; move the file into a directory that is less deep";
            over(Rule::Depth, message, *depth, "components", limits.depth_max.min(*max), "gate.path_depth_max")
        }
        PathError::TooLong { bytes, max, .. } => {
            let message = "path is too long; shorten names of its directories or its own";
            over(Rule::PathLength, message, *bytes, "bytes", limits.path_bytes_max.min(*max), "gate.path_bytes_max")
        }
        PathError::ComponentTooLong { bytes, max, .. } => {
            let (message, max) = ("name is too long; shorten it", limits.component_bytes_max.min(*max));
            over(Rule::PathLength, message, *bytes, "bytes", max, "gate.component_bytes_max")
        }
        _ => Finding::new(Rule::Name, path, error.to_string()),
    }
}

/// Returns the beginning of the path that an error is about, as far as it says so.
pub(crate) fn path_of(error: &PathError) -> &str {
    match error {
        PathError::EmptyComponent { path }
        | PathError::Reserved { path, .. }
        | PathError::ControlCharacter { path }
        | PathError::NotNormalised { path }
        | PathError::ComponentTooLong { path, .. }
        | PathError::TooLong { path, .. }
        | PathError::TooDeep { path, .. } => path,
        _ => "",
    }
}

/// Says what is wrong with a path that cannot even be proposed, in the words of a report.
pub fn path_refusal(error: &PathError, limits: &PathLimits) -> String {
    let finding = path_finding(error, path_of(error), limits);
    if finding.found.is_some() { format!("{}: {}", finding.path, finding.sentence()) } else { finding.message }
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

    #[test]
    fn a_path_over_the_default_limits_is_told_by_the_narrower_ones() {
        let limits = PathLimits { depth_max: 3, ..PathLimits::DEFAULT };
        let deep = vec!["d"; 33].join("/");
        let error = ConfigPath::parse(&deep).unwrap_err();
        let told = "path has too many components; move the file into a directory that is less deep: found 33 components, \
                    expected at most 3 components (setting gate.path_depth_max)";
        assert_eq!(path_refusal(&error, &limits), format!("{deep}: {told}"));
        let error = ConfigPath::parse("a/../b").unwrap_err();
        assert_eq!(path_refusal(&error, &limits), error.to_string());
    }
}

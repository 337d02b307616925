//! Which references a push may change, and what becomes of them. Pure.

use configbus_hooks::ReferenceKind;
use configbus_model::{Namespace, ObjectId};

/// The branch that hosts follow.
pub(crate) const MAIN: &str = "refs/heads/main";
/// Pushing here lands on `main` as well, for clients whose own `main` should not move.
pub(crate) const FOR_MAIN: &str = "refs/for/main";

/// What a push may do with one reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RefRule {
    /// The committer lands the tip on `main`.
    Land,
    /// Git stores it; no host ever sees it.
    KeepOnly,
}

/// Why a reference is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RefRefusal {
    #[error("{reference} cannot be deleted: undo a change with a new one, for example `git revert`")]
    Delete { reference: String },
    #[error(
        "{reference} is not accepted here: push to main, to refs/for/main, or to another branch or tag, which are \
         stored and not distributed"
    )]
    Unknown { reference: String },
}

/// Decides what an update of `reference` to `new` may do.
pub(crate) fn rule_of(reference: &str, new: ObjectId) -> Result<RefRule, RefRefusal> {
    let named = || reference.to_owned();
    match ReferenceKind::of(reference) {
        ReferenceKind::Refused => Err(RefRefusal::Unknown { reference: named() }),
        _ if new.is_zero() => Err(RefRefusal::Delete { reference: named() }),
        ReferenceKind::Main => Ok(RefRule::Land),
        ReferenceKind::Undistributed => Ok(RefRule::KeepOnly),
    }
}

/// Returns whether Git stores the reference and no host ever sees it.
pub(crate) fn is_kept_only(reference: &str) -> bool {
    ReferenceKind::of(reference) == ReferenceKind::Undistributed
}

/// Names the branch; the namespace only when there could be a doubt.
pub(crate) fn main_of(namespace: &Namespace) -> String {
    if *namespace == Namespace::main() { "main".to_owned() } else { format!("main of {namespace}") }
}

/// What the author is told about a reference that no host will see.
pub(crate) fn kept_only_line(namespace: &Namespace, reference: &str) -> String {
    format!("{reference} is stored but not distributed: hosts follow {}", main_of(namespace))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOME: ObjectId = ObjectId::from_bytes([7; 20]);

    #[test]
    fn main_and_its_magic_name_land() {
        assert_eq!(rule_of(MAIN, SOME), Ok(RefRule::Land));
        assert_eq!(rule_of(FOR_MAIN, SOME), Ok(RefRule::Land));
    }

    #[test]
    fn other_branches_and_tags_are_kept_only() {
        for reference in ["refs/heads/feature/x", "refs/tags/v1", "refs/heads/main2"] {
            assert_eq!(rule_of(reference, SOME), Ok(RefRule::KeepOnly), "{reference}");
        }
    }

    #[test]
    fn everything_else_and_every_deletion_is_refused() {
        for reference in
            ["refs/replace/1", "refs/for/other", "refs/notes/x", "refs/configbus/foreign/1", "HEAD", "refs/meta"]
        {
            assert!(matches!(rule_of(reference, SOME), Err(RefRefusal::Unknown { .. })), "{reference}");
        }
        for reference in [MAIN, FOR_MAIN, "refs/heads/x", "refs/tags/v1"] {
            assert!(matches!(rule_of(reference, ObjectId::ZERO), Err(RefRefusal::Delete { .. })), "{reference}");
        }
    }
}

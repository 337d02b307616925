//! Which references a push may touch.

/// What becomes of a push to a reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReferenceKind {
    /// `refs/heads/main` or `refs/for/main`: lands through the committer and is distributed.
    Main,
    /// Another branch or a tag: kept, shapes and sizes checked, never distributed.
    Undistributed,
    /// Refused, `refs/replace/*` among them: they could change what a commit means.
    Refused,
}

impl ReferenceKind {
    /// Decides by the full name.
    pub fn of(reference: &str) -> Self {
        let has_name = |prefix: &str| reference.strip_prefix(prefix).is_some_and(|name| !name.is_empty());
        match reference {
            "refs/heads/main" | "refs/for/main" => Self::Main,
            _ if has_name("refs/heads/") || has_name("refs/tags/") => Self::Undistributed,
            _ => Self::Refused,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_branches_and_tags_are_open() {
        use ReferenceKind::{Main, Refused, Undistributed};
        for (reference, kind) in [
            ("refs/heads/main", Main),
            ("refs/for/main", Main),
            ("refs/heads/main2", Undistributed),
            ("refs/heads/a/main", Undistributed),
            ("refs/tags/v1", Undistributed),
            ("refs/heads/", Refused),
            ("refs/for/other", Refused),
            ("refs/replace/abc", Refused),
            ("refs/notes/x", Refused),
            ("HEAD", Refused),
        ] {
            assert_eq!(ReferenceKind::of(reference), kind, "{reference}");
        }
    }
}

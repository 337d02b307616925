//! Policy that this release cannot keep is refused: a rollout or an owner that nobody honours is worse than none.

use super::{Check, Document, Findings};
use crate::Rule;

/// Refuses everything in the policy folder.
#[derive(Debug)]
pub(crate) struct PolicySupport;

impl Check for PolicySupport {
    fn applies_to(&self, path: &str) -> bool {
        path == ".configbus" || path.starts_with(".configbus/")
    }

    fn check(&self, document: &Document<'_>, findings: &mut Findings) {
        let message = match document.path().strip_prefix(".configbus/") {
            Some("owners" | "teams.yaml" | "schemas.yaml" | "rules.yaml" | "rollout.yaml" | "switches.yaml") => {
                "this policy is not supported by this release; it is refused rather than ignored, so leave it out"
            }
            _ => "the folder .configbus is reserved for policy, and this release supports none; leave the file out",
        };
        findings.add(document.finding(Rule::UnsupportedPolicy, message));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_folder_is_reserved() {
        for (path, applies) in [
            (".configbus/owners", true),
            (".configbus/rollouts/1.json", true),
            (".configbus", true),
            (".configbus2/owners", false),
            ("a/.configbus/owners", false),
        ] {
            assert_eq!(PolicySupport.applies_to(path), applies, "{path}");
        }
        let mut findings = Findings::default();
        PolicySupport.check(&Document::new(".configbus/rollout.yaml", b""), &mut findings);
        assert!(findings.into_parts().0[0].message.contains("not supported by this release"));
    }
}

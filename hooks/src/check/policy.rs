//! Policy that this release cannot keep is refused: a rollout or an owner that nobody honours is worse than none.

use super::{Check, Document, Findings};
use crate::{
    Rule,
    policy::{self, is_policy},
};

/// Refuses what is in the policy folder and unknown.
#[derive(Debug)]
pub(crate) struct PolicySupport;

impl Check for PolicySupport {
    fn applies_to(&self, path: &str) -> bool {
        is_policy(path) && !supported(path)
    }

    fn check(&self, document: &Document<'_>, findings: &mut Findings) {
        let name = document.path().strip_prefix(".configbus/").unwrap_or_default();
        if name == "rollout.yaml" {
            let message =
                "this policy is not supported by this release; it is refused rather than ignored, so leave it out";
            return findings.add(document.finding(Rule::UnsupportedPolicy, message));
        }
        let message = "the folder .configbus is reserved for policy, and this is none; move the file elsewhere";
        let mut finding = document.finding(Rule::UnsupportedPolicy, message);
        if let Some(near) = policy::nearest(name, policy::SUPPORTED.iter().copied()) {
            finding = finding.found(name).expected(near);
        }
        findings.add(finding);
    }
}

fn supported(path: &str) -> bool {
    path.strip_prefix(".configbus/").is_some_and(|name| policy::SUPPORTED.contains(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_folder_is_reserved() {
        for (path, applies) in [
            (".configbus/owners", false),
            (".configbus/teams.yaml", false),
            (".configbus/team.yaml", true),
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

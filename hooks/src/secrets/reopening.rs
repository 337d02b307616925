//! Files whose allowance is taken away are looked at again.

use crate::{
    PathGlob,
    candidate::{CandidateError, LandingFile},
    check::Findings,
    policy::{Case, Governed, Policy},
};

/// The allow-list as a part of policy. What it governs is checked with everything else about a file, so there is nothing
/// left to check here.
#[derive(Debug)]
pub(crate) struct AllowedSecrets;

impl Governed for AllowedSecrets {
    fn reopened(&self, case: &Case<'_>) -> Result<Vec<PathGlob>, CandidateError> {
        let after = &case.after().policy.allowances;
        Ok(case.before().map(|before| before.allowances.patterns_without(after)).unwrap_or_default())
    }

    fn reads(&self, _policy: &Policy, _path: &str) -> bool {
        false
    }

    fn compares(&self, _policy: &Policy, _path: &str) -> bool {
        false
    }

    fn check(&self, _case: &Case<'_>, _files: &[LandingFile], _findings: &mut Findings) -> Result<(), CandidateError> {
        Ok(())
    }
}

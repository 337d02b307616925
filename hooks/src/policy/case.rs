//! One candidate, with the policies that judge it.

use super::{LoadedPolicy, Policy, PolicyCache};
use crate::{
    Context, GateSettings, PathGlob,
    candidate::{Candidate, CandidateError, FileChange, LandingFile, wanted_files},
    check::Findings,
};
use std::{collections::HashSet, sync::Arc};

/// What changes, for whom, and both policies.
pub(crate) struct Case<'a> {
    /// The candidate, to read files from.
    pub candidate: &'a dyn Candidate,
    /// Who asks, where and when.
    pub context: &'a Context<'a>,
    /// What changes.
    pub changes: Vec<FileChange>,
    before: Arc<LoadedPolicy>,
    after: Arc<LoadedPolicy>,
}

/// A family of rules that the policy brings: schemas, rules.
pub(crate) trait Governed: Send + Sync {
    /// Returns patterns of the files that have to be looked at although they did not change, because what they are held to
    /// did: an entry of the policy, or a file that an entry names.
    fn reopened(&self, case: &Case<'_>) -> Result<Vec<PathGlob>, CandidateError>;

    /// Returns whether the verdict on one file depends on what is at another path, as that of a schema. The folder of the policy
    /// need not be named.
    fn reads(&self, policy: &Policy, path: &str) -> bool;

    /// Returns whether the verdict on a file depends on what was there before. A family that does not say is taken to compare.
    fn compares(&self, _policy: &Policy, _path: &str) -> bool {
        true
    }

    /// Returns whether the verdict on files of a change depends on what is at another path, although nothing else is judged by it.
    fn judges_together(&self, _policy: &Policy, _own: &HashSet<&str>, _path: &str) -> bool {
        false
    }

    /// Adds what is wrong with files of the landing tree, those that changed and those that were reopened. Their syntax is
    /// right and their size within the limit.
    fn check(&self, case: &Case<'_>, files: &[LandingFile], findings: &mut Findings) -> Result<(), CandidateError>;
}

impl<'a> Case<'a> {
    pub(crate) fn open(
        cache: &PolicyCache,
        candidate: &'a dyn Candidate,
        context: &'a Context<'a>,
        changes: Vec<FileChange>,
    ) -> Result<Self, CandidateError> {
        let ids = candidate.policy_ids()?;
        let before = cache.get(ids.base, &|path| candidate.base_file(path))?;
        let after = match ids.base == ids.landing && ids.base.is_some() {
            true => Arc::clone(&before),
            false => cache.get(ids.landing, &|path| candidate.landing_file(path))?,
        };
        Ok(Self { candidate, context, changes, before, after })
    }

    /// Returns the policy in force, which says who may propose what; `None` when it cannot be read.
    pub(crate) fn before(&self) -> Option<&Policy> {
        self.before.is_sound().then_some(&self.before.policy)
    }

    /// Returns the policy that would be in force, with what is wrong with it.
    pub(crate) fn after(&self) -> &LoadedPolicy {
        &self.after
    }

    /// Returns the same to keep.
    pub(crate) fn after_shared(&self) -> &Arc<LoadedPolicy> {
        &self.after
    }

    /// Returns the files that change and still are there.
    pub(crate) fn changed_files(&self) -> Vec<LandingFile> {
        self.changes.iter().cloned().filter_map(FileChange::into_landing).collect()
    }

    /// Returns the files that did not change and have to be looked at. Walks the tree only if there can be any.
    pub(crate) fn reopened_files(
        &self,
        governed: &[Box<dyn Governed>],
        settings: &GateSettings,
    ) -> Result<Vec<LandingFile>, CandidateError> {
        let mut globs = Vec::new();
        for family in governed {
            globs.extend(family.reopened(self)?);
        }
        if globs.is_empty() {
            return Ok(Vec::new());
        }
        let changed: HashSet<&str> = self.changes.iter().map(|change| change.path.as_str()).collect();
        let wanted = |path: &str| !changed.contains(path) && globs.iter().any(|glob| glob.matches(path));
        wanted_files(self.candidate, settings, &wanted)
    }
}

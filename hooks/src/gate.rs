//! The gate: one engine for pushes, API calls and working copies.

use crate::{
    Finding, GateSettings, Report, Rule,
    candidate::{Candidate, CandidateError, FileChange, FileState, LandingFile, NewObject},
    check::{Check, Findings, PolicySupport},
    context::Context,
    inspection::Inspection,
    mounting, ownership,
    policy::{
        Case, Governed, LoadedPolicy, PolicyCache,
        part::{self, Part, PartOutcome, PartPolicy},
    },
    report::ReportBuilder,
    rules::RuleCheck,
    schema::SchemaCheck,
    secrets::{AllowedSecrets, SecretScan},
    shape,
    switches::SwitchCheck,
    syntax,
    validators::{ValidatorSettings, ValidatorSettingsError, Validators},
};
use configbus_model::{BoundError, EntryMode, ObjectId, at_most};
use std::{collections::HashMap, ops::ControlFlow, sync::Arc};

/// Memory for the list of new contents: a million paths of usual length, where a stranger may make each a thousand bytes.
const CONTENTS_BYTES_MAX: usize = 192 << 20;

/// How far a check has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Files done.
    pub files_checked: usize,
    /// Files in all.
    pub files_total: usize,
}

/// Holds candidates to the rules. Made once, used from any thread.
pub struct Gate {
    settings: GateSettings,
    /// Found once: asking the system how many processors there are takes a dozen system calls.
    workers_max: usize,
    checks: Vec<Box<dyn Check>>,
    pub(crate) governed: Vec<Box<dyn Governed>>,
    pub(crate) policies: PolicyCache,
    pub(crate) validators: Validators,
}

impl std::fmt::Debug for Gate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gate").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Gate {
    /// Makes a gate, or says which setting cannot hold.
    pub fn new(settings: GateSettings) -> Result<Self, BoundError> {
        settings.validate()?;
        let bounds = syntax::DocumentBounds::of(&settings);
        let checks: Vec<Box<dyn Check>> = vec![
            Box::new(PolicySupport),
            Box::new(syntax::Json { bounds: bounds.clone() }),
            Box::new(syntax::Yaml { bounds: bounds.clone() }),
            Box::new(syntax::Toml { bounds: bounds.clone() }),
            Box::new(syntax::Xml { bounds }),
            Box::new(syntax::Csv),
        ];
        let workers_max = settings.worker_count();
        let schemas = SchemaCheck::new(settings.schemas.clone(), workers_max);
        let switches = SwitchCheck::new(settings.schemas.clone(), workers_max);
        let rules = RuleCheck::new(settings.rules.clone(), settings.child_program.clone());
        let governed: Vec<Box<dyn Governed>> =
            vec![Box::new(AllowedSecrets), Box::new(schemas), Box::new(switches), Box::new(rules)];
        let (policies, validators) = (PolicyCache::new(settings.policy.clone()), Validators::default());
        Ok(Self { settings, workers_max, checks, governed, policies, validators })
    }

    /// Gives validators of the installation a say, or says which cannot have one.
    pub fn with_validators(self, validators: Vec<ValidatorSettings>) -> Result<Self, ValidatorSettingsError> {
        let (program, at_once_max) = (self.settings.child_program.clone(), self.settings.validators_at_once_max);
        let validators = Validators::new(validators, program, at_once_max)?;
        Ok(Self { validators, ..self })
    }

    /// Returns the settings.
    pub fn settings(&self) -> &GateSettings {
        &self.settings
    }

    /// Checks a candidate: every object it brings, and what its landing tree changes.
    pub fn check(&self, candidate: &dyn Candidate, context: &Context<'_>) -> Result<Report, CandidateError> {
        self.check_with_progress(candidate, context, &mut |_| {})
    }

    /// Checks a candidate and tells how far it has come.
    pub fn check_with_progress(
        &self,
        candidate: &dyn Candidate,
        context: &Context<'_>,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Report, CandidateError> {
        let mut builder = ReportBuilder::new(&self.settings);
        let Some(mut contents) = self.check_objects(candidate, &mut builder)? else { return Ok(builder.finish()) };
        let case = self.open_case(candidate, context, &mut builder)?;
        let (files, is_governed) = match &case {
            Some(case) => self.judge(case, &mut builder)?,
            None if builder.is_over_limit() => return Ok(builder.finish()),
            None => (candidate.readable_files()?, false),
        };
        self.check_paths(&files, &mut builder);
        let directories = self.check_directories(candidate, &mut builder);
        builder.unless_explained(directories)?;
        let (fitting, large): (Vec<_>, Vec<_>) =
            files.into_iter().partition(|file| file.state.size_bytes <= self.settings.file_size_bytes_max);
        fitting.iter().for_each(|file| drop(contents.remove(&file.state.id)));
        let passing = self.report_large(&large, contents, &mut builder);
        let policy = self.policy_for_secrets(candidate, case.as_ref());
        let policy = builder.unless_explained(policy)?.unwrap_or_default();
        let scan = self.settings.refuse_secrets.then_some(SecretScan { allowances: &policy.policy.allowances });
        let inspection = Inspection::new(&self.checks, scan, self.workers_max);
        inspection.run(candidate, fitting.clone(), &mut builder, progress)?;
        inspection.run_passing(candidate, passing, &mut builder)?;
        if let Some(case) = &case {
            if is_governed {
                self.check_governed(case, fitting, &mut builder)?;
            }
            // Programs of others are not bothered with what is known to be wrong.
            if !builder.has_findings() {
                let asked = self.validators.check(candidate, context, &case.changes, &self.settings);
                let findings = builder.unless_explained(asked)?.unwrap_or_default();
                builder.add(findings);
            }
        }
        Ok(builder.finish())
    }

    /// Returns what changes with the policies that judge it; `None` when nothing changes or when it cannot be told.
    fn open_case<'a>(
        &self,
        candidate: &'a dyn Candidate,
        context: &'a Context<'a>,
        builder: &mut ReportBuilder,
    ) -> Result<Option<Case<'a>>, CandidateError> {
        let changes = candidate.changes().and_then(|changes| self.check_count(changes));
        let changes = builder.unless_explained(changes)?.unwrap_or_default();
        if changes.is_empty() {
            return Ok(None);
        }
        builder.unless_explained(Case::open(&self.policies, candidate, context, changes))
    }

    /// Judges who may change what, and returns the files to check and whether policy has a say in that. What may not be
    /// proposed, or by a policy that cannot be read, is not worth the cost of schemas and rules.
    fn judge(&self, case: &Case<'_>, builder: &mut ReportBuilder) -> Result<(Vec<LandingFile>, bool), CandidateError> {
        let verdict = ownership::judge(&case.changes, case.before(), case.context);
        let is_governed = verdict.findings.is_empty() && case.after().is_sound();
        builder.add_verdict(verdict);
        builder.add(case.after().findings.iter().cloned());
        let mounts = builder.unless_explained(mounting::judge(case))?;
        builder.add(mounts.unwrap_or_default());
        let mut files = case.changed_files();
        if is_governed {
            let reopened = builder.unless_explained(case.reopened_files(&self.governed, &self.settings))?;
            files.extend(reopened.unwrap_or_default());
        }
        Ok((files, is_governed))
    }

    /// Writes the policy of a tree for one directory of it, and holds every file there to both.
    pub fn translate_policy(&self, part: &Part<'_>) -> Result<PartOutcome, CandidateError> {
        part::translate(part, &self.settings)
    }

    /// Holds files of a directory to the policy of the whole tree and to a translation of it that was made before.
    pub fn hold_to_both(&self, part: &Part<'_>, policy: PartPolicy) -> Result<PartOutcome, CandidateError> {
        part::hold_to_both(part, policy, &self.settings)
    }

    fn check_count(&self, changes: Vec<FileChange>) -> Result<Vec<FileChange>, CandidateError> {
        let found = changes.iter().filter(|change| change.is_certain()).count();
        if found <= self.settings.changed_files_max {
            return Ok(changes);
        }
        Err(CandidateError::TooManyFiles { found: found as u64 })
    }

    /// Holds files in whose syntax nothing was found to what policy asks of them.
    fn check_governed(
        &self,
        case: &Case<'_>,
        mut files: Vec<LandingFile>,
        builder: &mut ReportBuilder,
    ) -> Result<(), CandidateError> {
        files.retain(|file| !builder.has_finding_at(&file.path));
        for family in &self.governed {
            let mut findings = Findings::default();
            family.check(case, &files, &mut findings)?;
            let (findings, unlisted) = findings.into_parts();
            builder.add(findings);
            builder.add_unlisted(unlisted);
        }
        Ok(())
    }

    /// Returns the policy that says which secrets may stay: that after the change, or where nothing lands that in force.
    fn policy_for_secrets(
        &self,
        candidate: &dyn Candidate,
        case: Option<&Case<'_>>,
    ) -> Result<Arc<LoadedPolicy>, CandidateError> {
        match case {
            Some(case) => Ok(Arc::clone(case.after_shared())),
            None => self.policies.get(candidate.policy_ids()?.base, &|path| candidate.base_file(path)),
        }
    }

    /// Returns the contents the candidate brings, so that the landing tree can name them by their path there; `None` when it
    /// brings more objects than are looked at.
    fn check_objects(
        &self,
        candidate: &dyn Candidate,
        builder: &mut ReportBuilder,
    ) -> Result<Option<HashMap<ObjectId, LandingFile>>, CandidateError> {
        let (limits, max) = (self.settings.path_limits(), self.settings.push_objects_max);
        let (mut contents, mut count, mut held_bytes) = (HashMap::new(), 0_usize, 0);
        let walked = candidate.new_objects(&mut |object| {
            count += 1;
            if count > max {
                return ControlFlow::Break(());
            }
            match object {
                NewObject::Directory { path, entries } => builder.add(shape::check_entries(path, entries, &limits)),
                NewObject::Content { path, id, size_bytes } => {
                    held_bytes += path.len() + size_of::<LandingFile>();
                    if held_bytes > CONTENTS_BYTES_MAX {
                        return ControlFlow::Break(());
                    }
                    let state = FileState { id, mode: EntryMode::File, size_bytes };
                    contents.insert(id, LandingFile { path: path.to_owned(), state });
                }
                NewObject::Other => {}
            }
            ControlFlow::Continue(())
        });
        if builder.unless_explained(walked)?.is_none() {
            return Ok(None);
        }
        if held_bytes > CONTENTS_BYTES_MAX {
            let message = "more files are new than can be looked at together; bring them in several steps";
            builder.add([Finding::new(Rule::ChangedFiles, "", message)]);
            return Ok(None);
        }
        if count <= max {
            return Ok(Some(contents));
        }
        let message = "push brings too many objects; push fewer commits at a time";
        let finding = Finding::new(Rule::PushObjects, "", message).found(format!("more than {max} objects"));
        builder.add([finding.expected(at_most(max, "objects", "gate.push_objects_max"))]);
        Ok(None)
    }

    /// Where names are told by the objects already, each file below one would only repeat it.
    fn check_paths(&self, files: &[LandingFile], builder: &mut ReportBuilder) {
        let (limits, names_are_told) = (self.settings.path_limits(), builder.has_findings());
        let findings = files.iter().filter_map(|file| shape::check_path(&file.path, &limits));
        builder.add(findings.filter(|finding| finding.rule != Rule::Name || !names_are_told));
    }

    pub(crate) fn check_directories(
        &self,
        candidate: &dyn Candidate,
        builder: &mut ReportBuilder,
    ) -> Result<(), CandidateError> {
        candidate.changed_directories(&mut |path, names| {
            builder.add(shape::check_directory(path, names, self.settings.directory_entries_max));
        })
    }

    /// Adds what is too large, by its path in the landing tree where it has one, and returns the other contents that do not
    /// land.
    fn report_large(
        &self,
        large: &[LandingFile],
        mut contents: HashMap<ObjectId, LandingFile>,
        builder: &mut ReportBuilder,
    ) -> Vec<LandingFile> {
        large.iter().for_each(|file| drop(contents.remove(&file.state.id)));
        let max = self.settings.file_size_bytes_max;
        let (mut passing, too_large): (Vec<_>, Vec<_>) =
            contents.into_values().partition(|file| file.state.size_bytes <= max);
        let large = large.iter().chain(&too_large);
        builder.add(large.filter_map(|file| shape::check_size(&file.path, file.state.size_bytes, max)));
        passing.sort_by(|a, b| a.path.cmp(&b.path));
        passing
    }
}

#[cfg(test)]
mod tests;

//! The gate: one engine for pushes, API calls and working copies.

use crate::{
    GateSettings, GateSettingsError, Report, Rule,
    candidate::{Candidate, CandidateError, LandingFile, NewObject},
    check::{Check, Findings, PolicySupport},
    context::Context,
    inspection::Inspection,
    ownership,
    policy::{Case, Governed, PolicyCache},
    report::ReportBuilder,
    shape, syntax,
    validators::{ValidatorSettings, ValidatorSettingsError, Validators},
};
use configbus_model::ObjectId;
use std::collections::HashMap;

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
    checks: Vec<Box<dyn Check>>,
    pub(crate) governed: Vec<Box<dyn Governed>>,
    pub(crate) policies: PolicyCache,
    validators: Validators,
}

impl std::fmt::Debug for Gate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gate").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Gate {
    /// Makes a gate, or says which setting cannot hold.
    pub fn new(settings: GateSettings) -> Result<Self, GateSettingsError> {
        settings.validate()?;
        let depth_max = settings.document_depth_max;
        let checks: Vec<Box<dyn Check>> = vec![
            Box::new(PolicySupport),
            Box::new(syntax::Json { depth_max }),
            Box::new(syntax::Yaml { depth_max }),
            Box::new(syntax::Toml { depth_max }),
            Box::new(syntax::Xml { depth_max }),
            Box::new(syntax::Csv),
        ];
        let (governed, policies, validators) = (Vec::new(), PolicyCache::default(), Validators::default());
        Ok(Self { settings, checks, governed, policies, validators })
    }

    /// Gives validators of the installation a say, or says which cannot have one.
    pub fn with_validators(self, validators: Vec<ValidatorSettings>) -> Result<Self, ValidatorSettingsError> {
        let validators = Validators::new(validators, self.settings.child_program.clone())?;
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
        let mut builder = ReportBuilder::default();
        let mut oversized = self.check_objects(candidate, &mut builder)?;
        let case = self.open_case(candidate, context, &mut builder)?;
        let (files, is_governed) = match &case {
            Some(case) => self.judge(case, &mut builder)?,
            None => (candidate.readable_files()?, false),
        };
        self.check_paths(&files, &mut builder);
        let directories = self.check_directories(candidate, &mut builder);
        builder.unless_explained(directories)?;
        let (fitting, large): (Vec<_>, Vec<_>) =
            files.into_iter().partition(|file| file.state.size_bytes <= self.settings.file_size_bytes_max);
        self.report_large(large, &mut oversized, &mut builder);
        let inspection = Inspection::new(&self.checks, self.settings.worker_count());
        inspection.run(candidate, fitting.clone(), &mut builder, progress)?;
        if let Some(case) = &case {
            if is_governed {
                self.check_governed(case, fitting, &mut builder)?;
            }
            // Programs of others are not bothered with what is known to be wrong.
            if !builder.has_findings() {
                builder.add(self.validators.check(candidate, context, &case.changes)?);
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
        let changes = builder.unless_explained(candidate.changes())?.unwrap_or_default();
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
        let mut files = case.changed_files();
        if is_governed {
            files.extend(case.reopened_files(&self.governed)?);
        }
        Ok((files, is_governed))
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

    /// Returns the contents that are too large, so that the landing tree can name them by their path there.
    fn check_objects(
        &self,
        candidate: &dyn Candidate,
        builder: &mut ReportBuilder,
    ) -> Result<HashMap<ObjectId, (String, u64)>, CandidateError> {
        let limits = self.settings.path_limits();
        let mut oversized = HashMap::new();
        candidate.new_objects(&mut |object| match object {
            NewObject::Directory { path, entries } => builder.add(shape::check_entries(path, entries, &limits)),
            NewObject::Content { path, id, size_bytes } => {
                if size_bytes > self.settings.file_size_bytes_max {
                    oversized.insert(id, (path.to_owned(), size_bytes));
                }
            }
        })?;
        Ok(oversized)
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

    fn report_large(
        &self,
        large: Vec<LandingFile>,
        oversized: &mut HashMap<ObjectId, (String, u64)>,
        builder: &mut ReportBuilder,
    ) {
        let max = self.settings.file_size_bytes_max;
        for file in large {
            oversized.remove(&file.state.id);
            builder.add(shape::check_size(&file.path, file.state.size_bytes, max));
        }
        builder.add(oversized.values().filter_map(|(path, size_bytes)| shape::check_size(path, *size_bytes, max)));
    }
}

#[cfg(test)]
mod tests;

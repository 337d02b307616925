//! Holds files to the schemas that `schemas.yaml` names for them.

use super::{
    Catalog, Compiled, LandingTree, SchemaCache, SchemaSettings, cache::Origin, closure, closure::Closure,
    compatibility, inspect, tree::BaseTree,
};
use crate::{
    Finding, PathGlob, Rule,
    candidate::{CandidateError, LandingFile},
    check::Findings,
    document::Format,
    policy::{Case, Compatibility, Governed, Policy, SCHEMAS, SchemaEntry, is_policy},
};
use configbus_model::at_most;
use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::Arc,
    time::{Duration, Instant},
};

/// The check, with the schemas it has compiled so far.
#[derive(Debug)]
pub(crate) struct SchemaCheck {
    pub(super) settings: SchemaSettings,
    pub(super) workers_max: usize,
    cache: SchemaCache,
}

/// A schema and whether formats count: what is compiled once.
type Wanted<'e> = (&'e str, bool);

impl SchemaCheck {
    /// Makes the check.
    pub(crate) fn new(settings: SchemaSettings, workers_max: usize) -> Self {
        Self { cache: SchemaCache::new(&settings), settings, workers_max }
    }
}

impl Governed for SchemaCheck {
    fn reopened(&self, case: &Case<'_>) -> Result<Vec<PathGlob>, CandidateError> {
        let tree = LandingTree::new(case.candidate);
        let catalog = catalog(case, &tree);
        let round = Round::new(self, case, &catalog);
        let mut globs = Vec::new();
        for entry in &case.after().policy.schemas.entries {
            if round.is_reopened(entry)? {
                globs.push(entry.files.clone());
            }
        }
        Ok(globs)
    }

    fn reads(&self, policy: &Policy, path: &str) -> bool {
        policy.schemas.entries.iter().any(|entry| entry.schema == path) || self.cache.is_part_of_any(path)
    }

    fn compares(&self, policy: &Policy, path: &str) -> bool {
        // A file is held to its schema whatever it was before; a schema may be held against its former self.
        self.reads(policy, path)
    }

    fn check(&self, case: &Case<'_>, files: &[LandingFile], findings: &mut Findings) -> Result<(), CandidateError> {
        let entries = &case.after().policy.schemas.entries;
        if entries.len() > self.settings.entries_max {
            let message = "file has too many entries; join some of them, or take out what nobody needs";
            let finding = Finding::new(Rule::PolicySize, SCHEMAS, message).found(format!("{} entries", entries.len()));
            findings.add(finding.expected(at_most(self.settings.entries_max, "entries", "gate.schemas.entries_max")));
            return Ok(());
        }
        let deadline = Instant::now() + Duration::from_millis(self.settings.candidate_time_ms_max);
        let tree = LandingTree::new(case.candidate);
        let catalog = catalog(case, &tree);
        let round = Round::new(self, case, &catalog);
        let held = held(entries, files);
        let mut wanted: BTreeSet<Wanted<'_>> = held.iter().flat_map(|(_, wanted)| wanted.iter().copied()).collect();
        for entry in entries {
            if round.is_reopened(entry)? {
                wanted.insert((&entry.schema, entry.formats));
                round.check_promise(entry, findings)?;
            }
        }
        let compiled = round.compile(wanted, findings)?;
        let jobs = held.into_iter().map(|(file, wanted)| {
            let schemas = wanted.into_iter().filter_map(|wanted| compiled.get(&wanted).cloned()).collect();
            inspect::Job { file, schemas }
        });
        inspect::inspect(self, case.candidate, jobs.collect(), deadline, findings)
    }
}

/// Returns the schemas that the policy after the change names.
fn catalog<'t>(case: &Case<'_>, tree: &'t LandingTree<'_>) -> Catalog<'t> {
    let entries = &case.after().policy.schemas.entries;
    Catalog::new(tree, entries.iter().map(|entry| entry.schema.clone()))
}

/// Returns the files that some entry is about, with the schemas each is held to. Policy has its own rules.
fn held<'e, 'f>(entries: &'e [SchemaEntry], files: &'f [LandingFile]) -> Vec<(&'f LandingFile, BTreeSet<Wanted<'e>>)> {
    let documents = files.iter().filter(|file| Format::of(&file.path).is_some() && !is_policy(&file.path));
    let held = documents.filter_map(|file| {
        let matching = entries.iter().filter(|entry| entry.files.matches(&file.path));
        let wanted: BTreeSet<_> = matching.map(|entry| (&*entry.schema, entry.formats)).collect();
        (!wanted.is_empty()).then_some((file, wanted))
    });
    held.collect()
}

/// One look at one candidate.
pub(super) struct Round<'a> {
    pub(super) check: &'a SchemaCheck,
    pub(super) case: &'a Case<'a>,
    catalog: &'a Catalog<'a>,
    changed: HashSet<&'a str>,
}

impl<'a> Round<'a> {
    fn new(check: &'a SchemaCheck, case: &'a Case<'a>, catalog: &'a Catalog<'a>) -> Self {
        let changed = case.changes.iter().map(|change| change.path.as_str()).collect();
        Self { check, case, catalog, changed }
    }

    /// Returns whether the files of an entry have to be looked at even if they did not change.
    fn is_reopened(&self, entry: &SchemaEntry) -> Result<bool, CandidateError> {
        let is_new = || self.case.before().is_none_or(|before| !before.schemas.entries.contains(entry));
        if self.changed.contains(SCHEMAS) && is_new() {
            return Ok(true);
        }
        let catalog = self.catalog;
        let origin = match self.check.cache.origin(&entry.schema, entry.formats, catalog)? {
            Some(origin) => origin,
            None => match closure::load(&entry.schema, catalog, &self.check.settings)? {
                // What is wrong is told where it is compiled.
                Err(_) => return Ok(true),
                Ok(closure) => {
                    let origin = Origin::of(&closure, catalog)?;
                    self.check.cache.keep(&entry.schema, entry.formats, origin.clone(), None);
                    origin
                }
            },
        };
        let is_named_anew = origin.named_among.is_some() && catalog.paths().any(|path| self.changed.contains(path));
        Ok(is_named_anew || origin.files.keys().any(|path| self.changed.contains(path.as_str())))
    }

    /// Holds a schema that changed against the one before it, if its entry promises something.
    fn check_promise(&self, entry: &SchemaEntry, findings: &mut Findings) -> Result<(), CandidateError> {
        let Some(before) = self.case.before().filter(|_| entry.compatibility != Compatibility::None) else {
            return Ok(());
        };
        let entries = &before.schemas.entries;
        let same_files = entries.iter().find(|old| old.files == entry.files && old.schema == entry.schema);
        let same_files = same_files.or_else(|| entries.iter().find(|old| old.files == entry.files));
        let Some(old) = same_files.or_else(|| entries.iter().find(|old| old.schema == entry.schema)) else {
            return Ok(());
        };
        let tree = BaseTree(self.case.candidate);
        let catalog = Catalog::new(&tree, entries.iter().map(|entry| entry.schema.clone()));
        let old = closure::load(&old.schema, &catalog, &self.check.settings)?;
        let new = closure::load(&entry.schema, self.catalog, &self.check.settings)?;
        // What is wrong with the new one is told where it is compiled; one that was wrong before promised nothing.
        let (Ok(old), Ok(new)) = (old, new) else { return Ok(()) };
        let broken = inspect::on_workers(1, &[(old, new)], |(old, new)| {
            compatibility::broken(old, new, entry.compatibility, entry.formats)
        })?;
        broken.into_iter().flatten().for_each(|finding| findings.add(finding));
        Ok(())
    }

    /// Compiles schemas that are not known yet, several at once, and adds what is wrong with them.
    fn compile<'w>(
        &self,
        wanted: BTreeSet<Wanted<'w>>,
        findings: &mut Findings,
    ) -> Result<BTreeMap<Wanted<'w>, Arc<Compiled>>, CandidateError> {
        let catalog = self.catalog;
        let (mut compiled, mut missing): (BTreeMap<_, _>, Vec<(Wanted<'w>, Closure, Origin)>) = Default::default();
        let mut wrong = Vec::new();
        for (path, formats) in wanted {
            if let Some(known) = self.check.cache.compiled(path, formats, catalog)? {
                compiled.insert((path, formats), known);
                continue;
            }
            match closure::load(path, catalog, &self.check.settings)? {
                Ok(closure) => {
                    let origin = Origin::of(&closure, catalog)?;
                    missing.push(((path, formats), closure, origin));
                }
                Err(found) => wrong.extend(found),
            }
        }
        let results = inspect::on_workers(self.check.workers_max, &missing, |((_, formats), closure, _)| {
            Compiled::new(closure, *formats, &self.check.settings)
        })?;
        for (((path, formats), _, origin), result) in missing.into_iter().zip(results) {
            match result {
                Ok(schema) => {
                    let schema = Arc::new(schema);
                    self.check.cache.keep(path, formats, origin, Some(Arc::clone(&schema)));
                    compiled.insert((path, formats), schema);
                }
                Err(found) => wrong.extend(found),
            }
        }
        // Several schemas may refer to the one that is wrong.
        wrong.dedup();
        for (at, finding) in wrong.iter().enumerate() {
            if !wrong[..at].contains(finding) {
                findings.add(finding.clone());
            }
        }
        Ok(compiled)
    }
}

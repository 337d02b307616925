//! The part of a policy that is about one directory, written for that directory as a root of its own.
//!
//! What a pattern means below the directory is found out exactly ([`PathGlob::below`](crate::PathGlob)); what cannot be written
//! for the new root is listed, every entry of it, and nothing is guessed. Afterwards every file is held to both policies
//! ([`verdicts`]): the translation need not be believed.
//!
//! Teams are taken over whole: who is in which team does not depend on paths, and rules may ask for any of them.

mod entries;
mod owners;
mod switches;
mod verdicts;

use super::{ALLOW, OWNERS, ReadFile, SCHEMAS, SWITCHES, TEAMS, load};
use crate::{
    GateSettings,
    candidate::{CandidateError, FoundFile},
    schema::{self, SchemaFile, SchemaFiles},
};
use bytes::Bytes;
use configbus_model::{ConfigPath, ObjectId};
use std::collections::{BTreeMap, BTreeSet};
pub use verdicts::{DIFFERENCES_LISTED_MAX, VerdictDifference};

/// Something of the policy that cannot be written for the new root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Untranslatable {
    /// File of the policy, or of a schema.
    pub file: String,
    /// Where in it, counted from 1.
    pub line: Option<usize>,
    /// Why, and what to do.
    pub reason: String,
}

/// A policy for a directory that becomes a root.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PartPolicy {
    /// Files to put beside those of the directory, by their path below the new root.
    pub files: BTreeMap<String, Bytes>,
    /// Those of them that are copies of files outside the directory, with where the originals stand.
    pub copied: BTreeMap<String, String>,
    /// Every file of the whole tree that its schemas are made of: it holds as long as none of them changes.
    pub made_of: BTreeSet<String>,
    /// Entries of the old policy that are about other files only.
    pub dropped: usize,
}

/// What came of translating a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PartOutcome {
    /// Every file is judged by it as before.
    Translated(PartPolicy),
    /// These entries cannot be written for the new root.
    Untranslatable(Vec<Untranslatable>),
    /// It would judge these files otherwise; the first of them, and how many in all.
    Differs(Vec<VerdictDifference>, usize),
}

/// A directory of a tree.
pub struct Part<'a> {
    /// Where it stands.
    pub prefix: &'a ConfigPath,
    /// Its files, by their path below it.
    pub files: &'a [String],
    /// Reads files of the whole tree.
    pub read: ReadFile<'a>,
}

/// Translates the policy of a tree for one directory of it, and holds every file to both.
pub(crate) fn translate(part: &Part<'_>, settings: &GateSettings) -> Result<PartOutcome, CandidateError> {
    let old = load(part.read, &settings.policy)?;
    if let Some(finding) = old.findings.first() {
        let reason = format!("the policy cannot be read: {}", finding.sentence());
        let untranslatable = Untranslatable { file: finding.path.clone(), line: finding.line, reason };
        return Ok(PartOutcome::Untranslatable(vec![untranslatable]));
    }
    let mut translation = Translation { part, policy: PartPolicy::default(), untranslatable: Vec::new() };
    translation.check_folder();
    translation.teams()?;
    owners::translate(&mut translation)?;
    entries::translate(&mut translation)?;
    switches::translate(&mut translation, &old.policy.switches)?;
    translation.schemas(&old.policy.schemas, settings)?;
    owners::keep_copied(&mut translation, &old.policy.owners);
    if !translation.untranslatable.is_empty() {
        return Ok(PartOutcome::Untranslatable(translation.untranslatable));
    }
    hold_to_both(part, translation.policy, settings)
}

/// Holds files to the policy of their tree and to its translation.
pub(crate) fn hold_to_both(
    part: &Part<'_>,
    policy: PartPolicy,
    settings: &GateSettings,
) -> Result<PartOutcome, CandidateError> {
    let old = load(part.read, &settings.policy)?;
    let new = load(&|path| policy.found(path, part), &settings.policy)?;
    if let Some(finding) = old.findings.first().or(new.findings.first()) {
        let reason = format!("policy or its translation cannot be read: {}", finding.sentence());
        let untranslatable = Untranslatable { file: finding.path.clone(), line: None, reason };
        return Ok(PartOutcome::Untranslatable(vec![untranslatable]));
    }
    let (differences, total) = verdicts::compare(&old.policy, &new.policy, &policy, part);
    Ok(if total == 0 { PartOutcome::Translated(policy) } else { PartOutcome::Differs(differences, total) })
}

impl PartPolicy {
    /// Returns a file of the new root.
    fn found(&self, path: &str, part: &Part<'_>) -> Result<Option<FoundFile>, CandidateError> {
        match self.files.get(path) {
            Some(content) => found(content.clone()).map(Some),
            None => (part.read)(&format!("{}/{path}", part.prefix)),
        }
    }

    /// Returns where a file of the whole tree stands below the new root.
    fn place_of(&self, path: &str, prefix: &ConfigPath) -> Option<String> {
        let below = path.strip_prefix(prefix.as_str()).and_then(|rest| rest.strip_prefix('/'));
        let copied = || self.copied.iter().find(|(_, from)| *from == path).map(|(to, _)| to.clone());
        below.map(str::to_owned).or_else(copied)
    }
}

fn found(content: Bytes) -> Result<FoundFile, CandidateError> {
    let id = configbus_model::blob_id(&content).map_err(|error| CandidateError::read("a policy", error))?;
    Ok(FoundFile { id: id.object_id(), content })
}

/// A translation in the making.
struct Translation<'a> {
    part: &'a Part<'a>,
    policy: PartPolicy,
    untranslatable: Vec<Untranslatable>,
}

impl Translation<'_> {
    fn refuse(&mut self, file: &str, line: Option<usize>, reason: impl Into<String>) {
        self.untranslatable.push(Untranslatable { file: file.to_owned(), line, reason: reason.into() });
    }

    /// What stands in the way of a policy.
    fn check_folder(&mut self) {
        if let Some(file) = self.part.files.iter().find(|file| super::is_policy(file)) {
            let path = format!("{}/{file}", self.part.prefix);
            self.refuse(&path, None, "it would become policy of the new namespace; move it elsewhere first");
        }
    }

    fn teams(&mut self) -> Result<(), CandidateError> {
        if let Some(file) = (self.part.read)(TEAMS)? {
            self.policy.files.insert(TEAMS.to_owned(), file.content);
        }
        Ok(())
    }

    /// Brings along the schemas outside the directory, and makes sure that each refers to the same ones as before.
    fn schemas(&mut self, old: &super::Schemas, settings: &GateSettings) -> Result<(), CandidateError> {
        let prefix = self.part.prefix;
        let concerned = |entry: &&super::SchemaEntry| entry.files.below(prefix).is_ok_and(|globs| !globs.is_empty());
        let entries: Vec<_> = old.entries.iter().filter(concerned).collect();
        let all: Vec<String> = old.entries.iter().map(|entry| entry.schema.clone()).collect();
        let before = Tree(self.part.read);
        let mut made_of = BTreeMap::new();
        for entry in &entries {
            match schema::files_of(&entry.schema, &before, &all, &settings.schemas)? {
                Ok(files) => drop(made_of.insert(entry.schema.clone(), files)),
                Err(reason) => self.refuse(&entry.schema, None, reason),
            }
        }
        self.policy.made_of = made_of.values().flatten().cloned().collect();
        let files = self.policy.made_of.clone();
        for file in files.iter().filter(|file| !file.starts_with(&format!("{prefix}/"))) {
            self.bring(file)?;
        }
        if !self.untranslatable.is_empty() {
            return Ok(());
        }
        let (policy, part) = (self.policy.clone(), self.part);
        let place = |path: &String| policy.place_of(path, prefix).unwrap_or_else(|| path.clone());
        let read_new = |path: &str| policy.found(path, part);
        let after = Tree(&read_new);
        let kept: Vec<String> = entries.iter().map(|entry| place(&entry.schema)).collect();
        for (schema, files) in &made_of {
            let expected = files.iter().map(place).collect();
            if schema::files_of(&place(schema), &after, &kept, &settings.schemas)? != Ok(expected) {
                let reason = "a reference in it would lead elsewhere or nowhere; move the schemas together first";
                self.refuse(schema, None, reason);
            }
        }
        Ok(())
    }

    /// Copies a file to the same place below the new root, if nothing is there.
    fn bring(&mut self, file: &str) -> Result<(), CandidateError> {
        if self.policy.copied.contains_key(file) {
            return Ok(());
        }
        let clashes = |other: &&String| {
            let (a, b) = (format!("{file}/"), format!("{other}/"));
            a.starts_with(&b) || b.starts_with(&a)
        };
        if let Some(other) = self.part.files.iter().find(clashes) {
            let reason = format!("it stands outside {0} and would be copied to where {0}/{other} is", self.part.prefix);
            self.refuse(file, None, reason);
            return Ok(());
        }
        if let Some(found) = (self.part.read)(file)? {
            self.policy.files.insert(file.to_owned(), found.content);
            self.policy.copied.insert(file.to_owned(), file.to_owned());
        }
        Ok(())
    }
}

/// A tree as schemas are read from it.
struct Tree<'a>(ReadFile<'a>);

impl SchemaFiles for Tree<'_> {
    fn id(&self, path: &str) -> Result<Option<ObjectId>, CandidateError> {
        Ok((self.0)(path)?.map(|file| file.id))
    }

    fn file(&self, path: &str) -> Result<Option<SchemaFile>, CandidateError> {
        Ok((self.0)(path)?.map(|file| SchemaFile { id: file.id, content: file.content }))
    }
}

/// Files of the policy that are lists of entries about patterns.
const LISTS: [&str; 3] = [SCHEMAS, super::RULES, ALLOW];

#[cfg(test)]
mod tests;

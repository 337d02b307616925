//! Prerequisites of features that lead back to where they came from: such a feature would be off for everybody.

use crate::{
    Finding, Rule,
    candidate::{Candidate, CandidateError, FoundFile},
    check::Document,
    document::{Content, Format},
    policy::{SwitchEntry, SwitchKind, Switches},
};
use configbus_switches::key_below;
use serde_json::Value;
use std::collections::{BTreeMap, VecDeque};

/// Most switches that one feature depends on; with more, programs could not tell.
const FEATURES_MAX: usize = 32;

/// Extensions of files that are documents.
const EXTENSIONS: [&str; 4] = ["yaml", "yml", "json", "toml"];

/// Looks at the features of the tree that would land, as far as prerequisites lead.
pub(super) struct Circles<'c> {
    candidate: &'c dyn Candidate,
    switches: &'c Switches,
    /// Prerequisites of features by key; none of a key that is no feature.
    known: BTreeMap<String, Vec<String>>,
}

impl<'c> Circles<'c> {
    pub(super) fn new(candidate: &'c dyn Candidate, switches: &'c Switches) -> Self {
        Self { candidate, switches, known: BTreeMap::new() }
    }

    /// Returns what is wrong with the prerequisites of a feature.
    pub(super) fn findings_of(
        &mut self,
        path: &str,
        content: &[u8],
        entry: &SwitchEntry,
    ) -> Result<Vec<Finding>, CandidateError> {
        let own = entry.key(path);
        let mut findings = Vec::new();
        for key in requirements(path, content) {
            let Some(chain) = self.back_to(own, &key)? else { continue };
            let document = Document::new(path, content);
            let pointer = format!("/requires/{}", key.replace('~', "~0").replace('/', "~1"));
            let text = std::str::from_utf8(content).ok();
            let parsed = Format::of(path).zip(text).and_then(|(format, text)| Content::read(format, text));
            let place = parsed.and_then(|parsed| Some(parsed.place(0, &pointer)?.value));
            let message = "prerequisites lead back to the feature, so that it would be off for everybody";
            let finding = match place {
                Some(offset) => document.finding_at(Rule::SwitchInvalid, offset, message),
                None => document.finding(Rule::SwitchInvalid, message),
            };
            findings.push(finding.found(chain).pointing(pointer));
        }
        Ok(findings)
    }

    /// Returns how a prerequisite leads back to a feature, if it does.
    fn back_to(&mut self, own: &str, first: &str) -> Result<Option<String>, CandidateError> {
        let mut next = VecDeque::from([(first.to_owned(), format!("{own} needs {first}"))]);
        let mut met = Vec::new();
        while let Some((key, chain)) = next.pop_front() {
            if is_of(&key, own) {
                return Ok(Some(chain));
            }
            if met.contains(&key) || met.len() >= FEATURES_MAX {
                continue;
            }
            let needed = self.needed_by(&key)?;
            next.extend(needed.into_iter().map(|needed| (needed.clone(), format!("{chain} needs {needed}"))));
            met.push(key);
        }
        Ok(None)
    }

    fn needed_by(&mut self, key: &str) -> Result<Vec<String>, CandidateError> {
        if let Some(needed) = self.known.get(key) {
            return Ok(needed.clone());
        }
        let feature = key.rsplit_once('.').map(|(feature, _)| feature);
        let mut needed = Vec::new();
        for name in std::iter::once(key).chain(feature) {
            if let Some((path, file)) = self.file_of(name)? {
                needed = requirements(&path, &file.content);
                break;
            }
        }
        self.known.insert(key.to_owned(), needed.clone());
        Ok(needed)
    }

    /// Returns the file of a feature, looking only where its key can stand.
    fn file_of(&self, key: &str) -> Result<Option<(String, FoundFile)>, CandidateError> {
        let patterns = self.switches.entries.iter().filter(|entry| entry.kind == SwitchKind::Features);
        for pattern in patterns.flat_map(|entry| &entry.files) {
            let literal = pattern.as_str().trim_start_matches('/');
            let literal = literal.find(['*', '?', '[', '\\']).map_or(literal, |wild| &literal[..wild]);
            let folder = literal.rfind('/').map_or("", |slash| &literal[..=slash]);
            for extension in EXTENSIONS {
                for path in [format!("{folder}{key}.{extension}"), format!("{literal}/{key}.{extension}")] {
                    let is_named = pattern.matches(&path) && key_below(pattern.as_str(), &path) == key;
                    if let Some(file) = if is_named { self.candidate.landing_file(&path)? } else { None } {
                        return Ok(Some((path, file)));
                    }
                }
            }
        }
        Ok(None)
    }
}

fn is_of(key: &str, feature: &str) -> bool {
    key == feature || key.rsplit_once('.').is_some_and(|(named, _)| named == feature)
}

/// Returns the keys a feature's document names as prerequisites.
fn requirements(path: &str, content: &[u8]) -> Vec<String> {
    let text = std::str::from_utf8(content).ok();
    let parsed = Format::of(path).zip(text).and_then(|(format, text)| Content::read(format, text));
    let keys =
        |value: &Value| value.get("requires").and_then(Value::as_object).map(|keys| keys.keys().cloned().collect());
    parsed.and_then(|parsed| parsed.values().first().and_then(keys)).unwrap_or_default()
}

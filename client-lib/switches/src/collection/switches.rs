//! Keys and what they are for a context.

use super::{
    SwitchFile,
    plan::{Plan, STEPS_MAX, Step},
};
use crate::{Context, ErrorCode, Feature, Flag, Moment, Resolution, decider::DeciderFlag};
use serde_json::{Map, Value};
use std::{collections::HashMap, sync::Arc};

/// All flags and features of one tree, and the deciders that stand among them.
///
/// ```
/// use configbus_switches::{Context, Moment, SwitchFile, Switches};
/// use std::sync::Arc;
///
/// let feature = serde_json::json!({
///     "owner": "checkout", "stage": "beta",
///     "parameters": {"enabled": {"type": "bool", "default": false}},
///     "rules": [{"when": {"country": "DE"}, "set": {"enabled": true}}],
/// });
/// let file = SwitchFile::parse("cart", &feature).usable()?;
/// let switches = Switches::of([("features/cart.yaml".to_owned(), Arc::new(file))]);
/// let (context, now) = ([("country", "DE".into())], Moment::from_unix_ms(0));
/// // A feature is one object, and each of its parameters is a switch of its own.
/// assert_eq!(switches.resolve("cart", &Context::of(&context), now).value.unwrap()["enabled"], true);
/// assert_eq!(switches.resolve("cart.enabled", &Context::of(&context), now).bool_or(false), Ok(true));
/// # Ok::<(), configbus_switches::Problems>(())
/// ```
#[derive(Debug, Default)]
pub struct Switches {
    files: Vec<(String, Arc<SwitchFile>)>,
    /// By key.
    entries: HashMap<Box<str>, Entry>,
    /// Of features that have prerequisites, by file.
    plans: HashMap<usize, Plan>,
    /// What files were read from, by path, where somebody keeps that.
    documents: HashMap<String, Arc<Value>>,
}

/// Values and answers of steps.
pub(super) type Values<'a> = [(Option<&'a Value>, Option<Resolution<'a>>); STEPS_MAX];

/// Where a switch is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Entry {
    pub(super) file: usize,
    /// Of a flag or a decider, its place in the file.
    pub(super) at: usize,
}

/// Where a key leads, in one [`Switches`].
#[derive(Debug, Clone, Copy)]
pub struct Place {
    entry: Entry,
    /// Where in the key the name of a parameter begins.
    parameter_at: Option<usize>,
}

impl Place {
    pub(super) fn is_parameter(self) -> bool {
        self.parameter_at.is_some()
    }
}

impl Switches {
    /// Puts files together. Of a key that is there twice the first counts, so paths should be in order.
    pub fn of(files: impl IntoIterator<Item = (String, Arc<SwitchFile>)>) -> Self {
        let mut switches = Self { files: files.into_iter().collect(), ..Self::default() };
        for (file, (_, content)) in switches.files.iter().enumerate() {
            let keys: Vec<&str> = match &**content {
                SwitchFile::Flags(set) => set.flags().map(Flag::key).collect(),
                SwitchFile::Feature(feature) => vec![feature.key()],
                SwitchFile::Deciders(deciders) => deciders.iter().map(DeciderFlag::key).collect(),
                SwitchFile::Other => Vec::new(),
            };
            for (at, key) in keys.into_iter().enumerate() {
                switches.entries.entry(key.into()).or_insert(Entry { file, at });
            }
        }
        let planned = switches.files.iter().enumerate().filter_map(|(file, (_, content))| {
            let SwitchFile::Feature(feature) = &**content else { return None };
            (!feature.requirements().is_empty()).then(|| (file, Plan::of(&switches, Entry { file, at: 0 })))
        });
        switches.plans = planned.collect();
        switches
    }

    /// Keeps the documents that files were read from, for handing them on.
    #[must_use]
    pub fn with_documents(mut self, documents: impl IntoIterator<Item = (String, Arc<Value>)>) -> Self {
        self.documents = documents.into_iter().collect();
        self
    }

    /// Returns what a file was read from, where that was kept.
    pub fn document(&self, path: &str) -> Option<&Value> {
        self.documents.get(path).map(|document| &**document)
    }

    /// Returns the files.
    pub fn files(&self) -> impl Iterator<Item = (&str, &SwitchFile)> {
        self.files.iter().map(|(path, file)| (path.as_str(), &**file))
    }

    /// Returns where a key leads: a flag, a feature, or a feature's parameter behind a dot.
    #[inline]
    pub fn find(&self, key: &str) -> Option<Place> {
        if let Some(entry) = self.entries.get(key) {
            return Some(Place { entry: *entry, parameter_at: None });
        }
        let (feature, parameter) = key.rsplit_once('.')?;
        let entry = *self.entries.get(feature)?;
        let is_there = self.feature(entry)?.parameters().contains_key(parameter);
        is_there.then_some(Place { entry, parameter_at: Some(feature.len() + 1) })
    }

    /// Returns what a key is for a context.
    #[inline]
    pub fn resolve(&self, key: &str, context: &Context<'_>, now: Moment) -> Resolution<'_> {
        match self.find(key) {
            Some(place) => self.resolve_at(place, key, context, now),
            None => Resolution::failed(ErrorCode::FlagNotFound, None),
        }
    }

    /// Returns what a key is that was found before.
    #[inline]
    pub fn resolve_at(&self, place: Place, key: &str, context: &Context<'_>, now: Moment) -> Resolution<'_> {
        let resolution = self.resolve_entry(place.entry, context, now);
        match place.parameter_at.and_then(|at| key.get(at..)) {
            Some(parameter) => of_parameter(resolution, parameter),
            None => resolution,
        }
    }

    /// Tells what everything is for a context, in the order of the files: features as objects and each of their parameters.
    pub fn each<'a>(&'a self, context: &Context<'_>, now: Moment, mut tell: impl FnMut(&'a str, Resolution<'a>)) {
        for (file, (_, content)) in self.files.iter().enumerate() {
            match &**content {
                SwitchFile::Flags(set) => {
                    let counts = |at: usize, flag: &Flag| self.entries.get(flag.key()) == Some(&Entry { file, at });
                    let flags = set.flags().enumerate().filter(|(at, flag)| counts(*at, flag));
                    flags.for_each(|(_, flag)| tell(flag.key(), flag.resolve(context, now)));
                }
                SwitchFile::Feature(feature) if self.entries.get(feature.key()) == Some(&Entry { file, at: 0 }) => {
                    let resolution = self.resolve_entry(Entry { file, at: 0 }, context, now);
                    tell(feature.key(), resolution);
                    for (parameter, key) in feature.parameter_keys() {
                        // A flag of this very name goes before.
                        if !self.entries.contains_key(key) {
                            tell(key, of_parameter(resolution, parameter));
                        }
                    }
                }
                SwitchFile::Deciders(deciders) => {
                    let counts =
                        |at: usize, flag: &DeciderFlag| self.entries.get(flag.key()) == Some(&Entry { file, at });
                    let flags = deciders.iter().enumerate().filter(|(at, flag)| counts(*at, flag));
                    flags.for_each(|(_, flag)| tell(flag.key(), flag.resolve(context)));
                }
                SwitchFile::Feature(_) | SwitchFile::Other => {}
            }
        }
    }

    /// Returns features whose prerequisites lead back to themselves, or are too many to tell.
    pub fn circles(&self) -> impl Iterator<Item = &str> {
        let circles = self.plans.iter().filter(|(_, plan)| matches!(plan, Plan::Endless));
        circles.filter_map(|(file, _)| self.feature(Entry { file: *file, at: 0 }).map(Feature::key))
    }

    pub(super) fn feature(&self, entry: Entry) -> Option<&Feature> {
        match &*self.files.get(entry.file)?.1 {
            SwitchFile::Feature(feature) => Some(feature),
            SwitchFile::Flags(_) | SwitchFile::Deciders(_) | SwitchFile::Other => None,
        }
    }

    fn resolve_entry(&self, entry: Entry, context: &Context<'_>, now: Moment) -> Resolution<'_> {
        let found = match self.files.get(entry.file).map(|(_, file)| &**file) {
            Some(SwitchFile::Flags(set)) => set.flag_at(entry.at).map(|flag| flag.resolve(context, now)),
            Some(SwitchFile::Feature(feature)) => Some(match self.plans.get(&entry.file) {
                None => feature.resolve(context, now),
                Some(Plan::Endless) => Resolution::failed(ErrorCode::General, Some(feature.metadata())),
                Some(Plan::Steps(steps)) => self.resolve_steps(steps, context, now),
            }),
            Some(SwitchFile::Deciders(deciders)) => deciders.flag_at(entry.at).map(|flag| flag.resolve(context)),
            Some(SwitchFile::Other) | None => None,
        };
        found.unwrap_or(Resolution::failed(ErrorCode::FlagNotFound, None))
    }

    fn resolve_steps(&self, steps: &[Step], context: &Context<'_>, now: Moment) -> Resolution<'_> {
        let values = self.values_of(steps, context, now);
        let last = steps.len().checked_sub(1).and_then(|last| values.get(last)?.1);
        last.unwrap_or(Resolution::failed(ErrorCode::General, None))
    }

    /// Asks prerequisites first, each once; the last is the feature. What failed has no value for those after it.
    pub(super) fn values_of<'a>(&'a self, steps: &[Step], context: &Context<'_>, now: Moment) -> Values<'a> {
        let mut values: Values<'a> = [(None, None); STEPS_MAX];
        for (at, step) in steps.iter().enumerate().take(STEPS_MAX) {
            let holds = step.requires.iter().all(|(before, wanted)| wanted.holds(values[*before].0));
            let found = step.target.map(|target| match self.feature(target) {
                Some(feature) if holds => feature.resolve(context, now),
                Some(feature) => feature.resolve_unmet(),
                None => self.resolve_entry(target, context, now),
            });
            values[at] = (found.filter(|found| found.error.is_none()).and_then(|found| found.value), found);
        }
        values
    }

    /// Returns everything that has a key, in the order of the files, what another one hides included.
    pub(super) fn places<'a>(&'a self, key: &'a str) -> impl Iterator<Item = Place> + 'a {
        let parameter = key.rsplit_once('.');
        self.files.iter().enumerate().flat_map(move |(file, (_, content))| {
            let place = |at, parameter_at| Place { entry: Entry { file, at }, parameter_at };
            let found: Vec<Place> = match &**content {
                SwitchFile::Flags(set) => {
                    let flags = set.flags().enumerate().filter(|(_, flag)| flag.key() == key);
                    flags.map(|(at, _)| place(at, None)).collect()
                }
                SwitchFile::Deciders(deciders) => {
                    let flags = deciders.iter().enumerate().filter(|(_, flag)| flag.key() == key);
                    flags.map(|(at, _)| place(at, None)).collect()
                }
                SwitchFile::Feature(feature) if feature.key() == key => vec![place(0, None)],
                SwitchFile::Feature(feature) => {
                    let owned = parameter
                        .filter(|(owner, name)| feature.key() == *owner && feature.parameters().contains_key(*name));
                    owned.map(|(owner, _)| place(0, Some(owner.len() + 1))).into_iter().collect()
                }
                SwitchFile::Other => Vec::new(),
            };
            found
        })
    }

    /// Returns the path and the metadata of what is somewhere.
    pub(super) fn described(&self, place: Place) -> Option<(&str, &Map<String, Value>)> {
        let (path, file) = self.file(place.entry)?;
        let metadata = match file {
            SwitchFile::Flags(set) => set.flag_at(place.entry.at)?.metadata(),
            SwitchFile::Feature(feature) => feature.metadata(),
            SwitchFile::Deciders(deciders) => deciders.flag_at(place.entry.at)?.metadata(),
            SwitchFile::Other => return None,
        };
        Some((path, metadata))
    }

    pub(super) fn plan(&self, file: usize) -> Option<&Plan> {
        self.plans.get(&file)
    }

    pub(super) fn file(&self, entry: Entry) -> Option<(&str, &SwitchFile)> {
        self.files.get(entry.file).map(|(path, file)| (path.as_str(), &**file))
    }

    pub(super) fn entry(&self, key: &str) -> Option<(Entry, Option<String>)> {
        let place = self.find(key)?;
        Some((place.entry, place.parameter_at.and_then(|at| key.get(at..)).map(str::to_owned)))
    }
}

fn of_parameter<'a>(resolution: Resolution<'a>, parameter: &str) -> Resolution<'a> {
    let member = |value: &'a Value| value.as_object().and_then(|members: &Map<String, Value>| members.get(parameter));
    Resolution { value: resolution.value.and_then(member), ..resolution }
}

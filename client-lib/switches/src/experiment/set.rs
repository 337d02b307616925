//! Experiments that know of each other.

use super::{
    chain::{Experiment, Slot},
    file::ExperimentFile,
    layers::{LAYERS_KEY, LayersFile, check_holdout, unknown},
};
use crate::{Parsed, Problem, reading::Reading};
use serde_json::Value;
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

/// One file below the place of experiments.
#[derive(Debug, Clone)]
pub enum ExperimentDocument {
    /// An experiment.
    Experiment(Arc<ExperimentFile>),
    /// Layers and holdouts.
    Layers(Arc<LayersFile>),
}

impl ExperimentDocument {
    /// Reads a parsed document as what its key says.
    pub fn parse(key: &str, document: &Value) -> Parsed<Self> {
        fn wrapped<T>(
            parsed: Parsed<T>,
            wrap: impl FnOnce(Arc<T>) -> ExperimentDocument,
        ) -> Parsed<ExperimentDocument> {
            Parsed { value: parsed.value.map(|value| wrap(Arc::new(value))), problems: parsed.problems }
        }
        match key {
            LAYERS_KEY => wrapped(LayersFile::parse(document), Self::Layers),
            key => wrapped(ExperimentFile::parse(key, document), Self::Experiment),
        }
    }

    /// Returns whether a document is plainly meant as one, right or not: it has two of the members that experiments have, or
    /// one that only the file of layers has.
    pub fn is_meant_by(key: &str, document: &Value) -> bool {
        let has = |member: &&str| document.get(member).is_some();
        match key {
            LAYERS_KEY => ["layers", "holdouts"].iter().any(has),
            _ => {
                ["owner", "variants", "layer", "overrides", "shuffle", "holdouts"].iter().filter(|m| has(m)).count()
                    >= 2
            }
        }
    }
}

/// All experiments of one place, ready to be asked.
#[derive(Debug, Clone, Default)]
pub struct ExperimentSet {
    experiments: HashMap<Box<str>, Arc<Experiment>>,
}

/// What came of putting files together.
#[derive(Debug, Clone, Default)]
pub struct Composition {
    /// The experiments that fit with those before them.
    pub set: ExperimentSet,
    /// What is wrong with the others, by the place of their file in what was given.
    pub problems: Vec<(usize, Problem)>,
}

impl ExperimentSet {
    /// Puts files together. Of experiments that cannot be there together the first stays, so the order should be one that
    /// everybody has, such as that of paths.
    ///
    /// ```
    /// use configbus_switches::{Context, Moment, experiment::{ExperimentDocument, ExperimentSet}};
    ///
    /// let document = serde_json::json!({
    ///     "owner": "growth@example.org",
    ///     "variants": {"control": {"range": [0, 50]}, "green": {"range": [50, 100], "value": {"colour": "green"}}},
    /// });
    /// let button = ExperimentDocument::parse("checkout/button", &document).flawless()?;
    /// let set = ExperimentSet::compose([&button]).set;
    /// let experiment = set.get("checkout/button").unwrap();
    /// let user = [("targetingKey", "ada".into())];
    /// let found = experiment.assign(&Context::of(&user), Moment::from_unix_ms(0));
    /// assert!(found.variant.is_some());
    /// # Ok::<(), configbus_switches::Problems>(())
    /// ```
    pub fn compose<'d>(files: impl IntoIterator<Item = &'d ExperimentDocument>) -> Composition {
        let files: Vec<_> = files.into_iter().collect();
        let layers = files.iter().find_map(|file| match file {
            ExperimentDocument::Layers(layers) => Some(&**layers),
            ExperimentDocument::Experiment(_) => None,
        });
        let none = LayersFile::default();
        let mut composer =
            Composer { layers: layers.unwrap_or(&none), taken: BTreeMap::new(), done: Composition::default() };
        for (at, file) in files.into_iter().enumerate() {
            if let ExperimentDocument::Experiment(file) = file {
                composer.add(at, file);
            }
        }
        composer.done
    }

    /// Returns this set for readers of files that cannot be together: as it was, but what the files turn off is off, and what
    /// is gone is gone. Stopping an experiment must not depend on others.
    #[must_use]
    pub fn stopped_by<'d>(&self, files: impl IntoIterator<Item = &'d ExperimentDocument>) -> Self {
        let files = files.into_iter().filter_map(|file| match file {
            ExperimentDocument::Experiment(file) => Some((file.key(), file)),
            ExperimentDocument::Layers(_) => None,
        });
        let files: HashMap<&str, &Arc<ExperimentFile>> = files.collect();
        let kept = self.experiments.iter().filter_map(|(key, experiment)| {
            let file = files.get(&**key)?;
            let off = || Arc::new(Experiment::new(Arc::clone(file), None, Vec::new()));
            Some((key.clone(), if file.is_off { off() } else { Arc::clone(experiment) }))
        });
        Self { experiments: kept.collect() }
    }

    /// Returns an experiment.
    #[inline]
    pub fn get(&self, key: &str) -> Option<&Arc<Experiment>> {
        self.experiments.get(key)
    }

    /// Returns all, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Experiment>> {
        self.experiments.values()
    }
}

struct Composer<'d> {
    layers: &'d LayersFile,
    /// Experiments by layer.
    taken: BTreeMap<&'d str, Vec<&'d ExperimentFile>>,
    done: Composition,
}

impl<'d> Composer<'d> {
    fn add(&mut self, at: usize, file: &'d Arc<ExperimentFile>) {
        let mut reading = Reading::default();
        let slot = file.layer.as_ref().and_then(|place| {
            reading.within("layer", |reading| {
                let Some(layer) = self.layers.layers.get(&place.name) else {
                    let told =
                        |reading: &mut Reading| unknown(reading, "layer", &place.name, self.layers.layers.keys());
                    reading.within("name", told);
                    return None;
                };
                reading.within("range", |reading| self.check_alone(reading, file));
                Some((
                    layer,
                    Slot {
                        name: place.name.as_str().into(),
                        dealing: layer.dealing.clone(),
                        ranges: place.ranges.clone(),
                    },
                ))
            })
        });
        reading.within("holdouts", |reading| {
            let holdouts = file.holdouts.iter().enumerate();
            holdouts
                .for_each(|(at, name)| reading.at(at, |reading| check_holdout(reading, name, &self.layers.holdouts)));
        });
        if self.done.set.experiments.contains_key(&file.key) {
            reading.wrong("another file has an experiment of this name").found(&*file.key);
        }
        let (layer, slot) = slot.unzip();
        let names = layer.iter().flat_map(|layer| &layer.holdouts).chain(&file.holdouts);
        let mut holdouts: Vec<_> = names.filter_map(|name| self.layers.holdouts.get(name).cloned()).collect();
        holdouts.sort_by(|a, b| a.name.cmp(&b.name));
        holdouts.dedup_by(|a, b| a.name == b.name);
        let parsed = reading.finish(Some(Experiment::new(Arc::clone(file), slot, holdouts)));
        self.done.problems.extend(parsed.problems.into_iter().map(|problem| (at, problem)));
        if let Some(experiment) = parsed.value {
            self.done.set.experiments.insert(file.key.clone(), Arc::new(experiment));
            if let Some(place) = &file.layer {
                self.taken.entry(&place.name).or_default().push(file);
            }
        }
    }

    /// Adds which experiment of the layer has some of the same buckets at the same time. One that is turned off keeps its
    /// buckets: turning it on again must never be refused.
    fn check_alone(&self, reading: &mut Reading, file: &ExperimentFile) {
        let Some(place) = &file.layer else { return };
        for other in self.taken.get(place.name.as_str()).into_iter().flatten().filter(|other| other.meets(file)) {
            let theirs = other.layer.iter().flat_map(|place| &*place.ranges);
            let both = theirs.flat_map(|theirs| place.ranges.iter().map(move |ours| (*theirs, *ours)));
            if let Some((theirs, ours)) = both.into_iter().find(|(theirs, ours)| theirs.overlaps(*ours)) {
                let told = format!("range overlaps {theirs} of experiment '{}' in layer '{}'", other.key, place.name);
                reading.wrong(told).found(ours.to_string());
            }
        }
    }
}

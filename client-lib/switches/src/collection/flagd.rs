//! Everything as one document of flagd's, for programs that evaluate by themselves.

use super::{SwitchFile, Switches};
use crate::{Feature, Flag, FlagSet};
use serde_json::{Map, Value, json};
use std::collections::{HashMap, HashSet};

/// One document of flags.
#[derive(Debug, Clone, Default)]
pub struct FlagdSet {
    /// `flags` and `$evaluators`, as flagd's schema has them.
    pub document: Map<String, Value>,
    /// What flagd has no words for.
    pub left_out: Vec<LeftOut>,
}

/// A switch that the document does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Which.
    pub key: String,
    /// Why.
    pub reason: String,
}

impl Switches {
    /// Writes all that a test on path and metadata selects as one document of flagd's, as far as their documents were kept.
    ///
    /// Flags of flagd are in it as they are written, features where flagd can say the same. Of a key that is there twice the first
    /// counts, as everywhere. What is left out is no flag for whoever evaluates the document: the program's default counts there.
    ///
    /// ```
    /// use configbus_switches::{SwitchFile, Switches};
    /// use std::sync::Arc;
    ///
    /// let feature = serde_json::json!({
    ///     "owner": "checkout", "stage": "beta",
    ///     "parameters": {"enabled": {"type": "bool", "default": false}},
    ///     "rules": [{"when": {"country": "DE"}, "set": {"enabled": true}}],
    /// });
    /// let (path, file) = ("features/cart.yaml".to_owned(), SwitchFile::parse("cart", &feature).usable()?);
    /// let switches = Switches::of([(path.clone(), Arc::new(file))]).with_documents([(path, Arc::new(feature))]);
    /// let set = switches.to_flagd(|_, _| true);
    /// assert_eq!(set.document["flags"]["cart.enabled"]["variants"]["rule 1"], true);
    /// # Ok::<(), configbus_switches::Problems>(())
    /// ```
    pub fn to_flagd(&self, selects: impl Fn(&str, &Map<String, Value>) -> bool) -> FlagdSet {
        let mut writing = Writing::default();
        for (path, file) in self.files() {
            let Some(document) = self.document(path) else { continue };
            match file {
                SwitchFile::Flags(set) => {
                    writing.flags_of(set, document, |metadata| selects(path, metadata));
                }
                SwitchFile::Feature(feature) if selects(path, feature.metadata()) => {
                    let has_flag = |key: &str| {
                        let flag = self.find(key).filter(|place| !place.is_parameter());
                        flag.and_then(|flag| self.described(flag))
                            .is_some_and(|(path, metadata)| selects(path, metadata))
                    };
                    writing.feature(feature, document, has_flag);
                }
                SwitchFile::Deciders(deciders) => {
                    let selected = deciders.iter().filter(|flag| selects(path, flag.metadata()));
                    selected.for_each(|flag| writing.decider(flag.key()));
                }
                SwitchFile::Feature(_) | SwitchFile::Other => {}
            }
        }
        writing.finish()
    }

    /// Returns where a key leads among what a test on path and metadata selects.
    pub fn find_among(&self, key: &str, selects: impl Fn(&str, &Map<String, Value>) -> bool) -> Option<super::Place> {
        let is_selected =
            |place: &super::Place| self.described(*place).is_some_and(|(path, metadata)| selects(path, metadata));
        // What another file with the same key hides may be selected.
        self.find(key).filter(is_selected).or_else(|| self.places(key).find(is_selected))
    }
}

#[derive(Debug, Default)]
struct Writing {
    set: FlagdSet,
    flags: Map<String, Value>,
    /// Keys that were looked at, written or left out: the first counts.
    seen: HashSet<String>,
    evaluators: Map<String, Value>,
    /// Evaluators of all documents, by name and content.
    known: HashMap<(String, String), String>,
    /// How many have a name.
    namesakes: HashMap<String, usize>,
}

impl Writing {
    fn decider(&mut self, key: &str) {
        if self.seen.insert(key.to_owned()) {
            let reason = "flagd puts users into other buckets than deciders".to_owned();
            self.set.left_out.push(LeftOut { key: key.to_owned(), reason });
        }
    }

    fn flags_of(&mut self, set: &FlagSet, document: &Value, selects: impl Fn(&Map<String, Value>) -> bool) {
        let empty = Map::new();
        let evaluators = document.get("$evaluators").and_then(Value::as_object).unwrap_or(&empty);
        let written = written_flags(document);
        for (flag, written) in set.flags().zip(written).filter(|(flag, _)| selects(flag.metadata())) {
            if self.seen.insert(flag.key().to_owned()) {
                let told = self.flag(flag, written, evaluators);
                self.add(flag.key(), told);
            }
        }
    }

    fn flag(&mut self, flag: &Flag, written: &Value, evaluators: &Map<String, Value>) -> Result<Value, String> {
        let mut told = Map::new();
        for member in ["state", "variants", "defaultVariant"] {
            told.extend(written.get(member).map(|value| (member.to_owned(), value.clone())));
        }
        match written.get("targeting") {
            None | Some(Value::Null) => {}
            Some(Value::Object(rule)) if rule.is_empty() => {}
            Some(rule @ Value::Object(_)) => {
                told.insert("targeting".to_owned(), self.rule(rule, evaluators)?);
            }
            Some(_) => return Err("its targeting is no rule".to_owned()),
        }
        if !flag.metadata().is_empty() {
            told.insert("metadata".to_owned(), Value::Object(flag.metadata().clone()));
        }
        Ok(Value::Object(told))
    }

    /// Copies a rule, with evaluators by the names they have among those of all documents.
    fn rule(&mut self, rule: &Value, evaluators: &Map<String, Value>) -> Result<Value, String> {
        Ok(match rule {
            Value::Object(members) => match members.get("$ref").and_then(Value::as_str) {
                Some(name) => json!({"$ref": self.evaluator(name, evaluators)?}),
                None => {
                    let members = members.iter().map(|(name, rule)| Ok((name.clone(), self.rule(rule, evaluators)?)));
                    Value::Object(members.collect::<Result<_, String>>()?)
                }
            },
            Value::Array(items) => {
                Value::Array(items.iter().map(|rule| self.rule(rule, evaluators)).collect::<Result<_, _>>()?)
            }
            plain => plain.clone(),
        })
    }

    fn evaluator(&mut self, name: &str, evaluators: &Map<String, Value>) -> Result<String, String> {
        let rule = evaluators.get(name).filter(|rule| rule.is_object());
        let rule = rule.ok_or_else(|| format!("its evaluator '{name}' is no rule"))?;
        let known = (name.to_owned(), rule.to_string());
        if let Some(told) = self.known.get(&known) {
            return Ok(told.clone());
        }
        let count = self.namesakes.entry(name.to_owned()).or_default();
        let told = loop {
            *count += 1;
            let told = if *count == 1 { name.to_owned() } else { format!("{name}-{count}") };
            if !self.evaluators.contains_key(&told) {
                break told;
            }
        };
        self.evaluators.insert(told.clone(), rule.clone());
        self.known.insert(known, told.clone());
        Ok(told)
    }

    fn feature(&mut self, feature: &Feature, document: &Value, has_flag: impl Fn(&str) -> bool) {
        if !self.seen.insert(feature.key().to_owned()) {
            return;
        }
        match feature.to_flagd(document) {
            // A flag of this very name goes before.
            Ok(flags) => flags.into_iter().for_each(|(key, flag)| {
                if key == feature.key() || !has_flag(key) {
                    self.add(key, Ok(flag));
                }
            }),
            Err(reason) => self.add(feature.key(), Err(reason)),
        }
    }

    fn add(&mut self, key: &str, told: Result<Value, String>) {
        match told {
            Ok(flag) => _ = self.flags.insert(key.to_owned(), flag),
            Err(reason) => self.set.left_out.push(LeftOut { key: key.to_owned(), reason }),
        }
    }

    fn finish(mut self) -> FlagdSet {
        self.set.document.insert("flags".to_owned(), Value::Object(self.flags));
        if !self.evaluators.is_empty() {
            self.set.document.insert("$evaluators".to_owned(), Value::Object(self.evaluators));
        }
        self.set
    }
}

/// Returns flags in the order in which they are read, whichever form the document has.
pub(super) fn written_flags(document: &Value) -> Vec<&Value> {
    match document.get("flags") {
        Some(Value::Array(items)) => items.iter().collect(),
        Some(Value::Object(members)) => members.values().collect(),
        _ => Vec::new(),
    }
}

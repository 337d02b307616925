//! Switches that are no flags: deciders, experiments and toggles.

use super::lint::Known;
use crate::report::Failure;
use configbus_client::{
    ConfigBus, ConfigPath, Format, ReadError, Snapshot, SubscribeError,
    switches::{
        Lint, Moment,
        decider::DeciderFile,
        experiment::{self, ExperimentDocument},
        key_below,
        toggle::{ToggleFile, ToggleFileKind},
    },
};
use serde_json::Value;

/// Names of files that hold deciders.
const DECIDER_FILES: [&str; 2] = ["decider.yml", "decider_overlay.yml"];

/// What folders of toggles end with.
const TOGGLES: &str = "toggles/configs/";

/// Where experiments stand, unless the policy says otherwise.
const EXPERIMENTS: &str = "experiments/**";

/// The policy's file that says so.
const POLICY: &str = ".configbus/switches.yaml";

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Others {
    pub(super) lints: Vec<Lint>,
    pub(super) known: Vec<Known>,
}

pub(super) fn look(bus: &ConfigBus, now: Moment) -> Result<Others, Failure> {
    let failed = |error: ReadError| Failure::of(error.kind(), &error);
    let snapshot = bus.snapshot().map_err(failed)?;
    let mut others = Others::default();
    for path in snapshot.list("").map_err(failed)? {
        let name = path.as_str().rsplit('/').next().unwrap_or_default();
        let folder = path.as_str().strip_suffix(name).unwrap_or_default();
        if DECIDER_FILES.contains(&name) {
            others.deciders(path.as_str(), document(&snapshot, &path), now);
        } else if folder.ends_with(TOGGLES) && path.extension() == Some("json") {
            others.toggles(path.as_str(), name, document(&snapshot, &path));
        }
    }
    for pattern in places(&snapshot) {
        others.experiments(bus, &pattern, now).map_err(|error| Failure::of(error.kind(), &error))?;
    }
    Ok(others)
}

/// Reads what can be read; what cannot is for `configbus validate` to tell.
fn document(snapshot: &Snapshot, path: &ConfigPath) -> Option<Value> {
    Format::of(path)?.parse(&snapshot.read(path.as_str()).ok()?).ok()
}

fn places(snapshot: &Snapshot) -> Vec<String> {
    let policy = snapshot.parse::<Value>(POLICY).ok();
    match policy.as_ref().and_then(|policy| policy.get("experiments")) {
        Some(Value::String(pattern)) => vec![pattern.clone()],
        Some(Value::Array(patterns)) => patterns.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => vec![EXPERIMENTS.to_owned()],
    }
}

impl Others {
    fn deciders(&mut self, path: &str, document: Option<Value>, now: Moment) {
        let file = document.and_then(|document| DeciderFile::parse(&document).value);
        for (key, record) in file.into_iter().flat_map(|file| file.records) {
            if let Some(expires) = record.expires.filter(|expires| *expires <= now) {
                let (path, owner) = (path.to_owned(), record.owner.clone());
                let told = format!("should be gone since {expires}");
                self.lints.push(Lint { path, key: key.clone(), owner, told });
            }
            self.known.push(Known { path: path.to_owned(), key, owner: record.owner });
        }
    }

    fn toggles(&mut self, path: &str, name: &str, document: Option<Value>) {
        let kind = ToggleFileKind::of_file_name(name);
        let file = document.and_then(|document| ToggleFile::parse(&document, kind).value);
        let records = file.into_iter().flat_map(|file| file.records);
        self.known.extend(records.map(|record| Known { path: path.to_owned(), key: record.id, owner: None }));
    }

    fn experiments(&mut self, bus: &ConfigBus, pattern: &str, now: Moment) -> Result<(), SubscribeError> {
        let texts = bus.subscribe_prefix_text(pattern)?;
        let mut files = Vec::new();
        for (path, text) in texts.load().iter() {
            let document = Format::of(path).and_then(|format| format.parse::<Value>(text.as_bytes()).ok());
            let key = key_below(pattern, path.as_str());
            let document = document.filter(|document| ExperimentDocument::is_meant_by(key, document));
            if let Some(file) = document.and_then(|document| ExperimentDocument::parse(key, &document).usable().ok()) {
                files.push((path.to_string(), file));
            }
        }
        for (path, file) in &files {
            if let ExperimentDocument::Experiment(file) = file {
                let (key, owner) = (file.key().to_owned(), Some(file.owner.clone()));
                self.known.push(Known { path: path.clone(), key, owner });
            }
        }
        self.lints.extend(experiment::lints(&files, now));
        Ok(())
    }
}

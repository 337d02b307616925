//! What of experiments should be looked at: what is over, does not fit with others, or compares nothing.

use super::{
    chain::Experiment,
    file::ExperimentFile,
    layers::LayersFile,
    range::{Cover, cover},
    set::{ExperimentDocument, ExperimentSet},
};
use crate::{Lint, Moment};
use std::collections::HashSet;

/// Returns everything to look at in the files of one place, given by path in their order.
pub fn lints(files: &[(String, ExperimentDocument)], now: Moment) -> Vec<Lint> {
    let composition = ExperimentSet::compose(files.iter().map(|(_, file)| file));
    let mut lints = Vec::new();
    for (at, (path, file)) in files.iter().enumerate() {
        let mut add = |key: &str, owner: Option<&str>, told: String| {
            lints.push(Lint { path: path.clone(), key: key.to_owned(), owner: owner.map(str::to_owned), told });
        };
        match file {
            ExperimentDocument::Layers(layers) => of_layers(layers, files, &mut add),
            ExperimentDocument::Experiment(file) => {
                let problems = composition.problems.iter().filter(|(of, _)| *of == at);
                let told = problems.map(|(_, problem)| problem.to_string());
                // What fits is asked about what it shares with others as well.
                let whole =
                    composition.set.get(file.key()).filter(|experiment| std::ptr::eq(experiment.file(), &**file));
                let told = told.chain(of_file(file, now)).chain(whole.and_then(|whole| of_holdouts(whole)));
                told.for_each(|told| add(file.key(), Some(&file.owner), told));
            }
        }
    }
    lints
}

fn of_file(file: &ExperimentFile, now: Moment) -> Vec<String> {
    let mut told = Vec::new();
    if let Some(stop) = file.stop.filter(|stop| *stop <= now) {
        told.push(format!("is over since {stop}"));
    }
    if file.is_off {
        told.push("is turned off: nobody is in".to_owned());
    }
    if cover(file.variants.ranges(None)) == Cover::Nobody {
        told.push("no variant has a range: nobody is in but by overrides".to_owned());
    }
    let has_all =
        |variant: &&std::sync::Arc<super::Variant>| cover(file.variants.ranges(Some(variant))) == Cover::Everybody;
    if let Some(variant) = file.variants.iter().find(has_all) {
        told.push(format!("compares nothing: '{}' has everybody who is in", variant.name));
    }
    if let Some(place) = file.layer.as_ref().filter(|place| cover(place.ranges.iter().copied()) == Cover::Nobody) {
        told.push(format!("has no bucket of layer '{}': nobody is in", place.name));
    }
    told
}

fn of_holdouts(experiment: &Experiment) -> Option<String> {
    let all = experiment.holdouts().iter().find(|holdout| cover(holdout.ranges.iter().copied()) == Cover::Everybody)?;
    Some(format!("holdout '{}' holds out everybody: nobody is in", all.name))
}

fn of_layers(
    layers: &LayersFile,
    files: &[(String, ExperimentDocument)],
    add: &mut impl FnMut(&str, Option<&str>, String),
) {
    let experiments = files.iter().filter_map(|(_, file)| match file {
        ExperimentDocument::Experiment(file) => Some(&**file),
        ExperimentDocument::Layers(_) => None,
    });
    let experiments: Vec<_> = experiments.collect();
    let in_use: HashSet<&str> = experiments.iter().filter_map(|file| file.layer()).collect();
    for (name, layer) in &layers.layers {
        if !in_use.contains(name.as_str()) {
            add(name, layer.owner.as_deref(), "no experiment is in this layer".to_owned());
        }
    }
    let of_experiments = experiments.iter().flat_map(|file| &file.holdouts);
    let of_layers = layers.layers.values().flat_map(|layer| &layer.holdouts);
    let named: HashSet<&str> = of_experiments.chain(of_layers).map(String::as_str).collect();
    for (name, holdout) in &layers.holdouts {
        let mut told = |told: &str| add(name, holdout.owner.as_deref(), told.to_owned());
        if !named.contains(name.as_str()) {
            told("nothing names this holdout");
        }
        match cover(holdout.ranges.iter().copied()) {
            Cover::Everybody => told("holds out everybody"),
            Cover::Nobody => told("holds out nobody"),
            Cover::Some => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn check_lints(files: &[(&str, Value)], expected: &[&str]) {
        let file = |(key, document): &(&str, Value)| {
            (format!("experiments/{key}.yaml"), ExperimentDocument::parse(key, document).usable().unwrap())
        };
        let files: Vec<_> = files.iter().map(file).collect();
        let lints = lints(&files, Moment::parse("2026-06-01").unwrap());
        let told: Vec<_> = lints.iter().map(|lint| format!("{} {}: {}", lint.path, lint.key, lint.told)).collect();
        assert_eq!(told, expected);
        assert!(lints.iter().all(|lint| lint.owner.as_deref() == Some("ada")), "{lints:?}");
    }

    fn experiment(others: &Value) -> Value {
        let mut document = json!({
            "owner": "ada", "variants": {"a": {"range": [0, 50]}, "b": {"range": [50, 100]}},
        });
        document.as_object_mut().unwrap().extend(others.as_object().unwrap().clone());
        document
    }

    fn in_layer(range: &Value) -> Value {
        experiment(&json!({"layer": {"name": "l", "range": range}}))
    }

    #[test]
    fn what_runs_and_compares_is_not_told() {
        let layers = json!({"layers": {"l": {"holdouts": ["h"]}}, "holdouts": {"h": {"range": [0, 5]}}});
        check_lints(&[("layers", layers), ("x", in_layer(&json!([0, 50]))), ("y", in_layer(&json!([50, 100])))], &[]);
    }

    #[test]
    fn what_is_over_or_compares_nothing_is_told_with_its_owner() {
        let files = [
            (
                "all",
                json!({"owner": "ada", "variants": {"a": {"range": [[50, 100], [0, 50]]}, "b": {"range": [0, 0]}}}),
            ),
            ("none", json!({"owner": "ada", "variants": {"a": {"range": [7, 7]}}})),
            ("off", experiment(&json!({"off": true}))),
            ("over", experiment(&json!({"stop": "2026-05-01"}))),
        ];
        let expected = [
            "experiments/all.yaml all: compares nothing: 'a' has everybody who is in",
            "experiments/none.yaml none: no variant has a range: nobody is in but by overrides",
            "experiments/off.yaml off: is turned off: nobody is in",
            "experiments/over.yaml over: is over since 2026-05-01",
        ];
        check_lints(&files, &expected);
    }

    #[test]
    fn layers_that_overlap_and_holdouts_of_everybody_are_told() {
        let layers = json!({
            "layers": {"idle": {"owner": "ada"}, "l": {"owner": "ada", "holdouts": ["all"]}},
            "holdouts": {
                "all": {"owner": "ada", "range": [[0, 60], [40, 100]]},
                "lonely": {"owner": "ada", "range": [3, 3]},
            },
        });
        let files = [
            ("layers", layers),
            ("x", in_layer(&json!([0, 50]))),
            ("y", in_layer(&json!([40, 60]))),
            ("z", in_layer(&json!([9, 9]))),
        ];
        let expected = [
            "experiments/layers.yaml idle: no experiment is in this layer",
            "experiments/layers.yaml all: holds out everybody",
            "experiments/layers.yaml lonely: nothing names this holdout",
            "experiments/layers.yaml lonely: holds out nobody",
            "experiments/x.yaml x: holdout 'all' holds out everybody: nobody is in",
            "experiments/y.yaml y: /layer/range: range overlaps 0 to 50 of experiment 'x' in layer 'l': 40 to 60",
            "experiments/z.yaml z: has no bucket of layer 'l': nobody is in",
            "experiments/z.yaml z: holdout 'all' holds out everybody: nobody is in",
        ];
        check_lints(&files, &expected);
    }
}

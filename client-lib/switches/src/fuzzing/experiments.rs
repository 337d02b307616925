//! Experiments that share layers and holdouts.

use super::{MOMENTS, context, documents};
use crate::{
    Context,
    experiment::{Cause, Composition, ExperimentDocument, ExperimentSet, LAYERS_KEY, lints},
};

/// Takes layers, two experiments and a context.
pub fn experiments(data: &[u8]) {
    let Some([layers, first, second, attributes]) = documents(data) else { return };
    let files = [(LAYERS_KEY, layers), ("a", first), ("b", second)];
    let parsed = files.into_iter().filter_map(|(key, document)| {
        let file = ExperimentDocument::parse(key, &document).usable().ok()?;
        Some((format!("experiments/{key}.json"), file))
    });
    let files: Vec<_> = parsed.collect();
    let Composition { set, problems } = ExperimentSet::compose(files.iter().map(|(_, file)| file));
    assert!(problems.iter().all(|(at, _)| *at < files.len()));
    let attributes = context(&attributes);
    let context = Context::of_json(&attributes);
    for now in MOMENTS {
        let mut layers = Vec::new();
        for experiment in set.iter() {
            let found = experiment.assign(&context, now);
            let (explained, steps) = experiment.explain(&context, now);
            assert_eq!(found, explained, "an explanation is what happened");
            assert!(!steps.is_empty() && steps.iter().all(|step| !step.to_string().is_empty()));
            assert_eq!(found.variant.is_some(), matches!(found.cause, Cause::Dealt | Cause::Override));
            let mut own = experiment.file().variants();
            let is_own = found.variant.is_none_or(|variant| own.any(|own| std::ptr::eq(own, &**variant)));
            assert!(is_own, "a variant is the experiment's");
            layers.extend(experiment.file().layer().filter(|_| found.cause == Cause::Dealt));
        }
        let many = layers.len();
        layers.dedup();
        assert_eq!(many, layers.len(), "nobody is in two experiments of a layer");
        let _ = lints(&files, now);
    }
    let _ = set.stopped_by(files.iter().map(|(_, file)| file));
}

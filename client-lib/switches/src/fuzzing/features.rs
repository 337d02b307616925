//! Features.

use super::{MOMENTS, context, documents};
use crate::{Context, Feature, SwitchFile, Switches};
use std::sync::Arc;

/// Takes two features, of which one may need the other, and a context.
pub fn features(data: &[u8]) {
    let Some([first, second, attributes]) = documents(data) else { return };
    let files = [("a", first), ("b", second)];
    let features = files.into_iter().filter_map(|(key, document)| Feature::parse(key, &document).usable().ok());
    let features: Vec<_> = features.collect();
    let attributes = context(&attributes);
    let context = Context::of_json(&attributes);
    for (feature, now) in features.iter().flat_map(|feature| MOMENTS.map(|now| (feature, now))) {
        let found = feature.resolve(&context, now);
        assert_eq!(found, feature.resolve(&context, now), "the same question has the same answer");
        let members = found.value.and_then(|value| value.as_object()).into_iter().flat_map(|members| members.keys());
        assert!(members.eq(feature.parameters().keys()), "an answer has every parameter and no other");
        let _ = feature.explain(&context, now);
    }
    let file = |feature: Feature| {
        (format!("features/{}.json", feature.key()), Arc::new(SwitchFile::Feature(Box::new(feature))))
    };
    let switches = Switches::of(features.into_iter().map(file));
    for now in MOMENTS {
        switches.each(&context, now, |key, found| assert_eq!(found, switches.resolve(key, &context, now), "{key}"));
        switches.each(&context, now, |key, _| assert!(!switches.explain(key, &context, now).is_empty()));
        let _ = switches.lints(now);
    }
}

//! flagd's definitions.

use super::{MOMENTS, context, documents};
use crate::{Context, FlagSet, Reason, SwitchFile, Switches};
use std::sync::Arc;

/// Takes definitions and a context.
pub fn flags(data: &[u8]) {
    let Some([document, attributes]) = documents(data) else { return };
    let parsed = FlagSet::parse(&document);
    let is_flawless = parsed.clone().flawless().is_ok();
    let Ok(set) = parsed.usable() else {
        assert!(!is_flawless, "what is flawless can be used");
        return;
    };
    let attributes = context(&attributes);
    let context = Context::of_json(&attributes);
    for now in MOMENTS {
        for flag in set.flags() {
            let found = flag.resolve(&context, now);
            assert_eq!(found, flag.resolve(&context, now), "the same question has the same answer");
            assert_eq!(found.error.is_some(), found.reason == Reason::Error);
            let is_own = |(name, value)| found.variant == Some(name) && found.value == Some(value);
            assert!(found.value.is_none() || flag.variants().any(is_own), "a value is a variant's");
        }
    }
    let switches = Switches::of([("flags/f.json".to_owned(), Arc::new(SwitchFile::Flags(set)))]);
    for now in MOMENTS {
        switches.each(&context, now, |key, found| assert_eq!(found, switches.resolve(key, &context, now)));
        let _ = switches.lints(now);
    }
    switches.each(&context, MOMENTS[1], |key, _| {
        assert!(!switches.explain(key, &context, MOMENTS[1]).is_empty(), "what is there can be explained");
    });
}

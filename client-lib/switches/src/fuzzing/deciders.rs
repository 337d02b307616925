//! Deciders with an overlay.

use super::{context, documents};
use crate::{
    Context, Id,
    decider::{AVAILABILITY_MAX, Decider, DeciderFile, DeciderFlags, DeciderSalts, Recipient, with_value},
};

/// Takes a base, an overlay and a context that names a user or a guest.
pub fn deciders(data: &[u8]) {
    let Some([base, overlay, attributes]) = documents(data) else { return };
    let attributes = context(&attributes);
    let user = attributes.get("targetingKey").and_then(|id| id.as_str()).unwrap_or("nobody");
    let files: Vec<_> =
        [&base, &overlay].into_iter().filter_map(|file| DeciderFile::parse(file).usable().ok()).collect();
    let decider = Decider::of_layers(&files);
    for (key, entry) in decider.entries() {
        let last = files.iter().rev().find_map(|file| file.records.get(key)).map(|record| record.value);
        assert_eq!(Some(entry.value), last, "the overlay wins");
        for recipient in [Recipient::user(Id::of_text(user)), Recipient::guest(Id::of_text(user)), Recipient::Random(7)]
        {
            let salts = DeciderSalts::of(key);
            let bucket = salts.bucket(recipient);
            assert!((0..AVAILABILITY_MAX).contains(&bucket));
            assert_eq!(entry.is_available(recipient), bucket < entry.value);
            assert!(!entry.is_available(recipient) || salts.is_available(entry.value.saturating_add(1), recipient));
        }
    }
    if let Ok(flags) = DeciderFlags::parse("decider", &base).usable() {
        let context = Context::of_json(&attributes);
        flags.iter().for_each(|flag| assert_eq!(flag.resolve(&context), flag.resolve(&context)));
    }
    // Any text at all: what cannot be changed is refused, and what can is changed once.
    let text = String::from_utf8_lossy(data.split(|byte| *byte == 0).next().unwrap_or_default());
    if let Ok(changed) = with_value(&text, user, 4_321) {
        assert_eq!(with_value(&changed, user, 4_321).as_ref(), Ok(&changed));
    }
}

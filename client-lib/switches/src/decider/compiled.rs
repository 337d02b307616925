//! What several files say together, ready to be asked.

use super::{DeciderFile, DeciderKind, DeciderSalts, Recipient};
use crate::{Moment, hash::xxh64};
use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
};

/// One key, as all files together have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeciderEntry {
    /// The value, of the last file that has the key.
    pub value: i64,
    /// What it is used for.
    pub kind: DeciderKind,
    /// Which file the value is from, counted from 0: the base.
    pub layer: usize,
    /// Whom to ask.
    pub owner: Option<String>,
    /// From when on it should be gone.
    pub expires: Option<Moment>,
    salts: DeciderSalts,
}

impl DeciderEntry {
    /// Returns whether a recipient is in.
    #[inline]
    pub fn is_available(&self, recipient: Recipient<'_>) -> bool {
        self.salts.is_available(self.value, recipient)
    }
}

/// A base with its overlays.
#[derive(Debug, Clone, Default)]
pub struct Decider {
    entries: HashMap<Box<str>, DeciderEntry, BuildHasherDefault<KeyHasher>>,
}

impl Decider {
    /// Puts files together, the base first; a later one wins key by key. What it does not say of owner, kind and expiry
    /// stays as the earlier ones said it.
    pub fn of_layers<'f>(files: impl IntoIterator<Item = &'f DeciderFile>) -> Self {
        let mut decider = Self::default();
        for (layer, file) in files.into_iter().enumerate() {
            for (key, record) in &file.records {
                let entry = decider.entries.entry(key.as_str().into()).or_insert_with(|| DeciderEntry {
                    value: 0,
                    kind: DeciderKind::default(),
                    layer,
                    owner: None,
                    expires: None,
                    salts: DeciderSalts::of(key),
                });
                (entry.value, entry.layer) = (record.value, layer);
                entry.kind = record.kind.unwrap_or(entry.kind);
                entry.owner = record.owner.clone().or_else(|| entry.owner.take());
                entry.expires = record.expires.or(entry.expires);
            }
        }
        decider
    }

    /// Returns a key.
    #[inline]
    pub fn entry(&self, key: &str) -> Option<&DeciderEntry> {
        self.entries.get(key)
    }

    /// Returns all keys, in no order.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &DeciderEntry)> {
        self.entries.iter().map(|(key, entry)| (&**key, entry))
    }

    /// Returns whether the key is on for everybody; `None` for a key that is not there.
    #[inline]
    pub fn is_available(&self, key: &str) -> Option<bool> {
        self.value(key).map(|value| value >= super::AVAILABILITY_MAX)
    }

    /// Returns whether a recipient is in; `None` for a key that is not there.
    #[inline]
    pub fn is_available_for(&self, key: &str, recipient: Recipient<'_>) -> Option<bool> {
        self.entry(key).map(|entry| entry.is_available(recipient))
    }

    /// Returns the number itself, for thresholds; `None` for a key that is not there.
    #[inline]
    pub fn value(&self, key: &str) -> Option<i64> {
        self.entry(key).map(|entry| entry.value)
    }
}

/// Finds keys twice as fast as the standard one. Keys are of reviewed files, so that nobody gains from colliding ones.
#[derive(Debug, Clone, Copy, Default)]
struct KeyHasher(u64);

impl Hasher for KeyHasher {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        self.0 = xxh64(self.0, bytes);
    }

    #[inline]
    fn write_u8(&mut self, byte: u8) {
        self.0 ^= u64::from(byte);
    }

    #[inline]
    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn file(document: &serde_json::Value) -> DeciderFile {
        DeciderFile::parse(document).flawless().unwrap()
    }

    #[test]
    fn overlays_win_key_by_key() {
        let base = file(&json!({
            "a": {"default_availability": 0, "owner": "ads"},
            "b": {"default_availability": 10_000},
        }));
        let overlay = file(&json!({"a": {"default_availability": 10_000}, "c": {"default_availability": 7}}));
        let decider = Decider::of_layers([&base, &overlay]);
        let asked = ["a", "b", "c", "d"].map(|key| (decider.value(key), decider.is_available(key)));
        let expected = [(Some(10_000), Some(true)), (Some(10_000), Some(true)), (Some(7), Some(false)), (None, None)];
        assert_eq!(asked, expected);
        let a = decider.entry("a").unwrap();
        assert_eq!((a.layer, a.owner.as_deref()), (1, Some("ads")));
        assert_eq!(decider.is_available_for("d", Recipient::user(1_u64)), None);
        assert_eq!(decider.entries().count(), 3);
    }
}

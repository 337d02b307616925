//! One file of a tree, as what it plainly is.

use crate::{Feature, FlagSet, Parsed, decider::DeciderFlags};
use serde_json::Value;

/// A file in a place of flags or features.
#[derive(Debug, Clone)]
pub enum SwitchFile {
    /// flagd's flag definitions.
    Flags(FlagSet),
    /// One feature.
    Feature(Box<Feature>),
    /// Deciders, one switch for each key.
    Deciders(DeciderFlags),
    /// Something else, which is left alone.
    Other,
}

impl SwitchFile {
    /// Reads a parsed document; a feature in it has the key, and keys of deciders begin with it.
    pub fn parse(key: &str, document: &Value) -> Parsed<Self> {
        if FlagSet::is_meant_by(document) {
            let Parsed { value, problems } = FlagSet::parse(document);
            return Parsed { value: value.map(Self::Flags), problems };
        }
        if Feature::is_meant_by(document) {
            let Parsed { value, problems } = Feature::parse(key, document);
            return Parsed { value: value.map(|feature| Self::Feature(Box::new(feature))), problems };
        }
        if DeciderFlags::is_meant_by(key, document) {
            let Parsed { value, problems } = DeciderFlags::parse(key, document);
            return Parsed { value: value.map(Self::Deciders), problems };
        }
        Parsed { value: Some(Self::Other), problems: Vec::new() }
    }
}

//! One file of a tree, as what it plainly is.

use crate::{Feature, FlagSet, Parsed};
use serde_json::Value;

/// A file in a place of flags or features.
#[derive(Debug, Clone)]
pub enum SwitchFile {
    /// flagd's flag definitions.
    Flags(FlagSet),
    /// One feature.
    Feature(Box<Feature>),
    /// Something else, which is left alone.
    Other,
}

impl SwitchFile {
    /// Reads a parsed document; a feature in it has the key.
    pub fn parse(key: &str, document: &Value) -> Parsed<Self> {
        if FlagSet::is_meant_by(document) {
            let Parsed { value, problems } = FlagSet::parse(document);
            return Parsed { value: value.map(Self::Flags), problems };
        }
        if Feature::is_meant_by(document) {
            let Parsed { value, problems } = Feature::parse(key, document);
            return Parsed { value: value.map(|feature| Self::Feature(Box::new(feature))), problems };
        }
        Parsed { value: Some(Self::Other), problems: Vec::new() }
    }
}

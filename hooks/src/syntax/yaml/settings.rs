//! What a YAML file may grow to.

use configbus_model::Bound;
use serde::{Deserialize, Serialize};

/// Options of YAML. Hosts read with the defaults, so they can only be made tighter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct YamlSettings {
    /// Most events of one file: a scalar is one, a mapping or a sequence two.
    pub events_max: usize,
    /// Most documents of one file.
    pub documents_max: usize,
    /// Most aliases of one file, and most anchors.
    pub aliases_max: usize,
    /// Most nodes that aliases may bring into one file.
    pub alias_nodes_max: usize,
    /// Most bytes of scalars that aliases may bring into one file.
    pub alias_bytes_max: usize,
    /// Most merge keys of one file.
    pub merge_keys_max: usize,
}

impl Default for YamlSettings {
    fn default() -> Self {
        Self {
            events_max: 1_500_000,
            documents_max: 10_000,
            aliases_max: 50_000,
            alias_nodes_max: 250_000,
            alias_bytes_max: 16 << 20,
            merge_keys_max: 10_000,
        }
    }
}

impl YamlSettings {
    /// Returns each bound with what it may be.
    pub(crate) fn bounds(&self) -> [Bound; 6] {
        [
            Bound::new("gate.yaml.events_max", self.events_max as u64, 100, 1_500_000),
            Bound::new("gate.yaml.documents_max", self.documents_max as u64, 1, 10_000),
            Bound::new("gate.yaml.aliases_max", self.aliases_max as u64, 0, 50_000),
            Bound::new("gate.yaml.alias_nodes_max", self.alias_nodes_max as u64, 0, 250_000),
            Bound::new("gate.yaml.alias_bytes_max", self.alias_bytes_max as u64, 0, 16 << 20),
            Bound::new("gate.yaml.merge_keys_max", self.merge_keys_max as u64, 0, 10_000),
        ]
    }
}

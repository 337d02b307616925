//! Bounds on requests.

use configbus_model::{Bound, BoundError, at_most};
use serde::{Deserialize, Serialize};
use std::fmt::Display;

/// Bounds that protect the server from one caller and one tenant from another. `docs/limits.md` tells of each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Largest pack of one push.
    pub push_bytes_max: u64,
    /// Most references of one push.
    pub push_references_max: usize,
    /// Largest body of one request that writes, over REST and gRPC.
    pub body_bytes_max: usize,
    /// Edits in one request.
    pub edits_max: usize,
    /// Longest message of a commit that the server makes.
    pub message_bytes_max: usize,
    /// Paths one watch may name.
    pub watch_paths_max: usize,
    /// Largest list of differences in one answer.
    pub diff_bytes_max: usize,
    /// Fetches, and pushes, under way per namespace; more wait for a while and are then turned away.
    pub git_children_max: usize,
    /// Changes waiting for the committer of one namespace.
    pub queue_length_max: usize,
    /// Open watches.
    pub watchers_max: usize,
    /// Open connections.
    pub connections_max: usize,
    /// Hosts that are remembered.
    pub hosts_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            push_bytes_max: 128 << 20,
            push_references_max: 1_000,
            body_bytes_max: 32 << 20,
            edits_max: 10_000,
            message_bytes_max: 64 << 10,
            watch_paths_max: 1_000,
            diff_bytes_max: 8 << 20,
            git_children_max: 16,
            queue_length_max: 256,
            watchers_max: 10_000,
            connections_max: 16_384,
            hosts_max: 200_000,
        }
    }
}

impl Limits {
    /// Returns every bound with its key in a settings file.
    pub fn bounds(&self) -> [Bound; 12] {
        [
            Bound::new("limits.push_bytes_max", self.push_bytes_max, 1 << 10, 4 << 30),
            // They are read at once, as far as a MiB goes.
            Bound::new("limits.push_references_max", self.push_references_max as u64, 1, 5_000),
            Bound::new("limits.body_bytes_max", self.body_bytes_max as u64, 1 << 10, 256 << 20),
            Bound::new("limits.edits_max", self.edits_max as u64, 1, 100_000),
            Bound::new("limits.message_bytes_max", self.message_bytes_max as u64, 1, 1 << 20),
            Bound::new("limits.watch_paths_max", self.watch_paths_max as u64, 1, 10_000),
            // One message has room for a patch beside them.
            Bound::new("limits.diff_bytes_max", self.diff_bytes_max as u64, 1, 8 << 20),
            Bound::new("limits.git_children_max", self.git_children_max as u64, 1, 1_000),
            Bound::new("limits.queue_length_max", self.queue_length_max as u64, 1, 100_000),
            Bound::new("limits.watchers_max", self.watchers_max as u64, 1, 1_000_000),
            Bound::new("limits.connections_max", self.connections_max as u64, 1, 1_000_000),
            Bound::new("limits.hosts_max", self.hosts_max as u64, 1, 10_000_000),
        ]
    }

    /// Refuses bounds that cannot hold.
    pub(crate) fn check(&self) -> Result<(), BoundError> {
        self.bounds().into_iter().try_for_each(Bound::check)
    }
}

/// Says that a request is over a limit, in the form in which the gate tells of limits: what is wrong and what to do, what was
/// found, and the setting.
pub(crate) fn over(what: &str, found: impl Display, max: impl Display, unit: &str, key: &str) -> String {
    format!("{what}: found {found} {unit}, expected {}", at_most(max, unit, key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_outside_its_range_is_named() {
        Limits::default().check().unwrap();
        let limits = Limits { watchers_max: 0, ..Limits::default() };
        let error = limits.check().unwrap_err();
        assert_eq!(error.to_string(), "limits.watchers_max = 0, expected 1 to 1000000");
        let limits = Limits { push_bytes_max: u64::MAX, ..Limits::default() };
        assert_eq!(limits.check().unwrap_err().key(), "limits.push_bytes_max");
    }
}

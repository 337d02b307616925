//! What a registry keeps per namespace, and who may replace it by what.
//!
//! A head alone would not do: somebody who writes a head at revision 999,999,999,999 by mistake would freeze the bus,
//! because no real head is higher. The server corrects such a value, and holders that have seen it must follow the
//! correction even though its position is lower. So records count corrections, and a higher count is followed
//! whatever the position; otherwise positions decide. A *lower* count decides nothing: the registry may have been
//! wiped and have forgotten it, and that must not freeze the bus either. Deleting and creating the node instead of
//! counting would lose the order of two corrections for holders that missed one.

use crate::Announcement;
use configbus_model::{Head, Succession};
use serde::{Deserialize, Serialize};

/// A head with the number of corrections that led to it. Its JSON is the head's, with one more field when there
/// were corrections.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HeadRecord {
    #[serde(flatten)]
    pub(crate) head: Head,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) corrections: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_zero(corrections: &u32) -> bool {
    *corrections == 0
}

/// What a record that was read means to a holder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Observation {
    /// Take it.
    Newer,
    /// It confirms what is held.
    Same,
    /// It is older: ignore it.
    Stale,
    /// Same position, other commit: count it and take it, the registry's value is the server's.
    Diverged,
    /// What is held was wrong: take it.
    Corrected,
}

impl HeadRecord {
    /// Decides what to write for an announcement; `Err` is the answer when nothing is to be written.
    pub(crate) fn announce(found: Option<&Self>, head: &Head) -> Result<Self, Announcement> {
        let corrections = found.map_or(0, |found| found.corrections);
        match (found, Head::succession(found.map(|found| &found.head), head)) {
            (None, _) | (_, Succession::Newer) => Ok(Self { head: head.clone(), corrections }),
            (Some(_), Succession::Same) => Err(Announcement::Same),
            (Some(found), Succession::Stale) => Err(Announcement::AlreadyNewer(found.head.clone())),
            (Some(found), Succession::Diverged) => Err(Announcement::Diverged(found.head.clone())),
        }
    }

    /// Decides what the namespace's server writes over a value that its Git does not know.
    pub(crate) fn correct(found: Option<&Self>, head: &Head) -> Result<Self, Announcement> {
        match Self::announce(found, head) {
            Err(Announcement::AlreadyNewer(_) | Announcement::Diverged(_)) => {
                let corrections = found.map_or(0, |found| found.corrections).saturating_add(1);
                Ok(Self { head: head.clone(), corrections })
            }
            other => other,
        }
    }

    /// Decides what `seen` means to a holder of `held`.
    pub(crate) fn observe(held: Option<&Self>, seen: &Self) -> Observation {
        let Some(held) = held else { return Observation::Newer };
        if seen.corrections > held.corrections {
            return Observation::Corrected;
        }
        match held.head.succession_of(&seen.head) {
            Succession::Newer => Observation::Newer,
            Succession::Same => Observation::Same,
            Succession::Stale => Observation::Stale,
            Succession::Diverged => Observation::Diverged,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use configbus_model::{CommitId, Epoch, Revision, TreeId};
    use proptest::prelude::*;

    fn head(revision: u64, commit: u8) -> Head {
        Head {
            epoch: Epoch::FIRST,
            revision: Revision(revision),
            commit: CommitId::from_bytes([commit; 20]),
            tree: TreeId::EMPTY,
            time_ms: 7,
            traceparent: None,
        }
    }

    #[test]
    fn the_node_holds_the_json_of_the_head() {
        let record = HeadRecord { head: head(42, 0xab), corrections: 0 };
        let json = serde_json::to_value(&record).unwrap();
        assert_eq!(json, serde_json::to_value(&record.head).unwrap());
        assert_eq!(serde_json::from_value::<HeadRecord>(json).unwrap(), record);
    }

    #[test]
    fn an_announcement_is_written_only_if_it_is_higher() {
        let held = HeadRecord { head: head(5, 5), corrections: 0 };
        assert_eq!(HeadRecord::announce(None, &head(5, 5)), Ok(held.clone()));
        assert!(HeadRecord::announce(Some(&held), &head(6, 6)).is_ok());
        assert_eq!(HeadRecord::announce(Some(&held), &head(5, 5)), Err(Announcement::Same));
        assert_eq!(HeadRecord::announce(Some(&held), &head(4, 4)), Err(Announcement::AlreadyNewer(head(5, 5))));
        assert_eq!(HeadRecord::announce(Some(&held), &head(5, 6)), Err(Announcement::Diverged(head(5, 5))));
    }

    #[test]
    fn holders_of_a_wrong_value_follow_its_correction_and_what_comes_after() {
        let wrong = HeadRecord { head: head(999_999_999_999, 1), corrections: 0 };
        let corrected = HeadRecord::correct(Some(&wrong), &head(42, 2)).unwrap();
        let next = HeadRecord::announce(Some(&corrected), &head(43, 3)).unwrap();
        assert_eq!(HeadRecord::observe(Some(&wrong), &corrected), Observation::Corrected);
        assert_eq!(HeadRecord::observe(Some(&wrong), &next), Observation::Corrected);
        assert_eq!(HeadRecord::observe(Some(&next), &corrected), Observation::Stale);
    }

    #[test]
    fn holders_follow_a_registry_that_has_forgotten_its_corrections() {
        let held = HeadRecord { head: head(42, 1), corrections: 3 };
        let wiped = |revision| HeadRecord { head: head(revision, 2), corrections: 0 };
        assert_eq!(HeadRecord::observe(Some(&held), &wiped(41)), Observation::Stale);
        assert_eq!(HeadRecord::observe(Some(&held), &wiped(43)), Observation::Newer);
    }

    #[test]
    fn a_correction_that_is_not_needed_writes_nothing() {
        let held = HeadRecord { head: head(5, 5), corrections: 3 };
        assert_eq!(HeadRecord::correct(Some(&held), &head(5, 5)), Err(Announcement::Same));
        assert_eq!(HeadRecord::correct(Some(&held), &head(6, 6)).unwrap().corrections, 3);
    }

    proptest! {
        #[test]
        fn without_corrections_no_sequence_of_announcements_moves_a_head_back(
            steps in prop::collection::vec((1u64..20, 1u8..4), 1..50)
        ) {
            let mut held: Option<HeadRecord> = None;
            for (revision, commit) in steps {
                let before = held.as_ref().map(|held| held.head.position());
                if let Ok(record) = HeadRecord::announce(held.as_ref(), &head(revision, commit)) {
                    held = Some(record);
                }
                prop_assert!(held.as_ref().map(|held| held.head.position()) >= before);
            }
        }
    }
}

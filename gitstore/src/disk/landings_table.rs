//! From commit to revision in eight bytes a commit.
//!
//! A map with whole ids in it would take 50 MB at a million commits. This one holds four bytes of each id and leaves the
//! last word to the records on disk.

use configbus_model::{CommitId, Revision};

#[derive(Debug, Default)]
pub(crate) struct CommitTable {
    slots: Vec<Slot>,
    used: usize,
}

/// Revision 0 marks a free slot. 2^32 revisions take 13 years at ten a second.
#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    tag: u32,
    revision: u32,
}

impl CommitTable {
    /// Makes a table that takes this many commits without growing.
    pub(crate) fn with_capacity(commits: usize) -> Self {
        let length = (commits * 2 + 2).next_power_of_two().max(1_024);
        Self { slots: vec![Slot::default(); length], used: 0 }
    }

    pub(crate) fn insert(&mut self, commit: CommitId, revision: Revision) {
        let revision = u32::try_from(revision.0).expect("a namespace is archived long before 2^32 revisions");
        if (self.used + 1) * 2 > self.slots.len() {
            self.grow();
        }
        let (start, tag) = hash(commit);
        self.place(start, Slot { tag, revision });
        self.used += 1;
    }

    /// Returns the revisions that may be this commit's; nearly always none or the right one.
    pub(crate) fn candidates(&self, commit: CommitId) -> impl Iterator<Item = Revision> + '_ {
        let (start, tag) = hash(commit);
        let length = self.slots.len();
        (0..length)
            .map(move |step| self.slots[(start.wrapping_add(step)) & (length - 1)])
            .take_while(|slot| slot.revision != 0)
            .filter(move |slot| slot.tag == tag)
            .map(|slot| Revision(u64::from(slot.revision)))
    }

    fn place(&mut self, start: usize, slot: Slot) {
        let mask = self.slots.len() - 1;
        let free = (0..self.slots.len())
            .map(|step| start.wrapping_add(step) & mask)
            .find(|&at| self.slots[at].revision == 0)
            .expect("the table is at most half full");
        self.slots[free] = slot;
    }

    /// Doubles the table. The tag holds as many bits of the start as a table of 2^32 revisions needs.
    fn grow(&mut self) {
        let length = self.slots.len().max(512) * 2;
        let old = std::mem::replace(&mut self.slots, vec![Slot::default(); length]);
        for slot in old.into_iter().filter(|slot| slot.revision != 0) {
            self.place(slot.tag as usize, slot);
        }
    }
}

/// Ids are hashes already: four bytes of one say both where to look and what to look for.
fn hash(commit: CommitId) -> (usize, u32) {
    let [a, b, c, d, ..] = *commit.as_bytes();
    let tag = u32::from_le_bytes([a, b, c, d]);
    (tag as usize, tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commit(number: u32) -> CommitId {
        let mut bytes = [0; 20];
        bytes[..4].copy_from_slice(&number.wrapping_mul(2_654_435_761).to_le_bytes());
        bytes[4..8].copy_from_slice(&number.to_le_bytes());
        CommitId::from_bytes(bytes)
    }

    #[test]
    fn every_commit_is_found_and_no_other() {
        for mut table in [CommitTable::default(), CommitTable::with_capacity(3_000)] {
            assert_eq!(table.candidates(commit(1)).count(), 0);
            for number in 1..=5_000 {
                table.insert(commit(number), Revision(number.into()));
            }
            for number in 1..=5_000 {
                assert_eq!(table.candidates(commit(number)).collect::<Vec<_>>(), [Revision(number.into())]);
            }
            assert_eq!(table.candidates(commit(5_001)).count(), 0);
        }
    }

    #[test]
    fn commits_whose_ids_begin_alike_are_both_candidates() {
        let mut table = CommitTable::default();
        table.insert(CommitId::from_bytes([9; 20]), Revision(1));
        let mut other = [9; 20];
        other[19] = 0;
        table.insert(CommitId::from_bytes(other), Revision(2));
        assert_eq!(table.candidates(CommitId::from_bytes([9; 20])).count(), 2);
    }
}

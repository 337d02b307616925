//! Keys of one object, to find the ones that are there twice.

use std::{borrow::Cow, collections::HashMap};

/// Keys up to which a plain list is faster than a map.
const LISTED_MAX: usize = 12;

/// Keys seen so far with the place of each.
#[derive(Debug, Default)]
pub(super) struct Keys<'a> {
    listed: Vec<(Cow<'a, str>, usize)>,
    mapped: HashMap<Cow<'a, str>, usize>,
}

impl<'a> Keys<'a> {
    /// Adds a key, or returns where it stands already.
    pub(super) fn insert(&mut self, key: Cow<'a, str>, offset: usize) -> Option<usize> {
        if let Some(first) = self.listed.iter().find(|(seen, _)| *seen == key) {
            return Some(first.1);
        }
        if self.listed.len() < LISTED_MAX {
            self.listed.push((key, offset));
            return None;
        }
        match self.mapped.entry(key) {
            std::collections::hash_map::Entry::Occupied(first) => Some(*first.get()),
            std::collections::hash_map::Entry::Vacant(free) => {
                free.insert(offset);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_place_of_each_key_is_kept() {
        let mut keys = Keys::default();
        for n in 0..50 {
            assert_eq!(keys.insert(format!("k{n}").into(), n), None);
        }
        assert_eq!(keys.insert("k3".into(), 100), Some(3));
        assert_eq!(keys.insert("k40".into(), 101), Some(40));
    }
}

//! Toggles by id.

use super::{Toggle, ToggleFile};
use crate::hash::crc32;
use std::collections::BTreeMap;

/// Toggles by id.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ToggleMap {
    toggles: BTreeMap<String, Toggle>,
}

impl ToggleMap {
    /// Returns the toggles of a file.
    pub fn of_file(file: &ToggleFile) -> Self {
        file.records.iter().map(|record| (record.id.as_str(), record.fraction)).collect()
    }

    /// Returns a toggle.
    pub fn get(&self, id: &str) -> Option<&Toggle> {
        self.toggles.get(id)
    }

    /// Returns all toggles in the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Toggle)> {
        self.toggles.iter().map(|(id, toggle)| (id.as_str(), toggle))
    }

    /// Puts a toggle or another fraction for it.
    pub fn put(&mut self, id: &str, fraction: f64) {
        self.toggles.insert(id.to_owned(), Toggle::new(id, fraction));
    }

    /// Takes a toggle away.
    pub fn remove(&mut self, id: &str) {
        self.toggles.remove(id);
    }

    /// Returns the checksum that is shown as the gauge `toggles/LIB/checksum`: CRC-32 over each id's UTF-8 and the eight bytes
    /// of its fraction, least first, in the order of ids.
    ///
    /// ```
    /// use configbus_switches::toggle::ToggleMap;
    /// let map: ToggleMap = [("com.id", 0.0)].into_iter().collect();
    /// assert_eq!(map.checksum() as f32, 1_190_062_720.0);
    /// ```
    pub fn checksum(&self) -> u32 {
        let mut bytes = Vec::new();
        for (id, toggle) in &self.toggles {
            bytes.extend_from_slice(id.as_bytes());
            bytes.extend_from_slice(&toggle.fraction().to_le_bytes());
        }
        crc32(&bytes)
    }
}

impl<'a> FromIterator<(&'a str, f64)> for ToggleMap {
    fn from_iter<I: IntoIterator<Item = (&'a str, f64)>>(toggles: I) -> Self {
        let mut map = Self::default();
        toggles.into_iter().for_each(|(id, fraction)| map.put(id, fraction));
        map
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_of_finagle() {
        for (fraction, checksum) in [(0.0, 1_190_062_720.0_f32), (0.1, 3.580_520_2e9)] {
            let map: ToggleMap = [("com.id", fraction)].into_iter().collect();
            assert_eq!((map.checksum() as f32).to_bits(), checksum.to_bits());
        }
    }
}

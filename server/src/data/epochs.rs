//! `DATA/epochs.json`: how often each name of a namespace was given up.
//!
//! A namespace that is made under the name of a deleted one begins at revision 1 again. Its heads must follow those that
//! hosts and coordination still hold, so its epoch is higher by one for each that went before.

use configbus_model::{Epoch, Namespace};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

const FILE: &str = "epochs.json";

/// How often names were given up; absent for those that never were.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Epochs(BTreeMap<Namespace, u64>);

impl Epochs {
    /// Reads the file; without one no name was ever given up.
    pub(super) fn read(data: &Path) -> io::Result<Self> {
        let file = data.join(FILE);
        match fs::read(&file) {
            Ok(content) => serde_json::from_slice(&content)
                .map(Self)
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, format!("{}: {error}", file.display()))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error),
        }
    }

    /// Returns the epoch of a namespace in a folder whose history is in the epoch `of_folder`.
    pub(super) fn of(&self, name: &Namespace, of_folder: Epoch) -> Epoch {
        Epoch(of_folder.0 + self.0.get(name).copied().unwrap_or(0))
    }

    /// Counts a name that is given up, durably.
    pub(super) fn give_up(&mut self, name: &Namespace, data: &Path) -> io::Result<()> {
        let mut next = self.clone();
        *next.0.entry(name.clone()).or_default() += 1;
        next.write(data)?;
        *self = next;
        Ok(())
    }

    fn write(&self, data: &Path) -> io::Result<()> {
        let temporary = data.join(format!("{FILE}.tmp"));
        let mut file = File::create(&temporary)?;
        file.write_all(serde_json::to_string_pretty(&self.0)?.as_bytes())?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        fs::rename(&temporary, data.join(FILE))?;
        File::open(data)?.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_a_higher_epoch_each_time_it_was_given_up() {
        let data = tempfile::tempdir().unwrap();
        let (traffic, ads) = (Namespace::parse("traffic").unwrap(), Namespace::parse("ads").unwrap());
        let mut epochs = Epochs::read(data.path()).unwrap();
        epochs.give_up(&traffic, data.path()).unwrap();
        epochs.give_up(&traffic, data.path()).unwrap();
        let read = Epochs::read(data.path()).unwrap();
        assert_eq!(read, epochs);
        assert_eq!((read.of(&traffic, Epoch(4)), read.of(&ads, Epoch(4))), (Epoch(6), Epoch(4)));
    }
}

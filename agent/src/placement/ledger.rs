//! What was placed, what was refused and what is owed: on disk, so that a crash loses no command.

use crate::delivery::DiskError;
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

/// How far a content got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Stage {
    /// The check said no.
    Refused,
    /// It takes or has its place, and its command has not ended yet.
    Owed,
    /// It has its place, and its command, if any, has ended.
    Settled,
}

/// One place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    /// The content it is about.
    pub(super) digest: String,
    pub(super) stage: Stage,
    /// Whether the bus has put something there before.
    pub(super) ours: bool,
    /// How its command failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) failure: Option<String>,
}

/// Places by their path.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Ledger {
    places: BTreeMap<PathBuf, Record>,
    #[serde(skip)]
    path: PathBuf,
}

impl Ledger {
    /// Reads the ledger of a root. One that cannot be read counts as empty: everything is placed and told anew, which
    /// harms less than never.
    pub(super) fn open(folder: &Path) -> Result<Self, DiskError> {
        fs::create_dir_all(folder).map_err(DiskError::at("create", folder))?;
        let path = folder.join("ledger.json");
        let read = match fs::read(&path) {
            Ok(json) => serde_json::from_slice(&json).map_err(io::Error::from),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error),
        };
        let ledger = read.unwrap_or_else(|error| {
            tracing::warn!(%error, "{} cannot be read, everything is delivered anew", path.display());
            Self::default()
        });
        Ok(Self { path, ..ledger })
    }

    pub(super) fn of(&self, to: &Path) -> Option<&Record> {
        self.places.get(to)
    }

    /// Notes one place, durably.
    pub(super) fn note(&mut self, to: &Path, record: Record) -> Result<(), DiskError> {
        self.places.insert(to.to_owned(), record);
        self.write().map_err(DiskError::at("write", &self.path))
    }

    /// Forgets places that the settings no longer name.
    pub(super) fn keep(&mut self, wanted: impl Fn(&Path) -> bool) {
        self.places.retain(|to, _| wanted(to));
    }

    fn write(&self) -> io::Result<()> {
        let scratch = self.path.with_extension("new");
        let mut file = File::create(&scratch)?;
        file.write_all(&serde_json::to_vec_pretty(self)?)?;
        file.sync_all()?;
        fs::rename(&scratch, &self.path)?;
        self.path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
    }
}

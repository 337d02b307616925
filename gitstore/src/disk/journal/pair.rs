//! The two files of a journal, and which of them takes landings.

use super::{
    record::{self, Parts, Record},
    segment::Segment,
};
use crate::disk::durable;
use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

const NAMES: [&str; 2] = ["journal-0", "journal-1"];

pub(crate) struct Journal {
    /// The repository's own folder in the repository.
    dir: PathBuf,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    files: Option<Files>,
    /// Number of the last record.
    sequence: u64,
    /// What was written failed to be synced: nobody knows what is there.
    is_broken: bool,
}

struct Files {
    active: Half,
    resting: Half,
}

struct Half {
    segment: Segment,
    /// Packs that its records brought.
    packs: Vec<String>,
}

/// What has to be durable elsewhere before room is made.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Resting {
    /// Names of packs, without extension. Those that are gone were joined to one that is durable.
    pub(crate) packs: Vec<String>,
    is_everything: bool,
}

impl Journal {
    /// Reads the journal of a repository: the records since the last checkpoint, in order.
    pub(crate) fn read(dir: &Path) -> io::Result<Vec<Record>> {
        let mut halves = Vec::new();
        for name in NAMES {
            halves.push(Segment::read(&dir.join(name))?);
        }
        halves.retain(|(_, records)| !records.is_empty());
        halves.sort_by_key(|(first, _)| *first);
        Ok(halves.into_iter().flat_map(|(_, records)| records).collect())
    }

    /// Removes the journal, durably. What it holds must be durable elsewhere.
    pub(crate) fn remove(dir: &Path) -> io::Result<()> {
        let mut is_removed = false;
        for name in NAMES {
            match fs::remove_file(dir.join(name)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                removed => is_removed = removed.map(|()| true)?,
            }
        }
        if is_removed { durable::sync_dir(dir) } else { Ok(()) }
    }

    /// A journal without records. Its files are made when they are needed: most repositories are mirrors and have none.
    pub(crate) fn new(dir: PathBuf) -> Self {
        Self { dir, state: Mutex::default() }
    }

    /// Appends a landing and syncs it; it will be there after a power cut. `None` when there is no room before a checkpoint.
    pub(crate) fn append(&self, parts: &Parts<'_>) -> io::Result<Option<Appended>> {
        let mut state = self.state();
        if state.is_broken {
            return Ok(None);
        }
        let sequence = state.sequence + 1;
        let bytes = record::encode(parts, sequence);
        let files = state.files(&self.dir)?;
        if !files.active.segment.takes(bytes.len()) {
            return Ok(None);
        }
        let appended = files.active.segment.append(&bytes, sequence);
        files.active.packs.extend(parts.pack.map(|pack| format!("pack-{}", pack.name)));
        state.sequence = sequence;
        state.is_broken = appended.is_err();
        appended.map(|()| Some(Appended { length: bytes.len() }))
    }

    /// Takes back the landing that was appended last: it could not be shown.
    pub(crate) fn retract(&self, appended: &Appended) {
        let mut state = self.state();
        state.sequence -= 1;
        let retracted = state.files(&self.dir).and_then(|files| files.active.segment.retract(appended.length));
        state.is_broken |= retracted.is_err();
    }

    /// Returns what has to be synced to make room, and lets the other file take landings meanwhile. The caller sees to it
    /// that nobody else does this at the same time.
    pub(crate) fn rest(&self) -> Option<Resting> {
        let mut state = self.state();
        let is_everything = state.is_broken;
        let files = state.files.as_mut()?;
        if is_everything {
            let packs = [files.active.packs.clone(), files.resting.packs.clone()].concat();
            return Some(Resting { packs, is_everything });
        }
        // One that is not empty could not be made durable last time.
        if files.resting.segment.is_empty() {
            std::mem::swap(&mut files.active, &mut files.resting);
        }
        let packs = files.resting.packs.clone();
        (!files.resting.segment.is_empty()).then_some(Resting { packs, is_everything })
    }

    /// Makes room: what was to be synced is.
    pub(crate) fn release(&self, resting: &Resting) -> io::Result<()> {
        let mut state = self.state();
        if resting.is_everything {
            Self::remove(&self.dir)?;
            (state.files, state.is_broken) = (None, false);
        } else if let Some(files) = &mut state.files {
            files.resting.segment.free()?;
            files.resting.packs.clear();
        }
        Ok(())
    }

    /// Returns how many bytes wait for a checkpoint.
    pub(crate) fn bytes(&self) -> u64 {
        let state = self.state();
        state.files.as_ref().map_or(0, |files| files.active.segment.bytes() + files.resting.segment.bytes())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A record counts once it is synced; what a panic left beyond it is overwritten.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn files(&mut self, dir: &Path) -> io::Result<&mut Files> {
        if self.files.is_none() {
            durable::create_dirs(dir)?;
            let [active, resting] = NAMES.map(|name| {
                let segment = Segment::open(&dir.join(name))?;
                Ok::<_, io::Error>(Half { segment, packs: Vec::new() })
            });
            let files = Files { active: active?, resting: resting? };
            durable::sync_dir(dir)?;
            self.files = Some(files);
        }
        Ok(self.files.as_mut().expect("they were opened just now"))
    }
}

/// A landing in the journal.
#[derive(Debug)]
pub(crate) struct Appended {
    length: usize,
}

//! When tokens were last used, to the minute: enough to find those that nobody needs any more.
//!
//! Liveness, not truth: it is written now and then without syncing, apart from the list of tokens, and may be lost.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

const FILE: &str = "tokens.used.json";

/// How exactly a use is remembered.
const STEP_MS: u64 = 60_000;

/// Last uses by token id.
pub(crate) struct LastUsed {
    path: PathBuf,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    uses: BTreeMap<String, u64>,
    is_new: bool,
}

impl LastUsed {
    pub(super) fn read(data: &Path) -> Self {
        Self { path: data.join(FILE), state: Mutex::new(State { uses: read_last_used(data), is_new: false }) }
    }

    /// Notes a use.
    pub(super) fn note(&self, id: &str, now_ms: u64) {
        let minute = now_ms - now_ms % STEP_MS;
        let mut state = self.state();
        if state.uses.get(id) != Some(&minute) {
            state.uses.insert(id.to_owned(), minute);
            state.is_new = true;
        }
    }

    /// Returns the last use of each token.
    pub(crate) fn uses(&self) -> BTreeMap<String, u64> {
        self.state().uses.clone()
    }

    /// Writes what is new, and forgets tokens that are gone.
    pub(crate) fn write(&self, is_there: impl Fn(&str) -> bool) -> io::Result<()> {
        let content = {
            let mut state = self.state();
            if !std::mem::take(&mut state.is_new) {
                return Ok(());
            }
            state.uses.retain(|id, _| is_there(id));
            serde_json::to_vec(&state.uses).map_err(io::Error::other)?
        };
        let temporary = self.path.with_extension("tmp");
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600).open(&temporary)?.write_all(&content)?;
        fs::rename(&temporary, &self.path)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns what a server has written; nothing when there is nothing to be read.
pub(super) fn read_last_used(data: &Path) -> BTreeMap<String, u64> {
    let content = fs::read(data.join(FILE)).unwrap_or_default();
    serde_json::from_slice(&content).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uses_are_remembered_to_the_minute_and_forgotten_with_the_token() {
        let data = tempfile::tempdir().unwrap();
        let used = LastUsed::read(data.path());
        used.note("a", 61_234);
        used.note("b", 119_999);
        used.write(|id| id == "a").unwrap();
        assert_eq!(read_last_used(data.path()), BTreeMap::from([("a".to_owned(), 60_000)]));
        assert_eq!(LastUsed::read(data.path()).uses().len(), 1);
    }
}

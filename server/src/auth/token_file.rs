//! `DATA/tokens.json`: the tokens of a server, for its owner alone.
//!
//! The server and the command line write the same file: each change happens under a lock, in one rename, synced before
//! it counts. The server looks at the file at every request, so that a token revoked by hand beside it is dead at once.

use super::last_used::read_last_used;
use super::token_record::{NewToken, TokenRecord};
use configbus_model::{ErrorKind, Token};
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

const FILE: &str = "tokens.json";
const LOCK: &str = "tokens.lock";

/// Where the first token of a server is left.
pub const ADMIN_TOKEN_FILE: &str = "admin.token";

/// Format this release writes.
const FORMAT: u32 = 1;

/// Tokens of one server. Each of a hundred thousand hosts may have its own.
const TOKENS_MAX: usize = 250_000;

/// Longest note, in bytes.
const NOTE_BYTES_MAX: usize = 500;

/// A token cannot be made, listed or revoked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenFileError {
    /// The file cannot be read or written.
    #[error("cannot use {}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file does not hold what it should.
    #[error("{} is damaged", path.display())]
    Damaged {
        /// Which.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// A later release wrote it.
    #[error("{} has format {found}, this release reads {FORMAT}", path.display())]
    Format {
        /// Which.
        path: PathBuf,
        /// What it has.
        found: u32,
    },
    /// The change is made, and the audit log does not say so.
    #[error("the change of token {id} is made and could not be written down in {}", path.display())]
    Unwritten {
        /// Of which token.
        id: String,
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is no such token.
    #[error("there is no token {id:?}; list the tokens to see their ids")]
    Unknown {
        /// What was given.
        id: String,
    },
    /// There is no server's data in that folder.
    #[error("{} is not the data folder of a server", path.display())]
    NoDataFolder {
        /// Which.
        path: PathBuf,
    },
    /// The token would be of no use, or of too much.
    #[error("{0}")]
    Unfit(String),
    /// The kernel gives no random bytes.
    #[error("cannot get random bytes: {0}")]
    Random(getrandom::Error),
}

impl TokenFileError {
    /// Returns the kind of failure.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Io { .. } | Self::Unwritten { .. } | Self::Damaged { .. } | Self::Random(_) => ErrorKind::Internal,
            Self::Format { .. } => ErrorKind::Unsupported,
            Self::Unknown { .. } | Self::NoDataFolder { .. } => ErrorKind::NotFound,
            Self::Unfit(_) => ErrorKind::Invalid,
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Content {
    format: u32,
    tokens: Vec<TokenRecord>,
}

/// What tells one state of the file from another without reading it. Every change is a new file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    inode: u64,
    bytes: u64,
    changed: (i64, i64),
}

/// The tokens in a server's data folder.
#[derive(Debug, Clone)]
pub(crate) struct TokenFile {
    data: PathBuf,
}

impl TokenFile {
    /// Uses the data folder of a server, which may be running.
    pub(crate) fn in_data_folder(data: &Path) -> Result<Self, TokenFileError> {
        if data.join("server.json").exists() {
            return Ok(Self::new(data));
        }
        Err(TokenFileError::NoDataFolder { path: data.to_owned() })
    }

    pub(super) fn new(data: &Path) -> Self {
        Self { data: data.to_owned() }
    }

    /// Returns the data folder.
    pub(crate) fn data(&self) -> &Path {
        &self.data
    }

    /// Returns when tokens were last used, to the minute, as far as the server has written it down.
    pub(crate) fn last_uses(&self) -> BTreeMap<String, u64> {
        read_last_used(&self.data)
    }

    /// Returns every token, oldest first.
    pub(crate) fn list(&self) -> Result<Vec<TokenRecord>, TokenFileError> {
        Ok(self.read()?.unwrap_or_default())
    }

    /// Makes a token. It is shown this once; what is kept cannot be turned back into it.
    pub(crate) fn create(&self, new: NewToken, now_ms: u64) -> Result<(Token, TokenRecord), TokenFileError> {
        check(&new, now_ms)?;
        self.change(|tokens| {
            if tokens.len() >= TOKENS_MAX {
                return Err(TokenFileError::Unfit(format!("there are {TOKENS_MAX} tokens already: revoke some")));
            }
            let token = unused(tokens)?;
            let record = TokenRecord::of(&token, new, now_ms);
            tokens.push(record.clone());
            Ok((token, record))
        })
    }

    /// Revokes a token; it does not hold any more when this returns.
    pub(crate) fn revoke(&self, id: &str) -> Result<TokenRecord, TokenFileError> {
        self.change(|tokens| {
            let place = tokens.iter().position(|record| record.id == id);
            let place = place.ok_or_else(|| TokenFileError::Unknown { id: id.chars().take(80).collect() })?;
            Ok(tokens.remove(place))
        })
    }

    /// Makes the first token of a server and leaves it where its owner finds it. Does nothing when there is a list of
    /// tokens, even an empty one.
    pub(super) fn found(&self, first: NewToken, now_ms: u64) -> Result<Option<PathBuf>, TokenFileError> {
        let _lock = self.lock()?;
        if self.read()?.is_some() {
            return Ok(None);
        }
        let token = unused(&[])?;
        // The token comes first: a crash in between leaves one that does not hold, and the next start makes another.
        let path = self.data.join(ADMIN_TOKEN_FILE);
        self.replace(ADMIN_TOKEN_FILE, format!("{}\n", token.expose()).as_bytes())?;
        self.write(vec![TokenRecord::of(&token, first, now_ms)])?;
        Ok(Some(path))
    }

    /// Returns the state of the file; `None` when there is none.
    pub(super) fn stamp(&self) -> io::Result<Option<Stamp>> {
        match fs::metadata(self.data.join(FILE)) {
            Ok(found) => {
                let changed = (found.ctime(), found.ctime_nsec());
                Ok(Some(Stamp { inode: found.ino(), bytes: found.len(), changed }))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn change<T>(
        &self,
        change: impl FnOnce(&mut Vec<TokenRecord>) -> Result<T, TokenFileError>,
    ) -> Result<T, TokenFileError> {
        let _lock = self.lock()?;
        let mut tokens = self.read()?.unwrap_or_default();
        let outcome = change(&mut tokens)?;
        self.write(tokens)?;
        Ok(outcome)
    }

    /// Waits for whoever else changes the file; that takes as long as a sync.
    fn lock(&self) -> Result<File, TokenFileError> {
        let path = self.data.join(LOCK);
        let mut options = OpenOptions::new();
        let lock = options.write(true).create(true).truncate(false).mode(0o600).open(&path);
        let lock = lock.and_then(|lock| {
            flock(&lock, FlockOperation::LockExclusive)?;
            Ok(lock)
        });
        lock.map_err(|source| TokenFileError::Io { path, source })
    }

    fn read(&self) -> Result<Option<Vec<TokenRecord>>, TokenFileError> {
        let path = self.data.join(FILE);
        let content = match fs::read(&path) {
            Ok(content) => content,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(TokenFileError::Io { path, source }),
        };
        match serde_json::from_slice::<Content>(&content) {
            Ok(Content { format: FORMAT, tokens }) => Ok(Some(tokens)),
            Ok(Content { format, .. }) => Err(TokenFileError::Format { path, found: format }),
            Err(source) => Err(TokenFileError::Damaged { path, source }),
        }
    }

    fn write(&self, tokens: Vec<TokenRecord>) -> Result<(), TokenFileError> {
        let content = serde_json::to_vec_pretty(&Content { format: FORMAT, tokens }).expect("records are plain data");
        self.replace(FILE, &content)
    }

    fn replace(&self, name: &str, content: &[u8]) -> Result<(), TokenFileError> {
        let path = self.data.join(name);
        let temporary = self.data.join(format!("{name}.tmp"));
        let replaced = (|| {
            // A leftover may have been made with other permissions.
            let _ = fs::remove_file(&temporary);
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
            file.write_all(content)?;
            file.sync_all()?;
            fs::rename(&temporary, &path)?;
            File::open(&self.data)?.sync_all()
        })();
        replaced.map_err(|source| TokenFileError::Io { path, source })
    }
}

fn unused(tokens: &[TokenRecord]) -> Result<Token, TokenFileError> {
    loop {
        let (mut id, mut secret) = ([0; 5], [0; 32]);
        getrandom::fill(&mut id).map_err(TokenFileError::Random)?;
        getrandom::fill(&mut secret).map_err(TokenFileError::Random)?;
        let token = Token::of(id, secret);
        if tokens.iter().all(|record| record.id != token.id()) {
            return Ok(token);
        }
    }
}

fn check(new: &NewToken, now_ms: u64) -> Result<(), TokenFileError> {
    let unfit = |text: &str| Err(TokenFileError::Unfit(text.to_owned()));
    if new.roles.is_empty() {
        return unfit("a token without a role is of no use, give it one: reader, writer, admin, store or agent");
    }
    if new.principal.as_str() == "anonymous" {
        return unfit("anonymous is the name of callers without a token");
    }
    if new.expires_ms.is_some_and(|expires_ms| expires_ms <= now_ms) {
        return unfit("the token would have expired already");
    }
    if new.note.len() > NOTE_BYTES_MAX || new.note.chars().any(char::is_control) {
        return Err(TokenFileError::Unfit(format!("the note must be one line of at most {NOTE_BYTES_MAX} bytes")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::os::unix::fs::PermissionsExt as _;

    pub(crate) fn new_token(principal: &str, grant: &str) -> NewToken {
        NewToken {
            principal: principal.parse().unwrap(),
            roles: [grant.parse().unwrap()].into_iter().collect(),
            groups: BTreeSet::new(),
            note: String::new(),
            expires_ms: None,
        }
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_token_is_kept_as_a_hash_in_a_private_file() {
        let data = tempfile::tempdir().unwrap();
        let file = TokenFile::new(data.path());
        let (token, record) = file.create(new_token("ada", "writer"), 5).unwrap();
        assert_eq!(mode(&data.path().join(FILE)), 0o600);
        let text = fs::read_to_string(data.path().join(FILE)).unwrap();
        assert!(!text.contains(&token.expose()[20..]) && text.contains(&token.hash().to_string()), "{text}");
        assert_eq!(file.list().unwrap(), std::slice::from_ref(&record));
        assert!(record.is_of(&token.hash()) && !record.is_of(&Token::of([1; 5], [1; 32]).hash()));
        let before = file.stamp().unwrap();
        assert_eq!(file.revoke(&record.id).unwrap().id, record.id);
        assert!(file.stamp().unwrap() != before && file.list().unwrap().is_empty());
        assert!(matches!(file.revoke(&record.id), Err(TokenFileError::Unknown { .. })));
    }

    #[test]
    fn the_first_token_is_left_once() {
        let data = tempfile::tempdir().unwrap();
        let file = TokenFile::new(data.path());
        let path = file.found(new_token("admin", "admin"), 5).unwrap().unwrap();
        assert_eq!(mode(&path), 0o600);
        let token = Token::parse(&fs::read_to_string(&path).unwrap()).unwrap();
        assert!(file.list().unwrap()[0].is_of(&token.hash()));
        file.revoke(token.id()).unwrap();
        assert_eq!(file.found(new_token("admin", "admin"), 5).unwrap(), None);
    }

    #[test]
    fn many_writers_lose_no_token() {
        let data = tempfile::tempdir().unwrap();
        let file = TokenFile::new(data.path());
        std::thread::scope(|scope| {
            for number in 0..8 {
                let file = &file;
                scope.spawn(move || file.create(new_token(&format!("p{number}"), "agent"), 5).unwrap());
            }
        });
        assert_eq!(file.list().unwrap().len(), 8);
    }

    #[test]
    fn tokens_of_no_use_are_refused_and_a_damaged_list_is_named() {
        let data = tempfile::tempdir().unwrap();
        let file = TokenFile::new(data.path());
        let late = NewToken { expires_ms: Some(5), ..new_token("ada", "writer") };
        assert_eq!(file.create(late, 5).unwrap_err().kind(), ErrorKind::Invalid);
        assert!(file.create(new_token("anonymous", "reader"), 5).is_err());
        fs::write(data.path().join(FILE), "{").unwrap();
        assert!(matches!(file.list(), Err(TokenFileError::Damaged { .. })));
        assert!(matches!(TokenFile::in_data_folder(data.path()), Err(TokenFileError::NoDataFolder { .. })));
    }
}

//! Where the audit log of a data folder is, for those who change something beside the server.
//!
//! The server leaves word in its folder when it opens the log: a flag or the path of its settings would be forgotten,
//! and the record would end up where nobody reads it.

use super::file::FILE;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

/// File in the data folder with the path of a log that is elsewhere.
const LOCATION: &str = "audit.location";

/// Notes where the log is; nothing is noted of a log that is in the folder.
pub(super) fn leave(data: &Path, log: &Path) -> io::Result<()> {
    let (location, log) = (data.join(LOCATION), std::path::absolute(log)?);
    if log == std::path::absolute(data.join(FILE))? {
        return match fs::remove_file(&location) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        };
    }
    if fs::read(&location).is_ok_and(|known| known == log.as_os_str().as_bytes()) {
        return Ok(());
    }
    let temporary = location.with_extension("tmp");
    fs::write(&temporary, log.as_os_str().as_bytes())?;
    fs::rename(&temporary, &location)
}

/// Returns the log of the server that used a data folder last.
pub(super) fn of(data: &Path) -> io::Result<PathBuf> {
    match fs::read(data.join(LOCATION)) {
        Ok(path) => Ok(PathBuf::from(OsString::from_vec(path))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(data.join(FILE)),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_that_moves_is_found_where_it_is() {
        let (data, logs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (here, elsewhere) = (data.path().join(FILE), logs.path().join("configbus.jsonl"));
        assert_eq!(of(data.path()).unwrap(), here);
        for log in [&elsewhere, &logs.path().join("other.jsonl"), &here, &here, &elsewhere] {
            leave(data.path(), log).unwrap();
            assert_eq!(&of(data.path()).unwrap(), log);
        }
    }
}

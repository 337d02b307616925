//! After a crash: what the journal holds and the disk may have lost is made again, before anybody looks.
//!
//! Nothing that was not synced can be believed: a file may be missing, empty or torn, be it a pack, its index, the records or
//! the ref. So all of them are held against the journal, written where they differ, and synced; then the journal goes.

use super::{
    Journal,
    record::{Record, Written},
};
use crate::disk::{durable, landings, refs};
use configbus_model::CommitId;
use std::{fs, io, path::Path};

/// Replays the journal of a repository and removes it. Returns how many landings it held.
pub(crate) fn replay(repository: &Path) -> io::Result<usize> {
    let dir = repository.join("configbus");
    let records = Journal::read(&dir)?;
    if let Some(head) = records.last().and_then(|record| record.landings.last()) {
        let packs = repository.join("objects/pack");
        records.iter().filter_map(|record| record.pack.as_ref()).try_for_each(|pack| restore_pack(&packs, pack))?;
        durable::sync_dir(&packs)?;
        let landings = records.iter().map(|record| (record.first, record.landings.as_slice()));
        landings::restore(&dir.join("landings"), landings)?;
        restore_ref(repository, &records, head.commit)?;
    }
    Journal::remove(&dir)?;
    Ok(records.iter().map(|record| record.landings.len()).sum())
}

/// A pack that was joined to a larger one comes back, until it is joined again.
fn restore_pack(dir: &Path, pack: &Written) -> io::Result<()> {
    let name = pack.name();
    restore(&dir.join(format!("{name}.pack")), &pack.pack)?;
    restore(&dir.join(format!("{name}.idx")), &pack.index)
}

/// Makes sure that a file has this content. Its name is not synced.
fn restore(path: &Path, content: &[u8]) -> io::Result<()> {
    if fs::read(path).is_ok_and(|present| present == content) {
        return durable::sync_file(path);
    }
    let beside = path.with_file_name("tmp_replayed_configbus");
    remove(&beside)?;
    durable::write_new(&beside, content, 0o444)?;
    fs::rename(&beside, path)
}

/// The ref is where the journal ends, unless somebody else moved it to where the journal never was.
fn restore_ref(repository: &Path, records: &[Record], head: CommitId) -> io::Result<()> {
    let present = refs::read(repository, refs::MAIN).unwrap_or(None);
    let was_ours = |commit: CommitId| {
        records.iter().any(|record| record.base == Some(commit) || record.landings.iter().any(|at| at.commit == commit))
    };
    let path = repository.join(refs::MAIN);
    if present.is_none_or(was_ours) {
        let beside = repository.join("configbus/head.tmp");
        remove(&beside)?;
        durable::write_new(&beside, format!("{head}\n").as_bytes(), 0o644)?;
        durable::create_dirs(durable::parent(&path))?;
        fs::rename(&beside, &path)?;
    }
    durable::sync_dir(durable::parent(&path))
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

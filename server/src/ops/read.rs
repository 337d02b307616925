//! Reading: files, listings, history, differences.

use crate::auth::Caller;
use crate::bus::Bus;
use crate::failure::Failure;
use crate::limits::over;
use crate::namespace::LiveNamespace;
use crate::path_space::Place;
use bytes::Bytes;
use configbus_gitstore::{LogEntry, ReadError, Store};
use configbus_model::{At, Change, CommitId, ConfigPath, Entry, EntryMode, Head, Namespace, Revision};
use std::sync::Arc;

/// Commits of one page of history, unless asked otherwise, and at most.
const LOG_DEFAULT: usize = 50;
const LOG_MAX: usize = 1_000;

/// A file at a revision.
pub(crate) struct FileAt {
    pub(crate) namespace: Namespace,
    pub(crate) entry: Entry,
    pub(crate) content: Bytes,
    pub(crate) head: Head,
}

/// Returns one file.
pub(crate) async fn get(bus: &Bus, caller: &Caller, path: ConfigPath, at: Option<At>) -> Result<FileAt, Failure> {
    let place = bus.place(caller, Some(&path))?;
    file_at(&place, at.as_ref()).await
}

/// Returns one file of a namespace that the caller may read.
pub(crate) async fn file_at(place: &Place, at: Option<&At>) -> Result<FileAt, Failure> {
    let (live, namespace) = (&place.live, place.live.name.clone());
    let directory = |path: &ConfigPath| {
        Failure::not_found(format!("{path} is a directory: list it with /v1/list/{path} or `configbus ls`"))
    };
    let Some(path) = place.path.clone() else {
        let root = place.mounted_at.as_ref();
        return Err(root.map_or_else(|| Failure::not_found("the root is a directory"), directory));
    };
    let head = live.head_or_point(at).await?;
    let (commit, public) = (head.commit, place.public(&path));
    match live.read(move |store| file_or_hint(store, commit, &path)).await? {
        Found::File(entry, content) => Ok(FileAt { namespace, entry: place.entry(entry), content, head }),
        Found::Directory => Err(directory(&public)),
        Found::Nothing => {
            let of = if namespace == Namespace::main() { String::new() } else { format!(" of {namespace}") };
            Err(Failure::not_found(format!("{public} does not exist at {}{of}", head.revision)))
        }
    }
}

enum Found {
    File(Entry, Bytes),
    Directory,
    Nothing,
}

fn file_or_hint(store: &Store, commit: CommitId, path: &ConfigPath) -> Result<Found, ReadError> {
    if let Some((entry, content)) = store.file(commit, path)? {
        return Ok(Found::File(entry, content));
    }
    let is_directory = store.entry(commit, path)?.is_some_and(|entry| entry.mode == EntryMode::Directory);
    Ok(if is_directory { Found::Directory } else { Found::Nothing })
}

/// Which history to read.
#[derive(Debug, Clone)]
pub(crate) struct LogRequest {
    pub(crate) namespace: Namespace,
    pub(crate) path: Option<ConfigPath>,
    pub(crate) from: Option<At>,
    /// Only what landed after it.
    pub(crate) since: Option<At>,
    pub(crate) limit: usize,
    pub(crate) page_token: String,
}

/// A page of history, newest first.
pub(crate) struct History {
    pub(crate) namespace: Namespace,
    pub(crate) entries: Vec<LogEntry>,
    pub(crate) head: Head,
    pub(crate) next_page_token: String,
}

/// Returns first-parent history. A page token is the revision at which the next page begins.
pub(crate) async fn log(bus: &Bus, caller: &Caller, request: LogRequest) -> Result<History, Failure> {
    let place = bus.place_in(caller, &request.namespace, request.path.as_ref())?;
    let live = &place.live;
    let head = live.head()?;
    let from = match request.page_token.as_str() {
        "" => live.head_or_point(request.from.as_ref()).await?.revision,
        token => token.parse().map_err(|_| Failure::invalid("page_token is none that a log returned"))?,
    };
    let after = match &request.since {
        None => Revision::ZERO,
        Some(since) => ended_at(live, since).await?,
    };
    let limit = bounded(request.limit, LOG_DEFAULT, LOG_MAX);
    let page = match place.path.clone() {
        None => live.read(move |store| store.log_since(from, after, limit)).await?,
        Some(path) => live.dig(move |store| store.log_of_path(from, after, &path, limit)).await?,
    };
    let next_page_token = page.next.map(|next| next.to_string()).unwrap_or_default();
    Ok(History { namespace: live.name.clone(), entries: page.entries, head, next_page_token })
}

/// Returns the last revision that is not wanted. Before the first one everything is.
async fn ended_at(live: &Arc<LiveNamespace>, since: &At) -> Result<Revision, Failure> {
    match since {
        At::Time(ms) => {
            let ms = *ms;
            live.read(move |store| store.revision_at(ms)).await
        }
        At::Revision(Revision::ZERO) => Ok(Revision::ZERO),
        since => Ok(live.head_at_point(since).await?.revision),
    }
}

/// A difference to compute.
pub(crate) struct DiffRequest {
    pub(crate) namespace: Namespace,
    /// The empty namespace when missing.
    pub(crate) from: Option<At>,
    /// The head when missing.
    pub(crate) to: Option<At>,
    pub(crate) prefix: String,
    pub(crate) patch: bool,
}

/// A difference.
pub(crate) struct Diff {
    pub(crate) namespace: Namespace,
    pub(crate) changes: Vec<Change>,
    /// Missing when it is from the empty revision 0.
    pub(crate) from: Option<Head>,
    pub(crate) to: Head,
    pub(crate) patch: String,
}

/// Returns the files that differ between two revisions.
pub(crate) async fn diff(bus: &Bus, caller: &Caller, request: DiffRequest) -> Result<Diff, Failure> {
    let prefix = checked_prefix(&request.prefix)?;
    let path = Some(prefix).filter(|prefix| !prefix.is_empty()).map(|prefix| ConfigPath::parse(&prefix));
    let place = bus.place_in(caller, &request.namespace, path.transpose().map_err(Failure::invalid)?.as_ref())?;
    let (live, prefix) = (&place.live, place.prefix());
    let to = live.head_or_point(request.to.as_ref()).await?;
    let from = match &request.from {
        None => None,
        Some(at) => Some(live.head_at_point(at).await?),
    };
    let (from_commit, to_commit) = (from.as_ref().map(|head| head.commit), to.commit);
    let below = prefix.clone();
    let changes = changes(live, from_commit, to_commit, below, bus.limits.diff_bytes_max).await?;
    let patch = if request.patch {
        live.read(move |store| store.patch(from_commit, to_commit, &prefix)).await?.text
    } else {
        String::new()
    };
    Ok(Diff { namespace: live.name.clone(), changes: place.changes(changes), from, to, patch })
}

async fn changes(
    live: &Arc<LiveNamespace>,
    from: Option<CommitId>,
    to: CommitId,
    prefix: String,
    bytes_max: usize,
) -> Result<Vec<Change>, Failure> {
    let changes = live.read(move |store| store.diff(from, to, &prefix)).await?;
    let bytes = changes.iter().map(wire_bytes).sum::<usize>();
    if bytes > bytes_max {
        let what = format!("{} files differ, which is too much for one answer; name a path", changes.len());
        let text = over(&what, format!("about {bytes}"), bytes_max, "bytes", "limits.diff_bytes_max");
        return Err(Failure::invalid(text));
    }
    Ok(changes)
}

/// Returns about how long a change is on the wire: its path three times, two ids, and what frames them.
pub(crate) fn wire_bytes(change: &Change) -> usize {
    change.path().as_str().len() * 3 + 150
}

/// Checks a prefix that may be empty or end in a slash, and returns it without the slash.
pub(crate) fn checked_prefix(prefix: &str) -> Result<String, Failure> {
    let trimmed = prefix.strip_suffix('/').unwrap_or(prefix);
    if !trimmed.is_empty() {
        ConfigPath::parse(trimmed).map_err(Failure::invalid)?;
    }
    Ok(trimmed.to_owned())
}

pub(super) fn bounded(asked: usize, default: usize, max: usize) -> usize {
    if asked == 0 { default } else { asked.min(max) }
}

//! Reading: files, listings, history, differences.

use crate::auth::Caller;
use crate::bus::Bus;
use crate::failure::Failure;
use crate::limits::over;
use crate::namespace::LiveNamespace;
use bytes::Bytes;
use configbus_gitstore::{ListQuery, Listing, LogEntry, ReadError, Store};
use configbus_model::{At, Change, CommitId, ConfigPath, Entry, EntryMode, Head, Namespace, Revision};
use std::sync::Arc;

/// Entries of one page of a listing, unless asked otherwise, and at most.
const PAGE_DEFAULT: usize = 1_000;
const PAGE_MAX: usize = 10_000;

/// Commits of one page of history, unless asked otherwise, and at most.
const LOG_DEFAULT: usize = 50;
const LOG_MAX: usize = 1_000;

/// A file at a revision.
pub(crate) struct FileAt {
    pub(crate) entry: Entry,
    pub(crate) content: Bytes,
    pub(crate) head: Head,
}

/// Returns one file.
pub(crate) async fn get(bus: &Bus, caller: &Caller, path: ConfigPath, at: Option<At>) -> Result<FileAt, Failure> {
    file_at(&bus.main(caller)?, path, at.as_ref()).await
}

/// Returns one file of a namespace that the caller may read.
pub(crate) async fn file_at(live: &Arc<LiveNamespace>, path: ConfigPath, at: Option<&At>) -> Result<FileAt, Failure> {
    let head = live.head_or_point(at).await?;
    let commit = head.commit;
    let missing = format!("{path} does not exist at {}", head.revision);
    match live.read(move |store| file_or_hint(store, commit, &path)).await? {
        Found::File(entry, content) => Ok(FileAt { entry, content, head }),
        Found::Directory(path) => {
            Err(Failure::not_found(format!("{path} is a directory: list it with /v1/list/{path} or `configbus ls`")))
        }
        Found::Nothing => Err(Failure::not_found(missing)),
    }
}

enum Found {
    File(Entry, Bytes),
    Directory(ConfigPath),
    Nothing,
}

fn file_or_hint(store: &Store, commit: CommitId, path: &ConfigPath) -> Result<Found, ReadError> {
    if let Some((entry, content)) = store.file(commit, path)? {
        return Ok(Found::File(entry, content));
    }
    let is_directory = store.entry(commit, path)?.is_some_and(|entry| entry.mode == EntryMode::Directory);
    Ok(if is_directory { Found::Directory(path.clone()) } else { Found::Nothing })
}

/// What to list.
#[derive(Debug, Clone, Default)]
pub(crate) struct ListRequest {
    pub(crate) prefix: String,
    pub(crate) at: Option<At>,
    pub(crate) recursive: bool,
    pub(crate) page_size: usize,
    pub(crate) page_token: String,
}

/// One page of a listing.
pub(crate) struct ListPage {
    pub(crate) entries: Vec<Entry>,
    pub(crate) head: Head,
    pub(crate) next_page_token: String,
}

/// Lists a directory. A page token names the revision of the first page, so that the pages fit together.
pub(crate) async fn list(bus: &Bus, caller: &Caller, request: ListRequest) -> Result<ListPage, Failure> {
    let live = &bus.main(caller)?;
    let prefix = checked_prefix(&request.prefix)?;
    let (at, after) = match request.page_token.as_str() {
        "" => (request.at, None),
        token => parse_token(token).map(|(revision, after)| (Some(At::Revision(revision)), Some(after)))?,
    };
    let head = live.head_or_point(at.as_ref()).await?;
    let (commit, recursive) = (head.commit, request.recursive);
    let limit = bounded(request.page_size, PAGE_DEFAULT, PAGE_MAX);
    let missing = format!("{prefix} does not exist at {}", head.revision);
    let list = move |store: &Store| {
        store.list(commit, &ListQuery { prefix: &prefix, recursive, after: after.as_deref(), limit })
    };
    let Listing { entries, more } = live.read(list).await?.ok_or_else(|| Failure::not_found(missing))?;
    let last = entries.last().filter(|_| more);
    let next_page_token = last.map(|entry| format!("{}:{}", head.revision, entry.path)).unwrap_or_default();
    Ok(ListPage { entries, head, next_page_token })
}

fn parse_token(token: &str) -> Result<(Revision, String), Failure> {
    let parsed = token.split_once(':').and_then(|(revision, after)| Some((revision.parse().ok()?, after.to_owned())));
    parsed.ok_or_else(|| Failure::invalid("page_token is none that a listing returned"))
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
    pub(crate) entries: Vec<LogEntry>,
    pub(crate) head: Head,
    pub(crate) next_page_token: String,
}

/// Returns first-parent history. A page token is the revision at which the next page begins.
pub(crate) async fn log(bus: &Bus, caller: &Caller, request: LogRequest) -> Result<History, Failure> {
    let live = &bus.namespace(caller, &request.namespace)?;
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
    let page = match request.path {
        None => live.read(move |store| store.log_since(from, after, limit)).await?,
        Some(path) => live.dig(move |store| store.log_of_path(from, after, &path, limit)).await?,
    };
    let next_page_token = page.next.map(|next| next.to_string()).unwrap_or_default();
    Ok(History { entries: page.entries, head, next_page_token })
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
    pub(crate) changes: Vec<Change>,
    /// Missing when it is from the empty revision 0.
    pub(crate) from: Option<Head>,
    pub(crate) to: Head,
    pub(crate) patch: String,
}

/// Returns the files that differ between two revisions.
pub(crate) async fn diff(bus: &Bus, caller: &Caller, request: DiffRequest) -> Result<Diff, Failure> {
    let live = &bus.namespace(caller, &request.namespace)?;
    let prefix = checked_prefix(&request.prefix)?;
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
    Ok(Diff { changes, from, to, patch })
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

fn bounded(asked: usize, default: usize, max: usize) -> usize {
    if asked == 0 { default } else { asked.min(max) }
}

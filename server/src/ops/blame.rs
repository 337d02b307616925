//! Who wrote which line.

use super::read::file_at;
use crate::auth::Caller;
use crate::bus::Bus;
use crate::failure::Failure;
use bytes::Bytes;
use configbus_gitstore::{Blame, LogEntry, ReadError, Store};
use configbus_model::{At, ConfigPath, Entry, Head, Namespace, Revision};
use std::collections::BTreeMap;

/// Lines of one answer.
const LINES_MAX: u32 = 20_000;

/// Lines to explain.
#[derive(Debug, Clone)]
pub(crate) struct BlameRequest {
    pub(crate) path: ConfigPath,
    pub(crate) at: Option<At>,
    /// Counted from 1; 0 is the first as well.
    pub(crate) first_line: u32,
    /// 0 is as many as fit.
    pub(crate) line_count: u32,
}

/// Lines that came the same way.
pub(crate) struct Span {
    pub(crate) first_line: u32,
    pub(crate) line_count: u32,
    /// Position in the list of origins.
    pub(crate) origin: usize,
}

/// Lines and where they come from.
pub(crate) struct Explained {
    pub(crate) namespace: Namespace,
    pub(crate) entry: Entry,
    pub(crate) head: Head,
    pub(crate) lines_total: u32,
    /// The lines asked for, as they are.
    pub(crate) content: Bytes,
    pub(crate) spans: Vec<Span>,
    /// The commit that wrote a line, under the revision that brought it.
    pub(crate) origins: Vec<LogEntry>,
}

/// Explains lines of a file.
pub(crate) async fn blame(bus: &Bus, caller: &Caller, request: BlameRequest) -> Result<Explained, Failure> {
    let place = bus.place(caller, Some(&request.path))?;
    let live = &place.live;
    let file = file_at(&place, request.at.as_ref()).await?;
    if std::str::from_utf8(&file.content).is_err() {
        return Err(Failure::invalid(format!("{} is not text: it has no lines", request.path)));
    }
    let lines_total = u32::try_from(count_lines(&file.content)).map_err(Failure::invalid)?;
    let first = request.first_line.max(1);
    if first > lines_total.max(1) {
        let text =
            format!("{} has {lines_total} lines at {}: there is no line {first}", request.path, file.head.revision);
        return Err(Failure::invalid(text));
    }
    let count = match request.line_count {
        0 => LINES_MAX,
        count => count.min(LINES_MAX),
    };
    let lines = first..first.saturating_add(count).min(lines_total + 1);
    let content = cut(&file.content, lines.start as usize - 1, lines.len());
    let (commit, path) = (file.head.commit, place.path.clone().unwrap_or(request.path));
    let (spans, origins) = live.dig(move |store| explain(store, &store.blame(commit, &path, lines)?)).await?;
    Ok(Explained {
        namespace: file.namespace,
        entry: file.entry,
        head: file.head,
        lines_total,
        content,
        spans,
        origins,
    })
}

fn explain(store: &Store, blame: &Blame) -> Result<(Vec<Span>, Vec<LogEntry>), ReadError> {
    let (mut spans, mut origins, mut places) = (Vec::with_capacity(blame.spans.len()), Vec::new(), BTreeMap::new());
    for span in &blame.spans {
        let key = (span.commit, span.revision);
        let origin = match places.get(&key) {
            Some(place) => *place,
            None => {
                let revision = span.revision.unwrap_or(Revision::ZERO);
                let landing = store.log(revision, None, 1)?.entries.pop().filter(|_| revision != Revision::ZERO);
                let (landed_ms, landed_by) =
                    landing.map(|entry| (entry.landed_ms, entry.landed_by)).unwrap_or_default();
                let commit = blame.commits[&span.commit].clone();
                origins.push(LogEntry { revision, landed_ms, landed_by, commit });
                places.insert(key, origins.len() - 1);
                origins.len() - 1
            }
        };
        let line_count = span.lines.end - span.lines.start;
        spans.push(Span { first_line: span.lines.start, line_count, origin });
    }
    Ok((spans, origins))
}

/// Counts lines as Git does: one that has no end is one.
fn count_lines(content: &[u8]) -> usize {
    let ends = content.iter().filter(|byte| **byte == b'\n').count();
    ends + usize::from(content.last().is_some_and(|byte| *byte != b'\n'))
}

fn cut(content: &Bytes, skip: usize, count: usize) -> Bytes {
    let lengths = content.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::len);
    let start: usize = lengths.clone().take(skip).sum();
    let length: usize = lengths.skip(skip).take(count).sum();
    content.slice(start..start + length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_and_cut_as_git_does() {
        let counts = ["", "\n", "a", "a\n", "a\nb"].map(|text| count_lines(text.as_bytes()));
        assert_eq!(counts, [0, 1, 1, 1, 2]);
        let content = Bytes::from_static(b"one\ntwo\nthree");
        assert_eq!(cut(&content, 1, 1), "two\n");
        assert_eq!(cut(&content, 2, 9), "three");
        assert_eq!(cut(&content, 3, 9), "");
    }
}

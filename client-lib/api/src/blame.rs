//! Who wrote which line.

use crate::{ApiError, Client, Commit, NamespaceHead, attempt::Attempt, point};
use configbus_model::{At, ConfigPath, Entry};
use configbus_proto::{convert::WireError, v1};

/// Which lines to explain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlameQuery {
    /// Of which file.
    pub path: ConfigPath,
    /// When; the head when absent.
    pub at: Option<At>,
    /// The first line, counted from 1; from the beginning when absent.
    pub first_line: Option<u32>,
    /// How many lines; as many as one answer holds when absent.
    pub line_count: Option<u32>,
}

/// One line and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlameLine {
    /// Counted from 1.
    pub number: u32,
    /// As it is, without its end.
    pub text: String,
    /// Index into [`Blamed::commits`].
    pub commit: usize,
}

/// Lines and where they come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blamed {
    /// The file.
    pub entry: Entry,
    /// The revision that was read.
    pub head: NamespaceHead,
    /// Lines of the whole file.
    pub lines_total: u32,
    /// The lines.
    pub lines: Vec<BlameLine>,
    /// The commits that wrote them. Id, author and subject are those of the commit; revision, time and who landed it are
    /// those of the landing that brought it, which is another one for what came with a push.
    pub commits: Vec<Commit>,
}

impl BlameQuery {
    /// Asks for all lines at the head.
    pub fn of(path: ConfigPath) -> Self {
        Self { path, at: None, first_line: None, line_count: None }
    }
}

impl Client {
    /// Returns where the lines of a file come from.
    pub async fn blame(&self, query: &BlameQuery) -> Result<Blamed, ApiError> {
        let call = self.calls.read("blame");
        let message = v1::BlameRequest {
            path: query.path.to_string(),
            at: point::or_head(query.at.as_ref()),
            first_line: query.first_line.unwrap_or_default(),
            line_count: query.line_count.unwrap_or_default(),
        };
        let send = |attempt: Attempt| {
            let request = attempt.request(message.clone());
            async move { attempt.config().blame(request).await }
        };
        Blamed::from_wire(&self.calls.make(call, send).await?).map_err(ApiError::malformed(call.operation))
    }
}

impl Blamed {
    fn from_wire(wire: &v1::BlameResponse) -> Result<Self, WireError> {
        let entry = wire.entry.as_ref().ok_or_else(|| WireError::new("entry", "it is missing"))?;
        let commits: Vec<Commit> = wire.commits.iter().map(Commit::from_wire).collect::<Result<_, _>>()?;
        let content = String::from_utf8_lossy(&wire.content);
        let mut texts = content.lines();
        let mut lines = Vec::new();
        for span in &wire.spans {
            let commit = usize::try_from(span.commit).ok().filter(|index| *index < commits.len());
            let commit = commit.ok_or_else(|| WireError::new("span.commit", "it is none of the commits"))?;
            for number in (span.first_line..).take(span.line_count as usize) {
                let Some(text) = texts.next() else { return Err(WireError::new("spans", "there are fewer lines")) };
                lines.push(BlameLine { number, text: text.to_owned(), commit });
            }
        }
        Ok(Self {
            entry: entry.try_into()?,
            head: NamespaceHead::from_wire(wire.head.as_ref())?,
            lines_total: wire.lines_total,
            lines,
            commits,
        })
    }

    /// Returns the commit that wrote a line.
    pub fn commit_of(&self, line: &BlameLine) -> &Commit {
        &self.commits[line.commit]
    }

    /// Returns the line to ask for next; `None` when these were the last.
    pub fn next_line(&self) -> Option<u32> {
        let next = self.lines.last()?.number + 1;
        (next <= self.lines_total).then_some(next)
    }
}

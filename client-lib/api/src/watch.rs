//! A stream of changes that survives reconnects without a gap or a duplicate.
//!
//! There is no background task: the reader's own `next` reconnects, so a watch costs nothing while nobody reads, and the
//! server's flow control reaches as far as the reader.

use crate::{
    ApiError, Client, NamespaceHead,
    attempt::Attempt,
    retry,
    retry::Failure,
    watch_cursor::{Resume, WatchCursors},
};
use configbus_model::{Change, ConfigPath, Namespace, PathError, Revision};
use configbus_proto::{convert::WireError, v1};
use futures_util::Stream;
use std::{fmt, pin::Pin, str::FromStr};
use tokio::time::sleep;
use tonic::{Request, Status, Streaming};

const OPERATION: &str = "watch";

/// One place to watch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WatchPath {
    /// One file.
    File(ConfigPath),
    /// Everything below a directory; written with a trailing slash.
    Directory(ConfigPath),
}

impl fmt::Display for WatchPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.fmt(f),
            Self::Directory(path) => write!(f, "{path}/"),
        }
    }
}

impl FromStr for WatchPath {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        match text.strip_suffix('/') {
            Some(directory) => directory.parse().map(Self::Directory),
            None => text.parse().map(Self::File),
        }
    }
}

/// What to watch, and from where on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WatchQuery {
    /// In which namespace; in the one path space, with all that is mounted there, when it is `main`.
    pub namespace: Namespace,
    /// Which places; everything when empty.
    pub paths: Vec<WatchPath>,
    /// Changes after this revision of `main`, or of the one namespace that has what is watched, where revision 0 is the empty namespace; from the head on when absent.
    pub after: Option<Revision>,
}

/// What a watch yields: changes that are complete up to a head, or a heartbeat that confirms the head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Update {
    /// The revision that is now complete.
    pub head: NamespaceHead,
    /// What the changes are relative to.
    pub from: Revision,
    /// Files in path order; empty on a heartbeat.
    pub changes: Vec<Change>,
    /// A directory that became the namespace of `head`, which has its files from there on; they have not changed.
    pub moved: Option<ConfigPath>,
}

impl Update {
    /// Returns whether this only confirms the head.
    pub fn is_heartbeat(&self) -> bool {
        self.changes.is_empty() && self.moved.is_none()
    }

    fn from_wire(wire: &v1::WatchResponse) -> Result<Self, WireError> {
        Ok(Self {
            head: NamespaceHead::from_wire(wire.head.as_ref())?,
            from: Revision(wire.from_revision),
            changes: wire.changes.iter().map(TryInto::try_into).collect::<Result<_, _>>()?,
            moved: wire.moved.as_ref().map(|moved| moved.prefix.parse()).transpose().map_err(wrong_prefix)?,
        })
    }
}

#[allow(clippy::needless_pass_by_value, reason = "errors are handed over, as in `map_err`")]
fn wrong_prefix(error: PathError) -> WireError {
    WireError::new("moved.prefix", error)
}

/// An open watch. Dropping it ends it.
pub struct Watch {
    client: Client,
    query: WatchQuery,
    cursors: WatchCursors,
    link: Link,
    /// Attempts to reconnect since the last message.
    attempts: u32,
}

type Answers = Streaming<v1::WatchResponse>;

enum Link {
    Open(Box<Answers>),
    /// Kept here and not in the caller's future, so that a caller who gives up waiting again and again does not start the
    /// reconnect from its beginning each time.
    Connecting(Pin<Box<dyn Future<Output = Result<Answers, ApiError>> + Send>>),
    Ended,
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("query", &self.query).field("attempts", &self.attempts).finish_non_exhaustive()
    }
}

impl Client {
    /// Opens a watch. When this returns, the server is watching: what lands from now on will be yielded.
    pub async fn watch(&self, query: &WatchQuery) -> Result<Watch, ApiError> {
        let mut cursors = WatchCursors::after(query.after);
        let answers = open(self.clone(), query.clone(), cursors.resume(&query.namespace)).await?;
        let (client, query, link) = (self.clone(), query.clone(), Link::Open(Box::new(answers)));
        Ok(Watch { client, query, cursors, link, attempts: 0 })
    }
}

impl Watch {
    /// Returns the next update, reconnecting for as long as it takes. An error that trying again cannot mend is
    /// returned once; after it comes `None`. Cancel-safe: what was not returned will be returned by the next call.
    pub async fn next(&mut self) -> Option<Result<Update, ApiError>> {
        loop {
            let step = match &mut self.link {
                Link::Open(answers) => answers.message().await.map_or_else(Step::Broken, Step::Told),
                Link::Connecting(connecting) => Step::Connected(connecting.await),
                Link::Ended => return None,
            };
            match self.take(step) {
                Ok(Some(update)) => return Some(Ok(update)),
                Ok(None) => {}
                Err(error) => {
                    self.link = Link::Ended;
                    return Some(Err(error));
                }
            }
        }
    }

    /// Turns the watch into a stream of updates.
    pub fn into_stream(self) -> impl Stream<Item = Result<Update, ApiError>> + Send {
        futures_util::stream::unfold(self, |mut watch| async move { watch.next().await.map(|item| (item, watch)) })
    }

    fn take(&mut self, step: Step) -> Result<Option<Update>, ApiError> {
        match step {
            Step::Told(Some(message)) => {
                self.attempts = 0;
                let update = Update::from_wire(&message).and_then(|update| self.cursors.take(update));
                return update.map_err(ApiError::malformed(OPERATION));
            }
            // A server that shuts down ends its streams.
            Step::Told(None) => self.reconnect(),
            Step::Broken(status) => match Failure::of(&status) {
                failure if failure.kind.is_retryable() => self.reconnect(),
                _ => return Err(ApiError::answered(OPERATION, &status)),
            },
            Step::Connected(Ok(answers)) => self.link = Link::Open(Box::new(answers)),
            // Being unavailable is no reason to end a watch that once worked.
            Step::Connected(Err(error)) if error.kind().is_retryable() => self.reconnect(),
            Step::Connected(Err(error)) => return Err(error),
        }
        Ok(None)
    }

    fn reconnect(&mut self) {
        self.attempts = self.attempts.saturating_add(1);
        let pause = retry::pause(&self.client.calls.settings, self.attempts, Failure::TIMED_OUT, fastrand::f64());
        let from = self.cursors.resume(&self.query.namespace);
        tracing::debug!(?from, ?pause, "the watch lost its stream");
        let (client, query) = (self.client.clone(), self.query.clone());
        self.link = Link::Connecting(Box::pin(async move {
            sleep(pause).await;
            open(client, query, from).await
        }));
    }
}

/// What came of waiting.
enum Step {
    Told(Option<v1::WatchResponse>),
    Broken(Status),
    Connected(Result<Answers, ApiError>),
}

fn after_to_wire((namespace, revision): (&Namespace, &Revision)) -> v1::NamespaceRevision {
    v1::NamespaceRevision { namespace: namespace.to_string(), revision: revision.0 }
}

async fn open(client: Client, query: WatchQuery, resume: Resume) -> Result<Answers, ApiError> {
    let from = resume.from;
    let message = v1::WatchRequest {
        paths: query.paths.iter().map(ToString::to_string).collect(),
        from_revision: from.map_or(0, |from| from.0),
        from_start: from == Some(Revision::ZERO),
        namespace: query.namespace.to_string(),
        after: resume.of.iter().map(after_to_wire).collect(),
    };
    // No deadline travels to the server: the stream is meant to stay.
    let send = |attempt: Attempt| {
        let request = Request::new(message.clone());
        async move { attempt.config().watch(request).await }
    };
    client.calls.make(client.calls.read(OPERATION), send).await
}

//! A stream of changes that survives reconnects without a gap or a duplicate.
//!
//! There is no background task: the reader's own `next` reconnects, so a watch costs nothing while nobody reads, and the
//! server's flow control reaches as far as the reader.

use crate::{ApiError, Client, NamespaceHead, attempt::Attempt, retry, retry::Failure, watch_cursor::WatchCursor};
use configbus_model::{Change, ConfigPath, ErrorKind, Namespace, PathError, Revision};
use configbus_proto::{convert::WireError, v1};
use futures_util::Stream;
use std::{fmt, str::FromStr};
use tokio::time::sleep;
use tonic::{Request, Streaming};

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
    /// In which namespace.
    pub namespace: Namespace,
    /// Which places; everything when empty.
    pub paths: Vec<WatchPath>,
    /// Changes after this revision; from the head on when absent.
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
}

impl Update {
    /// Returns whether this only confirms the head.
    pub fn is_heartbeat(&self) -> bool {
        self.changes.is_empty()
    }

    fn from_wire(wire: &v1::WatchResponse) -> Result<Self, WireError> {
        Ok(Self {
            head: NamespaceHead::from_wire(wire.head.as_ref())?,
            from: Revision(wire.from_revision),
            changes: wire.changes.iter().map(TryInto::try_into).collect::<Result<_, _>>()?,
        })
    }
}

/// An open watch. Dropping it ends it.
#[derive(Debug)]
pub struct Watch {
    client: Client,
    query: WatchQuery,
    cursor: WatchCursor,
    stream: Option<Streaming<v1::WatchResponse>>,
    /// Attempts to reconnect since the last message.
    attempts: u32,
    ended: bool,
}

impl Client {
    /// Opens a watch. When this returns, the server is watching: what lands from now on will be yielded.
    pub async fn watch(&self, query: &WatchQuery) -> Result<Watch, ApiError> {
        let cursor = WatchCursor::after(query.after.unwrap_or(Revision::ZERO));
        let (client, query) = (self.clone(), query.clone());
        let mut watch = Watch { client, query, cursor, stream: None, attempts: 0, ended: false };
        watch.stream = Some(watch.open().await?);
        Ok(watch)
    }
}

impl Watch {
    /// Returns the next update, reconnecting for as long as it takes. An error that trying again cannot mend is
    /// returned once; after it comes `None`. Cancel-safe: what was not returned will be returned by the next call.
    pub async fn next(&mut self) -> Option<Result<Update, ApiError>> {
        while !self.ended {
            match self.step().await {
                Ok(Some(update)) => return Some(Ok(update)),
                Ok(None) => {}
                Err(error) => {
                    self.ended = true;
                    return Some(Err(error));
                }
            }
        }
        None
    }

    /// Turns the watch into a stream of updates.
    pub fn into_stream(self) -> impl Stream<Item = Result<Update, ApiError>> + Send {
        futures_util::stream::unfold(self, |mut watch| async move { watch.next().await.map(|item| (item, watch)) })
    }

    async fn step(&mut self) -> Result<Option<Update>, ApiError> {
        let Some(stream) = &mut self.stream else {
            return self.reconnect().await.map(|()| None);
        };
        match stream.message().await {
            Ok(Some(message)) => {
                self.attempts = 0;
                let update = Update::from_wire(&message).map_err(ApiError::malformed(OPERATION))?;
                let news = self.cursor.accept(&update.head.head, update.is_heartbeat());
                Ok(news.then_some(update))
            }
            // A server that shuts down ends its streams.
            Ok(None) => self.lose_stream(),
            Err(status) => match Failure::of(&status) {
                failure if failure.kind.is_retryable() => self.lose_stream(),
                _ => Err(ApiError::answered(OPERATION, &status)),
            },
        }
    }

    fn lose_stream(&mut self) -> Result<Option<Update>, ApiError> {
        tracing::debug!(resume_from = %self.cursor.resume_from(), "the watch lost its stream");
        self.stream = None;
        Ok(None)
    }

    /// Pauses, then opens a stream. Being unavailable is no reason to end a watch that once worked.
    async fn reconnect(&mut self) -> Result<(), ApiError> {
        self.attempts = self.attempts.saturating_add(1);
        sleep(retry::pause(&self.client.calls.settings, self.attempts, Failure::TIMED_OUT, fastrand::f64())).await;
        match self.open().await {
            Ok(stream) => self.stream = Some(stream),
            Err(error) if matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Exhausted) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    async fn open(&self) -> Result<Streaming<v1::WatchResponse>, ApiError> {
        let message = v1::WatchRequest {
            paths: self.query.paths.iter().map(ToString::to_string).collect(),
            from_revision: self.cursor.resume_from().0,
            namespace: self.query.namespace.to_string(),
        };
        // No deadline travels to the server: the stream is meant to stay.
        let send = |attempt: Attempt| {
            let request = Request::new(message.clone());
            async move { attempt.config().watch(request).await }
        };
        self.client.calls.make(self.client.calls.read(OPERATION), send).await
    }
}

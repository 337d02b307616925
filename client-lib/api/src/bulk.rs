//! Many changes over one stream.
//!
//! Some are under way at once, so that they share batches on the server. Each travels under an id: when the stream breaks,
//! what was not answered is sent again on another one, to another server if need be, and lands once.

use crate::{
    ApiError, ChangeSet, Client, Landed,
    attempt::Attempt,
    retry::{self, Failure},
};
use configbus_proto::v1::{self, compare_and_set_stream_response::Outcome};
use futures_util::stream;
use std::{collections::VecDeque, fmt};
use tokio::{
    sync::mpsc,
    time::{sleep, timeout},
};
use tonic::{Code, Request, Status, Streaming};

const OPERATION: &str = "compare-and-set";

/// Changes under way at once: as many as the server takes of one stream.
const WINDOW: usize = 64;

/// Changes on their way. Dropping it gives up what was not answered; it may have landed or not.
pub struct Bulk<I> {
    client: Client,
    changes: I,
    /// Sent or to be sent, in order.
    unanswered: VecDeque<v1::CompareAndSetRequest>,
    link: Option<Link>,
    /// Streams that broke since the last answer.
    broken: u32,
    ended: bool,
}

struct Link {
    requests: mpsc::Sender<v1::CompareAndSetRequest>,
    answers: Streaming<v1::CompareAndSetStreamResponse>,
}

impl<I> fmt::Debug for Bulk<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bulk").field("unanswered", &self.unanswered.len()).finish_non_exhaustive()
    }
}

impl Client {
    /// Lands many changes, each in a commit of its own. Changes of the same path land in their order, others may share
    /// batches.
    pub fn land_all<C: IntoIterator<Item = ChangeSet>>(&self, changes: C) -> Bulk<C::IntoIter> {
        let (unanswered, changes) = (VecDeque::new(), changes.into_iter());
        Bulk { client: self.clone(), changes, unanswered, link: None, broken: 0, ended: false }
    }
}

impl<I: Iterator<Item = ChangeSet>> Bulk<I> {
    /// Returns what became of the next change, in the order of the changes; `None` after the last. A change that is refused
    /// ends nothing. When no server can be reached any more, or none takes the stream, that is returned once, and `None`
    /// after it. Cancel-safe: what was not returned will be returned by the next call.
    pub async fn next(&mut self) -> Option<Result<Landed, ApiError>> {
        while !self.ended {
            self.fill();
            if self.unanswered.is_empty() {
                break;
            }
            match self.answer().await {
                Ok(Some(outcome)) => {
                    self.unanswered.pop_front();
                    self.broken = 0;
                    return Some(outcome);
                }
                Ok(None) => {}
                Err(error) => {
                    (self.ended, self.link) = (true, None);
                    return Some(Err(error));
                }
            }
        }
        self.link = None;
        None
    }

    /// Returns how many changes were sent and not answered.
    pub fn unanswered(&self) -> usize {
        self.unanswered.len()
    }

    /// Takes as many changes up as may be under way.
    fn fill(&mut self) {
        while self.unanswered.len() < WINDOW {
            let Some(change) = self.changes.next() else { return };
            let request = change.to_wire(false);
            if let Some(link) = &self.link {
                // It holds a whole window. One that is closed belongs to a stream that is found broken in a moment.
                let _ = link.requests.try_send(request.clone());
            }
            self.unanswered.push_back(request);
        }
    }

    /// Waits for an answer; nothing when the stream has to be opened again.
    async fn answer(&mut self) -> Result<Option<Result<Landed, ApiError>>, ApiError> {
        let link = match &mut self.link {
            Some(link) => link,
            None => {
                let link = self.open().await?;
                self.link.insert(link)
            }
        };
        let told = timeout(self.client.calls.settings.deadline, link.answers.message()).await;
        let status = match told {
            Ok(Ok(Some(answer))) => match outcome(answer) {
                // A server that is going away: another one, or the next of its lives, is asked under the same ids.
                Err(ApiError::Answered { kind, message, .. }) if kind.is_retryable() => {
                    Some(Box::new(Status::unavailable(message)))
                }
                outcome => return Ok(Some(outcome)),
            },
            Ok(Err(status)) if !Failure::of(&status).kind.is_retryable() => {
                return Err(ApiError::answered(OPERATION, &status));
            }
            Ok(Err(status)) => Some(Box::new(status)),
            // A server that shuts down ends its streams.
            Ok(Ok(None)) | Err(_) => None,
        };
        self.link = None;
        self.broken += 1;
        if self.broken >= self.client.calls.settings.attempts_max {
            return Err(ApiError::OutcomeUnknown { operation: OPERATION, source: status });
        }
        Ok(None)
    }

    /// Opens a stream and sends what was not answered.
    async fn open(&self) -> Result<Link, ApiError> {
        if self.broken > 0 {
            sleep(retry::pause(&self.client.calls.settings, self.broken, Failure::TIMED_OUT, fastrand::f64())).await;
        }
        let calls = &self.client.calls;
        let send = |attempt: Attempt| {
            let (requests, sent) = mpsc::channel(WINDOW);
            for request in &self.unanswered {
                let _ = requests.try_send(request.clone());
            }
            // No deadline travels to the server: the stream lasts as long as there are changes.
            let sent = stream::unfold(sent, |mut sent| async move { sent.recv().await.map(|request| (request, sent)) });
            async move {
                let answers = attempt.config().compare_and_set_stream(Request::new(sent)).await?;
                Ok(answers.map(|answers| Link { requests, answers }))
            }
        };
        calls.make(calls.change_once(OPERATION), send).await
    }
}

fn outcome(answer: v1::CompareAndSetStreamResponse) -> Result<Landed, ApiError> {
    match answer.outcome {
        Some(Outcome::Landed(landed)) => Landed::from_wire(&landed).map_err(ApiError::malformed(OPERATION)),
        Some(Outcome::Failure(v1::Failure { code, message, status })) => {
            Err(ApiError::answered(OPERATION, &Status::with_details(Code::from(code), message, status)))
        }
        None => Err(ApiError::answered(OPERATION, &Status::internal("the answer is empty"))),
    }
}

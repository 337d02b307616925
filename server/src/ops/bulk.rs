//! Many changes over one connection: answered one by one and in order, several of them under way at once.
//!
//! A change that touches a path which an earlier one still waits for does not start before that one is answered. So what
//! a stream does to a file happens in its order, and files that have nothing to do with each other share batches.

mod under_way;

use super::write::{self, WriteRequest, Written};
use crate::auth::Caller;
use crate::bus::Bus;
use crate::failure::Failure;
use configbus_model::{ConfigPath, ErrorKind};
use configbus_runtime::Tasks;
use futures_util::stream::{self, FuturesOrdered, Stream, StreamExt as _};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};
use under_way::{Touched, UnderWay};

/// Changes of one stream under way or answered and not read yet: enough to fill batches, few enough that a stream cannot fill the queue.
const WINDOW: usize = 64;

/// Bytes of content of one stream under way at once, unless a single change has more.
const BYTES_MAX: usize = 64 * 1024 * 1024;

/// How long a change waits while too many of others wait.
const FULL_MAX: Duration = Duration::from_secs(20);

/// Rest before it is tried again, unless the queue knows better.
const FULL_REST: Duration = Duration::from_millis(50);

/// An answer to one change of a stream.
pub(crate) type Outcome = (Vec<ConfigPath>, Result<Written, Failure>);

/// A change as it came, or why it is none.
pub(crate) type Asked = Result<WriteRequest, Failure>;

type Requests = Pin<Box<dyn Stream<Item = Asked> + Send>>;

type Pending = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// Lands what comes. The answers end after the requests have; who does not read them is not read from either. What has
/// started is decided whether or not anybody reads on: a change that waits unattended would keep others waiting.
pub(crate) fn land_all(
    bus: Arc<Bus>,
    caller: Caller,
    asked: impl Stream<Item = Asked> + Send + 'static,
    tasks: &Tasks,
) -> impl Stream<Item = Outcome> + Send + 'static {
    let (answers, read) = mpsc::channel(1);
    let lane = Lane {
        bus,
        caller: Arc::new(caller),
        asked: Some(Box::pin(asked)),
        next: None,
        pending: FuturesOrdered::new(),
        touched: VecDeque::new(),
        under_way: UnderWay::default(),
        decided: VecDeque::new(),
        answers: Some(answers),
    };
    tasks.spawn_connection("bulk", async move {
        lane.run().await;
        Ok::<(), Infallible>(())
    });
    stream::unfold(read, |mut read| async move { read.recv().await.map(|outcome| (outcome, read)) })
}

struct Lane {
    bus: Arc<Bus>,
    caller: Arc<Caller>,
    /// Gone when there is no more to read.
    asked: Option<Requests>,
    /// Read, but not to be started yet.
    next: Option<Asked>,
    pending: FuturesOrdered<Pending>,
    /// What each of the pending ones touches, in their order.
    touched: VecDeque<Touched>,
    /// What they touch together.
    under_way: UnderWay,
    /// Not read yet.
    decided: VecDeque<Outcome>,
    /// Gone when nobody reads.
    answers: Option<mpsc::Sender<Outcome>>,
}

impl Lane {
    async fn run(mut self) {
        let stopping = self.bus.stopping.clone();
        loop {
            self.start_next();
            let is_read = self.answers.is_some() && !self.decided.is_empty();
            let has_room = self.next.is_none() && self.pending.len() + self.decided.len() < WINDOW;
            if self.pending.is_empty() && !is_read && self.asked.is_none() {
                return;
            }
            // All branches are cancel-safe: what was read is kept, a place for an answer is taken only to be filled, and
            // pending work stays where it is.
            tokio::select! {
                Some(outcome) = self.pending.next(), if !self.pending.is_empty() => self.decided(outcome),
                () = hand_over(self.answers.as_ref(), &mut self.decided), if is_read => {}
                asked = next(self.asked.as_mut()), if has_room && self.asked.is_some() => match asked {
                    Some(asked) => self.next = Some(asked),
                    None => self.asked = None,
                },
                () = closed(self.answers.as_ref()), if self.answers.is_some() => self.abandon(),
                () = stopping.cancelled(), if self.asked.is_some() => self.read_no_more(),
            }
        }
    }

    fn decided(&mut self, outcome: Outcome) {
        if let Some(touched) = self.touched.pop_front() {
            self.under_way.remove(&touched);
        }
        self.decided.push_back(outcome);
    }

    /// Nobody is there any more.
    fn abandon(&mut self) {
        self.answers = None;
        self.decided.clear();
        self.read_no_more();
    }

    /// What was read and has not started does not start any more.
    fn read_no_more(&mut self) {
        (self.asked, self.next) = (None, None);
    }

    /// Starts what was read, unless it has to wait for what is under way.
    fn start_next(&mut self) {
        let Some(asked) = self.next.take() else { return };
        let touched = asked.as_ref().map_or_else(|_| Touched::default(), Touched::by);
        if !self.under_way.has_room_for(&touched, BYTES_MAX) || self.under_way.meets(&touched) {
            self.next = Some(asked);
            return;
        }
        self.under_way.add(&touched);
        self.touched.push_back(touched);
        let (bus, caller) = (Arc::clone(&self.bus), Arc::clone(&self.caller));
        self.pending.push_back(Box::pin(async move {
            match asked {
                Ok(request) => {
                    let paths: Vec<ConfigPath> = request.edits.iter().map(|edit| edit.path.clone()).collect();
                    (paths, land_when_there_is_room(&bus, &caller, request).await)
                }
                Err(failure) => (Vec::new(), Err(failure)),
            }
        }));
    }
}

/// A stream that is read as slowly as it lands needs no retries of its caller.
async fn land_when_there_is_room(bus: &Bus, caller: &Caller, request: WriteRequest) -> Result<Written, Failure> {
    let give_up_at = Instant::now() + FULL_MAX;
    loop {
        match write::compare_and_set(bus, caller, request.clone()).await {
            Err(failure) if failure.kind == ErrorKind::Exhausted && Instant::now() < give_up_at => {
                sleep(failure.details.retry_after.unwrap_or(FULL_REST)).await;
            }
            outcome => return outcome,
        }
    }
}

/// Hands the next answer over as soon as there is a place for it. Nobody being there is seen by [`closed`].
async fn hand_over(answers: Option<&mpsc::Sender<Outcome>>, decided: &mut VecDeque<Outcome>) {
    if let Some(answers) = answers
        && let Ok(place) = answers.reserve().await
        && let Some(outcome) = decided.pop_front()
    {
        place.send(outcome);
    }
}

async fn next(asked: Option<&mut Requests>) -> Option<Asked> {
    asked?.next().await
}

async fn closed(answers: Option<&mpsc::Sender<Outcome>>) {
    if let Some(answers) = answers {
        answers.closed().await;
    }
}

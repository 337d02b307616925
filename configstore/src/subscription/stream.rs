//! The loop around one subscription: hears the agent, pushes updates, beats.

use super::{
    feed::{Feed, Outbound, ended},
    machine::Subscription,
    wire::{Hello, acknowledgement_from_wire, hello_from_wire, wanted_from_wire},
};
use crate::hosts::{Acknowledgement, Seat};
use configbus_coordination::Heads;
use configbus_model::{ErrorKind, Namespace, Roles};
use configbus_proto::v1::{self, subscribe_request::Message};
use futures_util::future::{BoxFuture, FutureExt as _, OptionFuture};
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tokio::{
    sync::watch,
    time::{Instant, Interval, MissedTickBehavior},
};
use tokio_util::sync::CancellationToken;
use tonic::{Status, Streaming};

/// Messages that wait for the transport. One is being sent, one is ready; more would only be older.
pub(crate) const OUTBOUND_MAX: usize = 2;

/// Time between two heartbeats.
const BEAT_EVERY: Duration = Duration::from_secs(1);

/// Longest time until an agent says who it is.
const HELLO_MAX: Duration = Duration::from_secs(10);

/// Longest time until a host answers an update it has taken completely; a full sync of a large tree to a slow
/// disk takes a while. An agent that never answers would otherwise silently get nothing any more.
const ANSWER_MAX: Duration = Duration::from_secs(300);

/// Longest time for the last word of a subscription.
const FAREWELL_MAX: Duration = Duration::from_secs(1);

/// Serves one subscription to its end.
pub(crate) async fn serve(
    feed: Arc<Feed>,
    roles: Option<Arc<Roles>>,
    inbound: Streaming<v1::SubscribeRequest>,
    outbound: Outbound,
    shutdown: CancellationToken,
) {
    let farewell = outbound.clone();
    let conversation = Conversation::open(feed, roles, inbound, outbound);
    let end = tokio::select! {
        end = async { conversation.await?.run().await } => end,
        () = shutdown.cancelled() => Err(ended(ErrorKind::Unavailable, "the store is stopping")),
    };
    if let Err(status) = end {
        tracing::debug!(reason = status.message(), "a subscription ends");
        let _ = tokio::time::timeout(FAREWELL_MAX, farewell.send(Err(status))).await;
    }
}

struct Conversation {
    feed: Arc<Feed>,
    /// What the host's credential lets it read; nothing where nobody is asked for one.
    roles: Option<Arc<Roles>>,
    wanted: BTreeSet<Namespace>,
    /// What the host was told of what it wants, and what it is to be told.
    scope: Option<v1::Scope>,
    scope_due: Option<v1::Scope>,
    inbound: Streaming<v1::SubscribeRequest>,
    outbound: Outbound,
    seat: Seat,
    subscription: Subscription,
    sending: Option<BoxFuture<'static, Result<(), Status>>>,
    /// Until when the host may owe an answer.
    answer_by: Option<Instant>,
    beats: Interval,
    beat_due: bool,
}

impl Conversation {
    async fn open(
        feed: Arc<Feed>,
        roles: Option<Arc<Roles>>,
        mut inbound: Streaming<v1::SubscribeRequest>,
        outbound: Outbound,
    ) -> Result<Self, Status> {
        let hello = first_hello(&mut inbound).await?;
        let seat = feed.roster.join(hello.identity.clone()).map_err(|error| ended(error.kind(), &error.to_string()))?;
        // Spread over the second, so that the beats of thousands do not collide with an update.
        let phase = Duration::from_millis(fastrand::u64(..1_000));
        let mut beats = tokio::time::interval_at(Instant::now() + phase, BEAT_EVERY);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut conversation = Self {
            feed,
            roles,
            wanted: BTreeSet::new(),
            scope: None,
            scope_due: None,
            inbound,
            outbound,
            seat,
            subscription: Subscription::default(),
            sending: None,
            answer_by: None,
            beats,
            beat_due: true,
        };
        conversation.greet(hello);
        Ok(conversation)
    }

    /// Talks until the agent leaves (`Ok`) or has to.
    async fn run(mut self) -> Result<(), Status> {
        let mut heads = self.feed.heads.clone();
        loop {
            heads.mark_unchanged();
            self.send_next();
            self.look_at_scope();
            match self.next_turn(&mut heads).await {
                Turn::Heard(Some(message)) => self.hear(message)?,
                Turn::Heard(None) => return Ok(()),
                Turn::Sent(sent) => {
                    sent?;
                    self.sending = None;
                    self.expect_answer();
                }
                Turn::HeadMoved => {}
                Turn::BeatDue => self.beat_due = true,
                Turn::Beaten => self.beat_due = false,
                Turn::ScopeTold(scope) => (self.scope, self.scope_due) = (Some(scope), None),
                Turn::Over(kind, reason) => return Err(ended(kind, reason)),
            }
        }
    }

    /// Waits for whatever is next. Cancel-safe: an update being sent is only borrowed, everything else keeps what
    /// it did not return.
    async fn next_turn(&mut self, heads: &mut watch::Receiver<Heads>) -> Turn {
        let sending = OptionFuture::from(self.sending.as_mut());
        let overdue = OptionFuture::from(self.answer_by.map(tokio::time::sleep_until));
        tokio::select! {
            // A broken stream and a closed one are the same: the agent has gone.
            message = self.inbound.message() => Turn::Heard(message.ok().flatten()),
            Some(sent) = sending => Turn::Sent(sent),
            changed = heads.changed() => match changed {
                Ok(()) => Turn::HeadMoved,
                Err(_) => Turn::Over(ErrorKind::Unavailable, "the store is stopping"),
            },
            _ = self.beats.tick() => Turn::BeatDue,
            permit = self.outbound.reserve(), if self.beat_due || self.scope_due.is_some() => match permit {
                Ok(permit) if let Some(scope) = self.scope_due.clone() => {
                    let message = v1::subscribe_response::Message::Scope(scope.clone());
                    permit.send(Ok(v1::SubscribeResponse { message: Some(message) }));
                    Turn::ScopeTold(scope)
                }
                Ok(permit) => {
                    permit.send(Ok(self.feed.heartbeat()));
                    Turn::Beaten
                }
                Err(_) => Turn::Heard(None),
            },
            Some(()) = overdue => {
                Turn::Over(ErrorKind::Exhausted, "an update was not answered in time: subscribe again")
            }
            () = self.seat.replaced() => Turn::Over(ErrorKind::Conflict, "the same host has subscribed anew"),
        }
    }

    fn expect_answer(&mut self) {
        self.answer_by = self.subscription.is_waiting().then(|| Instant::now() + ANSWER_MAX);
    }

    fn send_next(&mut self) {
        if self.sending.is_some() {
            return;
        }
        let next = self.subscription.next(&self.feed.heads.borrow());
        if next.is_some() {
            // What is being sent may take as long as the host takes it: `offer` watches over that.
            self.answer_by = None;
        }
        self.sending = next.map(|send| self.feed.clone().deliver(send, self.outbound.clone()).boxed());
    }

    fn hear(&mut self, message: v1::SubscribeRequest) -> Result<(), Status> {
        match message.message {
            Some(Message::Hello(hello)) => self.greet_again(hello_from_wire(hello)?),
            Some(Message::Acknowledgement(message)) => {
                let acknowledgement = acknowledgement_from_wire(message)?;
                let Acknowledgement { namespace, head, answer, .. } = &acknowledgement;
                self.subscription.answer(namespace, *answer, head);
                self.seat.acknowledge(&acknowledgement);
                self.expect_answer();
                Ok(())
            }
            Some(Message::Want(want)) => {
                let wanted = wanted_from_wire("want.namespaces", &want.namespaces)?;
                self.want(wanted);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// The agent found that it holds something else than it thought.
    fn greet_again(&mut self, hello: Hello) -> Result<(), Status> {
        if hello.identity.host != self.seat.host() {
            return Err(ended(ErrorKind::Invalid, "a subscription cannot change its host"));
        }
        self.greet(hello);
        Ok(())
    }

    /// Returns whether the host may read a namespace.
    fn may_read(&self, namespace: &Namespace) -> bool {
        self.roles.as_ref().is_none_or(|roles| roles.feeds(namespace))
    }

    fn want(&mut self, wanted: BTreeSet<Namespace>) {
        let readable: BTreeSet<_> = wanted.iter().filter(|namespace| self.may_read(namespace)).cloned().collect();
        self.seat.carry(readable.clone());
        self.subscription.want(readable);
        (self.wanted, self.scope) = (wanted, None);
        self.expect_answer();
    }

    /// Finds out whether the host has to be told what it will not get.
    fn look_at_scope(&mut self) {
        if self.wanted.is_empty() {
            self.scope_due = None;
            return;
        }
        let scope = self.feed.scope(&self.wanted, self.roles.as_deref());
        self.scope_due = (self.scope.as_ref() != Some(&scope)).then_some(scope);
    }

    fn greet(&mut self, hello: Hello) {
        self.answer_by = None;
        self.subscription.greet(hello.holding.clone());
        let diverged = self.subscription.divergences(&self.feed.heads.borrow());
        metrics::counter!("configbus_store_host_divergences_total").increment(diverged as u64);
        self.seat.greet(hello.identity, hello.holding);
        self.want(hello.wanted);
    }
}

/// What happens next in a conversation.
enum Turn {
    /// The agent says something; `None` when it has gone.
    Heard(Option<v1::SubscribeRequest>),
    /// An update has left, or cannot.
    Sent(Result<(), Status>),
    /// The store has a newer head.
    HeadMoved,
    /// It is time for a heartbeat.
    BeatDue,
    /// It has left.
    Beaten,
    /// The host was told what it will not get.
    ScopeTold(v1::Scope),
    /// The conversation cannot go on.
    Over(ErrorKind, &'static str),
}

async fn first_hello(inbound: &mut Streaming<v1::SubscribeRequest>) -> Result<Hello, Status> {
    let first = tokio::time::timeout(HELLO_MAX, inbound.message()).await;
    let first = first.map_err(|_| ended(ErrorKind::Invalid, "no hello within 10 s"))??;
    match first.and_then(|request| request.message) {
        Some(Message::Hello(hello)) => hello_from_wire(hello),
        _ => Err(ended(ErrorKind::Invalid, "the first message of a subscription must be hello")),
    }
}

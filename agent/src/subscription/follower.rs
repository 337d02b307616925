//! The loop around a subscription.

use super::{
    Action, Event, Link, Received, Subscription, SubscriptionStatus,
    link::{LinkError, discover},
    wire::Identity,
};
use crate::{
    deliverer::{Order, Outcome},
    moment::Timeline,
};
use configbus_model::Member;
use configbus_runtime::{CancellationToken, report};
use configbus_transport::ClientTls;
use futures_util::future::{BoxFuture, FutureExt as _, OptionFuture};
use std::{collections::VecDeque, convert::Infallible};
use tokio::{
    sync::{mpsc, watch},
    time::sleep_until,
};

/// Orders that one message can bring, and one more for a stream that ends: the stream is read while there is room.
const ORDERS_PER_MESSAGE: usize = 3 + NAMESPACES_IN_FLIGHT;

/// Namespaces of which an update may be arriving at the same time; a stream that ends abandons them all.
const NAMESPACES_IN_FLIGHT: usize = 4;

/// What a follower works with.
pub(crate) struct FollowerParts {
    pub(crate) subscription: Subscription,
    pub(crate) identity: Identity,
    pub(crate) tls: ClientTls,
    pub(crate) timeline: Timeline,
    pub(crate) orders: mpsc::Sender<Order>,
    pub(crate) outcomes: mpsc::Receiver<Outcome>,
    /// Refusals of readers, as text.
    pub(crate) refusals: mpsc::Receiver<String>,
    pub(crate) status: watch::Sender<SubscriptionStatus>,
}

/// Follows stores until it is told to stop.
pub(crate) struct Follower {
    parts: FollowerParts,
    link: Option<Link>,
    opening: Option<BoxFuture<'static, Result<Link, LinkError>>>,
    discovering: Option<BoxFuture<'static, Result<Vec<Member>, LinkError>>>,
}

impl Follower {
    pub(crate) fn new(parts: FollowerParts) -> Self {
        Self { parts, link: None, opening: None, discovering: None }
    }

    /// Runs to the end.
    pub(crate) async fn run(mut self, stop: CancellationToken) -> Result<(), Infallible> {
        self.handle(Event::Wake);
        while let Some(event) = self.next(&stop).await {
            self.handle(event);
        }
        Ok(())
    }

    /// Waits for the next event; `None` ends the loop.
    async fn next(&mut self, stop: &CancellationToken) -> Option<Event> {
        let wake = self.parts.subscription.wake_at().map(|elapsed| self.parts.timeline.instant(elapsed));
        let room = self.parts.orders.capacity() >= ORDERS_PER_MESSAGE;
        let heard = OptionFuture::from(self.link.as_mut().filter(|_| room).map(Link::next));
        // Every branch is cancel-safe: futures are borrowed, channels and streams keep what they did not return. What
        // arrived comes before the clock, so that a late look is not taken for silence.
        tokio::select! {
            biased;
            () = stop.cancelled() => None,
            Some(outcome) = self.parts.outcomes.recv() => Some(outcome_event(outcome)),
            Some(heard) = heard => Some(match heard {
                Ok(Received::Beat(beat)) => Event::Beat(beat),
                Ok(Received::Scope(scope)) => Event::Scope(scope),
                Ok(Received::Update(part)) => Event::Update(part),
                Err(error) => Event::Closed(report::chain(&error)),
            }),
            Some(opened) = OptionFuture::from(self.opening.as_mut()) => {
                self.opening = None;
                Some(match opened {
                    Ok(link) => {
                        self.link = Some(link);
                        Event::Opened
                    }
                    Err(error) => Event::Closed(report::chain(&error)),
                })
            }
            Some(found) = OptionFuture::from(self.discovering.as_mut()) => {
                self.discovering = None;
                Some(Event::Discovered(found.map_err(|error| report::chain(&error))))
            }
            Some(refusal) = self.parts.refusals.recv() => Some(Event::ReaderRefused(refusal)),
            Some(()) = OptionFuture::from(wake.map(sleep_until)) => Some(Event::Wake),
        }
    }

    fn handle(&mut self, event: Event) {
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            for action in self.parts.subscription.step(self.parts.timeline.now(), event) {
                if let Err(error) = self.perform(action) {
                    events.push_back(Event::Closed(report::chain(&error)));
                }
            }
        }
        self.parts.status.send_replace(self.parts.subscription.status());
    }

    fn perform(&mut self, action: Action) -> Result<(), LinkError> {
        match action {
            Action::Discover(server) => {
                let FollowerParts { identity, tls, .. } = &self.parts;
                self.discovering = Some(discover(server, tls.clone(), identity.bearer.clone()).boxed());
            }
            Action::Open { store, greeting } => {
                self.link = None;
                let FollowerParts { identity, tls, .. } = &self.parts;
                self.opening = Some(Link::open(store, tls.clone(), identity.clone(), greeting).boxed());
            }
            Action::Close => (self.link, self.opening) = (None, None),
            Action::Greet(greeting) => return self.link.as_ref().map_or(Ok(()), |link| link.greet(&greeting)),
            Action::Want(namespaces) => return self.link.as_ref().map_or(Ok(()), |link| link.want(&namespaces)),
            Action::Answer(namespace, head, answer) => {
                return self.link.as_ref().map_or(Ok(()), |link| link.answer(&namespace, &head, &answer));
            }
            Action::Deliver(part) => self.order(Order::Part(Box::new(part))),
            Action::Abandon(namespace) => self.order(Order::Abandon(namespace)),
            Action::Limit(scope) => self.order(Order::Limit(scope)),
            Action::Expire => self.order(Order::Expire),
        }
        Ok(())
    }

    fn order(&self, order: Order) {
        // There is room, see `next`. A deliverer that has gone means that the process is stopping.
        if self.parts.orders.try_send(order).is_err() {
            tracing::debug!("the deliverer takes no orders any more");
        }
    }
}

fn outcome_event(outcome: Outcome) -> Event {
    match outcome {
        Outcome::Taken => Event::Taken,
        Outcome::Delivered { namespace, to, result } => Event::Delivered { namespace, to, result },
        Outcome::Changed(standing) => Event::Changed(standing),
        Outcome::Damaged(reason) => Event::Damaged(reason),
    }
}

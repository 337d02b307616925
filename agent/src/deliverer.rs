//! Owns the delivery: takes updates one after the other, and does upkeep in between.

use crate::{
    delivery::{Delivery, DeliveryError, DiskUsage, Shown, ViewStatus},
    moment::{Moment, Timeline},
    subscription::{Failure, UpdatePart},
    unpack::unpack,
};
use configbus_model::{Head, Succession};
use configbus_runtime::{BlockingPool, report};
use std::{convert::Infallible, time::Duration};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep_until},
};

/// Orders that wait: a few parts of one update and orders to forget them. More would only hold memory.
pub(crate) const ORDERS_MAX: usize = 8;

/// Outcomes that wait for the follower.
pub(crate) const OUTCOMES_MAX: usize = 16;

/// Time between two looks for something to tidy.
const TIDY_EVERY: Duration = Duration::from_secs(5);

/// Time from an order to the next slice of upkeep: the copy that makes the next delivery cheap should be ready before it
/// comes, and parts of one update follow each other faster than this.
const TIDY_AFTER_ORDER: Duration = Duration::from_millis(50);

/// Pause between two slices of upkeep, so that it never takes more than half of a core.
const TIDY_PAUSE: Duration = Duration::from_millis(10);

/// What to do.
#[derive(Debug)]
pub(crate) enum Order {
    /// Take a part; after the last one, make the update visible.
    Part(Box<UpdatePart>),
    /// Forget the parts taken since the last update.
    Abandon,
}

/// What came of it.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// A part was taken or dropped.
    Taken,
    /// An update became visible, or failed.
    Delivered {
        /// Where it led.
        to: Head,
        /// What readers see now.
        result: Result<Shown, Failure>,
    },
    /// What readers see is damaged.
    Damaged(String),
}

/// What is on the host, for everybody who asks.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stock {
    pub(crate) shown: Option<Shown>,
    pub(crate) damage: Option<String>,
    pub(crate) views: Vec<ViewStatus>,
    pub(crate) usage: DiskUsage,
}

impl Stock {
    pub(crate) fn of(delivery: &dyn Delivery) -> Self {
        Self {
            shown: delivery.shown().cloned(),
            damage: delivery.damage().map(str::to_owned),
            views: delivery.views(),
            usage: delivery.usage(),
        }
    }
}

/// See the module.
pub(crate) struct Deliverer {
    pub(crate) delivery: Box<dyn Delivery>,
    pub(crate) timeline: Timeline,
    pub(crate) orders: mpsc::Receiver<Order>,
    pub(crate) outcomes: mpsc::Sender<Outcome>,
    pub(crate) stock: watch::Sender<Stock>,
    pub(crate) metrics: crate::metrics::AgentMetrics,
}

impl Deliverer {
    /// Works until nobody orders any more.
    pub(crate) async fn run(self) -> Result<(), Infallible> {
        let Self { delivery, timeline, mut orders, outcomes, stock, metrics } = self;
        let pool = BlockingPool::new(1);
        let mut work = Work::new(delivery);
        let mut tidy_at = Instant::now();
        loop {
            let order = tokio::select! {
                biased;
                order = orders.recv() => match order {
                    Some(order) => Some(order),
                    None => return Ok(()),
                },
                () = sleep_until(tidy_at) => None,
            };
            let (now, ordered) = (timeline.now(), order.is_some());
            let done = pool.run(move || {
                let done = work.perform(order, now);
                (work, done)
            });
            let done = done.await;
            work = done.0;
            let Done { outcomes: results, tidy_more, took } = done.1;
            stock.send_replace(Stock::of(&*work.delivery));
            metrics.stock(&stock.borrow());
            took.into_iter().for_each(|took| metrics.applied(took));
            let now = Instant::now();
            tidy_at = match (ordered, tidy_more) {
                // Never put off: orders may keep coming.
                (true, _) => tidy_at.min(now + TIDY_AFTER_ORDER),
                (false, true) => now + TIDY_PAUSE,
                (false, false) => now + TIDY_EVERY,
            };
            for outcome in results {
                if outcomes.send(outcome).await.is_err() {
                    return Ok(());
                }
            }
        }
    }
}

/// The part that runs on a thread that may wait.
#[derive(Debug)]
pub(crate) struct Work<D> {
    pub(crate) delivery: D,
    update: Update,
}

/// The update whose parts are being taken.
#[derive(Debug, Default)]
struct Update {
    bytes: u64,
    /// Its remaining parts are dropped.
    failed: bool,
    spent: Duration,
}

#[derive(Debug, Default)]
pub(crate) struct Done {
    pub(crate) outcomes: Vec<Outcome>,
    tidy_more: bool,
    /// How long a delivery took on this host.
    took: Option<Duration>,
}

impl<D: Delivery> Work<D> {
    pub(crate) fn new(delivery: D) -> Self {
        Self { delivery, update: Update::default() }
    }

    pub(crate) fn perform(&mut self, order: Option<Order>, now: Moment) -> Done {
        match order {
            Some(Order::Part(part)) => self.take(&part, now),
            Some(Order::Abandon) => {
                self.delivery.discard();
                self.update = Update::default();
                Done::default()
            }
            None => self.tidy(now),
        }
    }

    fn take(&mut self, part: &UpdatePart, now: Moment) -> Done {
        let started = std::time::Instant::now();
        if part.part == 0 {
            self.delivery.discard();
            self.update = Update::default();
        }
        let mut outcomes = vec![Outcome::Taken];
        if self.update.failed {
            return Done { outcomes, ..Done::default() };
        }
        let result =
            self.stage(part).and_then(|()| if part.last { self.apply(&part.to, now).map(Some) } else { Ok(None) });
        self.update.spent += started.elapsed();
        let took = matches!(result, Ok(Some(_))).then_some(self.update.spent);
        match result {
            Ok(None) => {}
            Ok(Some(shown)) => outcomes.push(Outcome::Delivered { to: part.to.clone(), result: Ok(shown) }),
            Err(error) => {
                self.update.failed = true;
                self.delivery.discard();
                outcomes.push(Outcome::Delivered { to: part.to.clone(), result: Err(Failure::from(&error)) });
            }
        }
        Done { outcomes, took, tidy_more: false }
    }

    fn stage(&mut self, part: &UpdatePart) -> Result<(), DeliveryError> {
        let objects = unpack(&part.objects)?;
        self.update.bytes += objects.bytes;
        if self.update.bytes > part.total_bytes {
            let reason = format!("it has {} bytes, its envelope says {}", self.update.bytes, part.total_bytes);
            return Err(DeliveryError::Malformed { reason });
        }
        self.delivery.stage(&objects.trees, &objects.blobs)
    }

    fn apply(&mut self, to: &Head, now: Moment) -> Result<Shown, DeliveryError> {
        let shown = self.delivery.shown().cloned();
        match Head::succession(shown.as_ref().map(|shown| &shown.head), to) {
            // Two streams brought it.
            Succession::Same if self.delivery.damage().is_none() && shown.is_some() => {
                self.delivery.discard();
                Ok(shown.expect("it was looked at above"))
            }
            Succession::Stale => {
                let reason = format!("{to} is older than what this host shows");
                Err(DeliveryError::Malformed { reason })
            }
            _ => Ok(self.delivery.apply(to, now)?.shown),
        }
    }

    fn tidy(&mut self, now: Moment) -> Done {
        match self.delivery.tidy(now) {
            Ok(tidied) => {
                let outcomes = tidied.damage.map(Outcome::Damaged).into_iter().collect();
                Done { outcomes, tidy_more: tidied.more, took: None }
            }
            Err(error) => {
                tracing::warn!(cause = report::chain(&error), "upkeep failed and goes on later");
                Done::default()
            }
        }
    }
}

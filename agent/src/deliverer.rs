//! Owns the delivery: takes updates one after the other, and does upkeep in between.

use crate::{
    delivery::{Delivery, DiskUsage, Scope, Shown, ViewStatus},
    delivery_work::{Done, Work},
    moment::Timeline,
    subscription::{Failure, Standing, UpdatePart},
};
use configbus_model::{Head, Namespace};
use configbus_runtime::BlockingPool;
use std::{convert::Infallible, time::Duration};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep_until},
};

/// Orders that wait: a few parts of updates and orders to forget them. More would only hold memory.
pub(crate) const ORDERS_MAX: usize = 12;

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
    /// Forget the parts taken of a namespace's update.
    Abandon(Namespace),
    /// Leave out what this host may not read.
    Limit(Scope),
    /// Wait no longer for namespaces that nobody sends.
    Expire,
}

/// What came of it.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// A part was taken or dropped.
    Taken,
    /// An update is complete, or failed.
    Delivered {
        /// Whose it was.
        namespace: Namespace,
        /// Where it led.
        to: Head,
        /// What there is now.
        result: Result<Standing, Failure>,
    },
    /// Something else changed what there is.
    Changed(Standing),
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
    pub(crate) work: Work<Box<dyn Delivery>>,
    pub(crate) timeline: Timeline,
    pub(crate) orders: mpsc::Receiver<Order>,
    pub(crate) outcomes: mpsc::Sender<Outcome>,
    pub(crate) stock: watch::Sender<Stock>,
    pub(crate) metrics: crate::metrics::AgentMetrics,
}

impl Deliverer {
    /// Works until nobody orders any more.
    pub(crate) async fn run(self) -> Result<(), Infallible> {
        let Self { mut work, timeline, mut orders, outcomes, stock, metrics } = self;
        let pool = BlockingPool::new(1);
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

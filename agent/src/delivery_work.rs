//! What is done for an order, on a thread that may wait: parts are unpacked and staged, complete revisions are assembled
//! with what readers see of other namespaces, and shown together.

use crate::{
    Moment,
    deliverer::{Order, Outcome},
    delivery::{Assembly, Delivery, DeliveryError, Scope, Vector},
    subscription::{Failure, Standing, UpdatePart},
    unpack::unpack,
};
use configbus_model::{ConfigPath, Head, MOUNTS, MountTable, Namespace, Succession, TreeId};
use configbus_runtime::report;
use std::{collections::BTreeMap, time::Duration};

/// See the module.
#[derive(Debug)]
pub(crate) struct Work<D> {
    pub(crate) delivery: D,
    assembly: Assembly,
    updates: BTreeMap<Namespace, Update>,
}

/// The update of a namespace whose parts are being taken.
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
    pub(crate) tidy_more: bool,
    /// How long a delivery took on this host.
    pub(crate) took: Option<Duration>,
}

impl<D: Delivery> Work<D> {
    /// Starts with what readers see.
    pub(crate) fn new(delivery: D) -> Self {
        let visible = delivery.shown().map(|shown| (shown.vector.clone(), shown.effective_tree));
        let mut doubted = delivery.damage().is_some();
        let table = visible.as_ref().map(|(_, root)| mounts(&delivery, *root)).transpose().unwrap_or_else(|error| {
            tracing::warn!(cause = report::chain(&error), "the mounts of what readers see cannot be read");
            doubted = true;
            None
        });
        let assembly = Assembly::new(visible.map(|(vector, _)| vector), table.unwrap_or_default(), doubted);
        Self { delivery, assembly, updates: BTreeMap::new() }
    }

    /// Returns what there is.
    pub(crate) fn standing(&self) -> Standing {
        Standing {
            shown: self.delivery.shown().cloned(),
            parked: self.assembly.parked().clone(),
            wanted: self.assembly.wanted(),
            awaited: self.assembly.awaited(),
            denied: self.assembly.denied(),
        }
    }

    /// Does what is ordered, or a slice of upkeep.
    pub(crate) fn perform(&mut self, order: Option<Order>, now: Moment) -> Done {
        match order {
            Some(Order::Part(part)) => self.take(&part, now),
            Some(Order::Abandon(namespace)) => {
                self.forget(&namespace);
                Done::default()
            }
            Some(Order::Limit(scope)) => self.limit(scope, now),
            Some(Order::Expire) => self.expire(now),
            None => self.tidy(now),
        }
    }

    fn take(&mut self, part: &UpdatePart, now: Moment) -> Done {
        let started = std::time::Instant::now();
        let namespace = &part.namespace;
        if part.part == 0 {
            self.forget(namespace);
        }
        if self.updates.entry(namespace.clone()).or_default().failed {
            return Done { outcomes: vec![Outcome::Taken], ..Done::default() };
        }
        let complete =
            self.stage(part).and_then(|()| if part.last { self.complete(namespace, &part.to) } else { Ok(()) });
        let shown = match &complete {
            Ok(()) if part.last => self.show(now),
            _ => Shows::Nothing,
        };
        let update = self.updates.entry(namespace.clone()).or_default();
        update.spent += started.elapsed();
        let took = matches!(shown, Shows::Next).then_some(update.spent);
        let mut outcomes = vec![Outcome::Taken];
        let is_among_failed = matches!(&shown, Shows::Failed(all) if all.iter().any(|outcome| outcome.is_of(part)));
        match complete {
            Ok(()) if !part.last => {}
            Ok(()) if is_among_failed => {}
            Ok(()) => outcomes.push(Outcome::Delivered {
                namespace: namespace.clone(),
                to: part.to.clone(),
                result: Ok(self.standing()),
            }),
            Err(error) => {
                update.failed = true;
                self.delivery.discard(namespace);
                outcomes.push(failed(namespace.clone(), part.to.clone(), Failure::from(&error)));
            }
        }
        if let Shows::Failed(failed) = shown {
            outcomes.extend(failed);
        }
        Done { outcomes, took, tidy_more: false }
    }

    fn stage(&mut self, part: &UpdatePart) -> Result<(), DeliveryError> {
        let objects = unpack(&part.objects)?;
        let update = self.updates.entry(part.namespace.clone()).or_default();
        update.bytes += objects.bytes;
        if update.bytes > part.total_bytes {
            let reason = format!("it has {} bytes, its envelope says {}", update.bytes, part.total_bytes);
            return Err(DeliveryError::Malformed { reason });
        }
        self.delivery.stage(&part.namespace, &objects.trees, &objects.blobs)
    }

    /// Takes an update whose parts are all here.
    fn complete(&mut self, namespace: &Namespace, to: &Head) -> Result<(), DeliveryError> {
        let visible = self.delivery.shown().and_then(|shown| shown.vector.head_of(namespace));
        match Head::succession(visible, to) {
            // Two streams brought it.
            Succession::Same if self.delivery.damage().is_none() => {
                self.delivery.discard(namespace);
                return Ok(());
            }
            Succession::Stale => {
                let reason = format!("{to} is older than what this host shows");
                return Err(DeliveryError::Malformed { reason });
            }
            _ => {}
        }
        self.delivery.check(to)?;
        let is_main = *namespace == Namespace::main();
        let table = if is_main { Some(mounts(&self.delivery, to.tree)?) } else { None };
        self.assembly.park(namespace.clone(), to.clone(), table);
        Ok(())
    }

    /// Shows what is complete and belongs together.
    fn show(&mut self, now: Moment) -> Shows {
        let Some(vector) = self.assembly.next() else { return Shows::Nothing };
        match self.delivery.show(&vector, now) {
            Ok(_) => {
                for namespace in self.assembly.shown(vector) {
                    self.delivery.discard(&namespace);
                }
                Shows::Next
            }
            Err(error) => Shows::Failed(self.refuse(&vector, &error)),
        }
    }

    /// What was to be shown together is refused together.
    fn refuse(&mut self, vector: &Vector, error: &DeliveryError) -> Vec<Outcome> {
        let damage = self.delivery.damage().map(str::to_owned);
        let refused: Vec<_> = match damage {
            Some(_) => self.assembly.doubt().into_iter().collect(),
            None => {
                let parked = self.assembly.parked().iter().filter(|(name, head)| vector.head_of(name) == Some(*head));
                parked.map(|(namespace, head)| (namespace.clone(), head.clone())).collect()
            }
        };
        let failure = Failure::from(error);
        let mut outcomes = Vec::new();
        for (namespace, head) in refused {
            self.forget(&namespace);
            outcomes.push(failed(namespace, head, failure.clone()));
        }
        outcomes.extend(damage.map(Outcome::Damaged));
        outcomes
    }

    fn limit(&mut self, scope: Scope, now: Moment) -> Done {
        self.assembly.set_scope(scope);
        self.reconsider(now)
    }

    fn expire(&mut self, now: Moment) -> Done {
        self.assembly.expire();
        let awaited = self.assembly.awaited();
        let mut outcomes = Vec::new();
        if !awaited.is_empty()
            && let Some(main) = self.assembly.parked().get(&Namespace::main()).cloned()
        {
            let names: Vec<_> = awaited.iter().map(ToString::to_string).collect();
            let reason = format!("it mounts what no store has sent: {}", names.join(", "));
            self.forget(&Namespace::main());
            let failure = Failure { remedy: crate::delivery::Remedy::Later, reason };
            outcomes.push(failed(Namespace::main(), main, failure));
        }
        let mut done = self.reconsider(now);
        outcomes.append(&mut done.outcomes);
        Done { outcomes, ..done }
    }

    fn reconsider(&mut self, now: Moment) -> Done {
        let mut outcomes = match self.show(now) {
            Shows::Failed(outcomes) => outcomes,
            Shows::Nothing | Shows::Next => Vec::new(),
        };
        outcomes.push(Outcome::Changed(self.standing()));
        Done { outcomes, ..Done::default() }
    }

    /// Forgets what has arrived of a namespace and is not visible.
    fn forget(&mut self, namespace: &Namespace) {
        self.delivery.discard(namespace);
        self.assembly.unpark(namespace);
        self.updates.remove(namespace);
    }

    fn tidy(&mut self, now: Moment) -> Done {
        match self.delivery.tidy(now) {
            Ok(tidied) => {
                let outcomes = tidied.damage.map(|damage| self.damaged(damage)).into_iter().collect();
                Done { outcomes, tidy_more: tidied.more, took: None }
            }
            Err(error) => {
                tracing::warn!(cause = report::chain(&error), "upkeep failed and goes on later");
                Done::default()
            }
        }
    }

    fn damaged(&mut self, damage: String) -> Outcome {
        for namespace in self.assembly.doubt().into_keys() {
            self.delivery.discard(&namespace);
        }
        Outcome::Damaged(damage)
    }
}

/// What came of showing what is next.
enum Shows {
    /// There is nothing new to see.
    Nothing,
    /// Readers see it.
    Next,
    /// They see what they saw.
    Failed(Vec<Outcome>),
}

fn failed(namespace: Namespace, to: Head, failure: Failure) -> Outcome {
    Outcome::Delivered { namespace, to, result: Err(failure) }
}

impl Outcome {
    fn is_of(&self, part: &UpdatePart) -> bool {
        matches!(self, Self::Delivered { namespace, to, .. } if (namespace, to) == (&part.namespace, &part.to))
    }
}

/// Reads which namespaces a revision of `main` mounts.
fn mounts(delivery: &impl Delivery, root: TreeId) -> Result<MountTable, DeliveryError> {
    let path = ConfigPath::parse(MOUNTS).expect("the path of the table is one");
    match delivery.read(root, &path)? {
        Some(json) => serde_json::from_slice(&json).map_err(DeliveryError::MountTable),
        None => Ok(MountTable::default()),
    }
}

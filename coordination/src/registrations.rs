//! The registrations this process wants, shared by all registries.
//!
//! A registry's reconciler takes a snapshot, makes the outside world equal to it and reports back per slot; it runs
//! again when [`Registrations::changed`] returns. Nothing is queued: the newest wish is the only one that counts.

use crate::{Registration, RegistrationState};
use configbus_model::{Member, Namespace};
use futures_util::future::{BoxFuture, FutureExt as _, pending, select_all};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::watch;

/// Where a member is listed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    /// Among the stores.
    Store,
    /// As the one server of a namespace.
    Server(Namespace),
}

/// Identifies a slot in this process; later slots have higher keys.
pub(crate) type SlotKey = u64;

/// One wish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wish {
    pub(crate) key: SlotKey,
    pub(crate) place: Place,
    pub(crate) member: Member,
}

struct Slot {
    place: Place,
    member: watch::Receiver<Member>,
    state: watch::Sender<RegistrationState>,
}

#[derive(Default)]
struct Book {
    next_key: SlotKey,
    slots: BTreeMap<SlotKey, Slot>,
}

/// All wishes of this process towards one registry.
#[derive(Default)]
pub(crate) struct Registrations {
    book: Mutex<Book>,
    generation: watch::Sender<u64>,
}

impl Registrations {
    pub(crate) fn add(self: &Arc<Self>, place: Place, member: watch::Receiver<Member>) -> Registration {
        let state = watch::Sender::new(RegistrationState::Pending);
        let receiver = state.subscribe();
        let key = {
            let mut book = self.book();
            book.next_key += 1;
            let key = book.next_key;
            book.slots.insert(key, Slot { place, member, state });
            key
        };
        self.generation.send_modify(|generation| *generation += 1);
        Registration::new(receiver, SlotGuard { key, registrations: Arc::clone(self) })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.book().slots.is_empty()
    }

    /// Returns all wishes by age and marks them seen for [`Registrations::changed`].
    pub(crate) fn snapshot(&self, seen: &mut watch::Receiver<u64>) -> Vec<Wish> {
        seen.mark_unchanged();
        let mut book = self.book();
        let wishes = book.slots.iter_mut().map(|(key, slot)| Wish {
            key: *key,
            place: slot.place.clone(),
            member: slot.member.borrow_and_update().clone(),
        });
        wishes.collect()
    }

    /// Returns all wishes by age without marking anything seen.
    pub(crate) fn wishes(&self) -> Vec<Wish> {
        let wish = |(key, slot): (&SlotKey, &Slot)| Wish {
            key: *key,
            place: slot.place.clone(),
            member: slot.member.borrow().clone(),
        };
        self.book().slots.iter().map(wish).collect()
    }

    /// Returns what the caller of [`Registrations::snapshot`] keeps between runs.
    pub(crate) fn subscribe(&self) -> watch::Receiver<u64> {
        self.generation.subscribe()
    }

    /// Waits until a wish was added, withdrawn or changed since the last snapshot. Cancel-safe.
    pub(crate) async fn changed(&self, seen: &watch::Receiver<u64>) {
        let mut waits: Vec<BoxFuture<'_, ()>> = vec![changed_or_never(seen.clone()).boxed()];
        waits.extend(self.book().slots.values().map(|slot| changed_or_never(slot.member.clone()).boxed()));
        select_all(waits).await;
    }

    pub(crate) fn report(&self, key: SlotKey, state: RegistrationState) {
        if let Some(slot) = self.book().slots.get(&key) {
            slot.state.send_if_modified(|current| {
                let changed = *current != state;
                *current = state;
                changed
            });
        }
    }

    /// Says that nothing is known to be listed any more.
    pub(crate) fn report_all_pending(&self) {
        let keys: Vec<SlotKey> = self.book().slots.keys().copied().collect();
        for key in keys {
            self.report(key, RegistrationState::Pending);
        }
    }

    fn remove(&self, key: SlotKey) {
        self.book().slots.remove(&key);
        self.generation.send_modify(|generation| *generation += 1);
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A channel without a sender holds its last value for ever.
async fn changed_or_never<T>(mut receiver: watch::Receiver<T>) {
    if receiver.changed().await.is_err() {
        pending::<()>().await;
    }
}

/// Withdraws a wish when dropped.
pub(crate) struct SlotGuard {
    key: SlotKey,
    registrations: Arc<Registrations>,
}

impl Drop for SlotGuard {
    fn drop(&mut self) {
        self.registrations.remove(self.key);
    }
}

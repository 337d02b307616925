//! How long a bus lives.

use super::hand_made_root::{HandMadeRoot, LAYOUTS};
use crate::{Change, ConfigBus, Defaulted, PrefixSubscription, Reader, Recording, Snapshot, Subscription};
use std::sync::{Arc, mpsc};

fn is_shared_between_threads<T: Send + Sync + 'static>() {}

#[test]
fn handles_may_go_to_any_thread() {
    is_shared_between_threads::<ConfigBus>();
    is_shared_between_threads::<Snapshot>();
    is_shared_between_threads::<Subscription<String>>();
    is_shared_between_threads::<Defaulted<String>>();
    is_shared_between_threads::<PrefixSubscription<String>>();
    is_shared_between_threads::<Reader<String>>();
    is_shared_between_threads::<Recording<String>>();
    is_shared_between_threads::<Change<String>>();
}

#[test]
fn both_threads_end_with_the_last_handle() {
    let root = HandMadeRoot::new(LAYOUTS[0]);
    root.flip(&[("a.json", "1")]);
    let bus = root.open();
    // Each thread holds the follower, so its end shows that both were joined.
    let follower = Arc::downgrade(&bus.owner.follower);
    let value = bus.subscribe::<u32>("a.json").unwrap();
    let recording = value.record();
    drop(bus);
    root.flip(&[("a.json", "2")]);
    assert!(recording.wait_for(1, super::DEADLINE).is_some(), "a handle keeps the value current");
    drop(value);
    assert!(follower.upgrade().is_none());
}

#[test]
fn a_bus_that_its_own_callback_owns_is_ended_by_close() {
    let root = HandMadeRoot::new(LAYOUTS[0]);
    root.flip(&[("a.json", "1")]);
    let bus = root.open();
    let follower = Arc::downgrade(&bus.owner.follower);
    let owned = bus.clone();
    bus.subscribe::<u32>("a.json").unwrap().on_change(move |_| assert!(owned.stats().flips > 0));
    bus.close();
    drop(bus);
    assert!(follower.upgrade().is_none());
}

#[test]
fn a_bus_may_be_closed_by_its_callback() {
    let root = HandMadeRoot::new(LAYOUTS[0]);
    root.flip(&[("a.json", "1")]);
    let bus = root.open();
    let value = bus.subscribe::<u32>("a.json").unwrap();
    let (sender, closed) = mpsc::channel();
    value.on_change(move |_| {
        bus.close();
        sender.send(()).unwrap();
    });
    root.flip(&[("a.json", "2")]);
    closed.recv_timeout(super::DEADLINE).unwrap();
    assert_eq!(*value.load().unwrap(), 2);
}

#[test]
fn a_subscription_without_handles_and_callbacks_costs_nothing() {
    let memory = ConfigBus::in_memory();
    let bus = memory.bus();
    let dropped = bus.subscribe::<u32>("a.json").unwrap();
    let cancelled = bus.subscribe::<u32>("a.json").unwrap();
    let told = cancelled.record();
    cancelled.cancel();
    drop(dropped);
    memory.set("a.json", "1").unwrap();
    memory.flip();
    assert_eq!(bus.stats().files_read, 0);
    assert!(told.changes().is_empty() && cancelled.load().is_none());
}

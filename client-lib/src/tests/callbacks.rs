//! What callbacks can rely on.

use super::{
    DEADLINE,
    hand_made_root::{HandMadeRoot, LAYOUTS},
};
use crate::ConfigBus;
use std::sync::{Arc, Mutex, mpsc};

#[test]
fn callbacks_see_every_change_in_revision_order() {
    let root = HandMadeRoot::new(LAYOUTS[0]);
    root.flip(&[("a.json", "0"), ("b.json", "0")]);
    let bus = root.open();
    let order = Arc::new(Mutex::new(Vec::new()));
    for path in ["a.json", "b.json"] {
        let order = Arc::clone(&order);
        bus.subscribe::<u64>(path).unwrap().on_change(move |change| order.lock().unwrap().push(change.revision));
    }
    let recording = bus.subscribe::<u64>("a.json").unwrap().record();
    let last = (1..=100)
        .map(|number: u64| {
            let text = number.to_string();
            root.flip(&[("a.json", &text), ("b.json", &text)])
        })
        .last()
        .unwrap();
    let is_last = |changes: &[crate::Change<u64>]| changes.last().is_some_and(|change| change.revision == last);
    let changes = recording.wait_until(DEADLINE, is_last).unwrap();
    assert_eq!(changes[0].old.as_deref(), Some(&0));
    for pair in changes.windows(2) {
        assert_eq!(pair[0].new, pair[1].old, "nothing is skipped silently");
        assert!(pair[0].revision < pair[1].revision);
        assert_eq!(pair[1].traceparent, Some(format!("trace of {}", pair[1].revision)));
    }
    bus.close();
    let order = order.lock().unwrap();
    assert!(order.is_sorted() && order.iter().filter(|revision| **revision == last).count() == 2, "{order:?}");
}

#[test]
fn a_callback_that_hangs_delays_no_value_and_is_told_everything_at_once_later() {
    let memory = ConfigBus::in_memory();
    let bus = memory.bus();
    let value = bus.subscribe::<u32>("a.json").unwrap();
    let (entered, told) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let released = Mutex::new(released);
    value.on_change(move |change| {
        entered.send((change.old.as_deref().copied(), change.new.as_deref().copied())).unwrap();
        released.lock().unwrap().recv().unwrap();
    });
    memory.set("a.json", "1").unwrap();
    let flipping = memory.clone();
    let waiting = std::thread::spawn(move || flipping.flip());
    assert_eq!(told.recv_timeout(DEADLINE), Ok((None, Some(1))));
    // The callback hangs; flips now come from elsewhere, so that this test does not wait for it.
    for text in ["2", "3"] {
        memory.set("a.json", text).unwrap();
        memory.publish();
    }
    assert_eq!(*value.load().unwrap(), 3);
    release.send(()).unwrap();
    assert_eq!(told.recv_timeout(DEADLINE), Ok((Some(1), Some(3))));
    release.send(()).unwrap();
    waiting.join().unwrap();
}

#[test]
fn a_panic_in_a_callback_is_counted_and_others_are_told() {
    let memory = ConfigBus::in_memory();
    let bus = memory.bus();
    let value = bus.subscribe::<u32>("a.json").unwrap();
    value.on_change(|change| assert!(change.old.is_some(), "the first change"));
    let recording = value.record();
    for text in ["1", "2"] {
        memory.set("a.json", text).unwrap();
        memory.flip();
    }
    assert_eq!(recording.changes().len(), 2);
    assert_eq!((bus.stats().callbacks, bus.stats().callback_panics), (4, 1));
}

#[test]
fn values_of_a_revision_are_all_visible_before_its_callbacks_run() {
    let memory = ConfigBus::in_memory();
    let bus = memory.bus();
    let first = bus.subscribe::<u32>("a.json").unwrap();
    let second = bus.subscribe::<u32>("b.json").unwrap();
    let (sender, seen) = mpsc::channel();
    first.on_change(move |change| sender.send((*change.new.clone().unwrap(), *second.load().unwrap())).unwrap());
    for text in ["1", "2", "3"] {
        memory.set("a.json", text).unwrap();
        memory.set("b.json", text).unwrap();
        memory.flip();
    }
    assert_eq!(seen.try_iter().collect::<Vec<_>>(), [(1, 1), (2, 2), (3, 3)]);
    bus.close();
}

#[test]
fn callbacks_and_checks_may_use_the_bus() {
    let memory = ConfigBus::in_memory();
    memory.set("a.json", "1").unwrap();
    memory.set("b.json", "2").unwrap();
    memory.flip();
    let bus = memory.bus();
    let (inner, flipper) = (bus.clone(), memory.clone());
    let checked = bus.file::<u32>("a.json").unwrap().with_check(move |_| {
        inner.refresh();
        inner.subscribe::<u32>("b.json").map(drop)
    });
    let value = checked.subscribe().unwrap();
    let again = value.clone();
    value.on_change(move |change| {
        if change.new.as_deref() == Some(&10) {
            again.on_change(|_| {});
            flipper.set("b.json", "20").unwrap();
            flipper.flip();
        }
    });
    memory.set("a.json", "10").unwrap();
    memory.flip();
    assert_eq!(*bus.subscribe::<u32>("b.json").unwrap().load().unwrap(), 20);
    bus.close();
}

#[test]
fn a_check_cannot_make_the_bus_wait_for_itself() {
    let root = HandMadeRoot::new(LAYOUTS[0]);
    root.flip(&[("a.json", "1"), ("b.json", "1")]);
    let bus = root.open();
    let other = bus.subscribe::<u32>("b.json").unwrap();
    for round in 2..20 {
        let (inner, text) = (bus.clone(), round.to_string());
        let next = [("a.json", text.as_str()), ("b.json", text.as_str())];
        // A new view is there while the first value is checked: a refresh would wait for this very subscription.
        let checked = bus.file::<u32>("a.json").unwrap().with_check(move |_| {
            inner.refresh();
            Ok::<_, String>(())
        });
        let last = root.flip(&next);
        let value = checked.subscribe().unwrap();
        assert!(bus.wait_for(last, DEADLINE));
        assert_eq!((*value.load().unwrap(), *other.load().unwrap()), (round, round));
        value.cancel();
    }
}

#[test]
fn what_came_and_went_before_anybody_was_told_is_not_told() {
    let memory = ConfigBus::in_memory();
    let bus = memory.bus();
    let (blocker, value) = (bus.subscribe::<u32>("block.json").unwrap(), bus.subscribe::<u32>("a.json").unwrap());
    let (entered, told) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let released = Mutex::new(released);
    blocker.on_change(move |_| {
        entered.send(()).unwrap();
        released.lock().unwrap().recv().unwrap();
    });
    let recording = value.record();
    memory.set("block.json", "1").unwrap();
    memory.publish();
    told.recv_timeout(DEADLINE).unwrap();
    memory.set("a.json", "1").unwrap();
    memory.publish();
    memory.remove("a.json").unwrap();
    memory.publish();
    release.send(()).unwrap();
    memory.flip();
    assert!(recording.changes().is_empty());
}

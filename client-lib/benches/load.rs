//! Nanoseconds per `load()`, by hand: `cargo bench -p configbus-client`.
//!
//! Each figure is the best of many short rounds, since anything else on the machine only adds to it.

use configbus_client::ConfigBus;
use std::{
    error::Error,
    hint::black_box,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Instant,
};

const LOADS: u32 = 1_000_000;
const ROUNDS: u32 = 60;

fn report(name: &str, mut load: impl FnMut() -> u64) {
    let round = |_| {
        let began = Instant::now();
        let mut sum = 0_u64;
        for _ in 0..LOADS {
            sum = sum.wrapping_add(load());
        }
        black_box(sum);
        began.elapsed().as_secs_f64() * 1e9 / f64::from(LOADS)
    };
    let best = (0..ROUNDS).map(round).fold(f64::INFINITY, f64::min);
    println!("{name:<48} {best:6.2} ns");
}

fn main() -> Result<(), Box<dyn Error>> {
    let memory = ConfigBus::in_memory();
    memory.set("limit.json", "10")?;
    memory.flip();
    let bus = memory.bus();
    let shared = bus.subscribe::<u64>("limit.json")?;
    let defaulted = bus.subscribe_or::<u64>("limit.json", 1)?;
    let absent = bus.subscribe_or::<u64>("absent.json", 1)?;
    let mut reader = shared.reader();

    let raw = arc_swap::ArcSwapOption::from_pointee(10_u64);
    report("arc-swap alone", || raw.load().as_deref().copied().unwrap_or_default());
    report("Subscription::load", || shared.load().map_or(0, |value| *value));
    report("Defaulted::load", || *defaulted.load());
    report("Defaulted::load of an absent file", || *absent.load());
    report("Subscription::load_full", || shared.load_full().map_or(0, |value| *value));
    report("Reader::load", || reader.load().copied().unwrap_or_default());

    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                black_box(shared.load());
            }
        });
        report("Subscription::load, another thread loads too", || shared.load().map_or(0, |value| *value));
        report("Reader::load, another thread loads too", || reader.load().copied().unwrap_or_default());
        done.store(true, Ordering::Relaxed);
    });
    Ok(())
}

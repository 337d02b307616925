//! A small service that uses a typed value and prints it as it changes.
//!
//! ```sh
//! configbus up --data /tmp/bus &
//! cargo run -p configbus-client --example watch_limits -- /tmp/bus/host-1 services/web/limits.yaml
//! # elsewhere: edit services/web/limits.yaml in a clone and push, or
//! echo 'requests_per_second: 20' | configbus put services/web/limits.yaml
//! ```
//!
//! A plain directory does as well: `… --example watch_limits -- my-clone services/web/limits.yaml`.

use configbus_client::{Change, ConfigBus};
use std::{env, error::Error, thread, time::Duration};

#[derive(Debug, serde::Deserialize)]
struct Limits {
    requests_per_second: u32,
    #[serde(default)]
    burst: u32,
}

impl Limits {
    /// What the service does before anybody has configured it.
    const BUILT_IN: Self = Self { requests_per_second: 1, burst: 0 };

    /// What no schema says: the service knows what it can stand.
    fn check(&self) -> Result<(), String> {
        match self.requests_per_second {
            1..=10_000 => Ok(()),
            wrong => Err(format!("requests_per_second is {wrong}, expected 1 to 10000")),
        }
    }
}

fn print_change(change: &Change<Limits>) {
    match (&change.old, &change.new) {
        (Some(old), Some(new)) => println!("{} {old:?} → {new:?}", change.revision),
        (None, Some(new)) => println!("{} {new:?}", change.revision),
        (_, None) => println!("{} {} is gone: back to {:?}", change.revision, change.path, Limits::BUILT_IN),
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let root = arguments.next().unwrap_or_else(|| "/var/lib/configbus".to_owned());
    let path = arguments.next().unwrap_or_else(|| "services/web/limits.yaml".to_owned());

    let bus = ConfigBus::open(root)?;
    let limits = bus.file::<Limits>(&path)?.with_check(Limits::check).or(Limits::BUILT_IN)?;
    limits.on_change(print_change);
    println!("{} {:?}", bus.snapshot()?.revision(), limits.load());

    // The service itself: whatever it does, it loads the limits when it needs them.
    loop {
        thread::sleep(Duration::from_secs(10));
        let now = limits.load();
        println!("serving {}/s, burst {}, {:?}", now.requests_per_second, now.burst, bus.status().freshness);
        if let Some(refusal) = limits.refusal() {
            println!("{refusal}");
        }
    }
}

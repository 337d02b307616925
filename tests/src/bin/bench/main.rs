//! Figures of the bus, beside what people use today, in one run on one machine.
//!
//! `cargo run --release -p configbus-tests --bin bench` prints everything; `bench -- latency` and `bench -- hosts` a part.
//! Absolute times are this machine's; ratios are what counts.

mod hosts;
mod latency;
mod metrics;
mod peers;
mod print;
mod stats;
mod tree;
mod usage;

use clap::{Parser, Subcommand};

/// Measures the bus.
#[derive(Debug, Parser)]
#[command(name = "bench")]
struct Cli {
    #[command(subcommand)]
    part: Option<Part>,
}

#[derive(Debug, Subcommand)]
enum Part {
    /// From an acknowledged push or compare-and-set to a callback on a host, embedded and with ZooKeeper.
    Latency(latency::Args),
    /// One changed file in trees of several sizes: from the delta's arrival to the flip, beside rsync and git.
    Hosts(hosts::Args),
}

fn main() -> anyhow::Result<()> {
    print::machine();
    match Cli::parse().part {
        Some(Part::Latency(args)) => latency::run(&args),
        Some(Part::Hosts(args)) => hosts::run(&args),
        None => {
            latency::run(&latency::Args::default())?;
            hosts::run(&hosts::Args::default())
        }
    }
}

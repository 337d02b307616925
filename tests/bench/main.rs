//! Figures of the bus, beside what people use today, in one run on one machine.
//!
//! `cargo run --release -p configbus-tests --bin bench` prints everything, `bench -- propagation` and `bench -- apply` a
//! part. Absolute times are this machine's; ratios are what counts. Budgets are those of the design.

mod apply;
mod budget;
mod content;
mod machine;
mod metrics;
mod peers;
mod program;
mod progress;
mod propagation;
mod stats;
mod table;
mod tree;
mod usage;

use clap::{Parser, ValueEnum};

/// Measures the bus and prints tables with the budgets beside them.
///
/// Needs `configbus` built with the same profile beside it (`cargo build --release -p configbus`), Git, rsync, and for
/// propagation through ZooKeeper Debian's package `zookeeper`. Files are made below `TMPDIR`: point it at a real disk.
#[derive(Debug, Parser)]
#[command(
    name = "bench",
    after_help = "Examples:\n  bench apply --sizes 1000,10000\n  bench propagation --samples 300"
)]
struct Cli {
    /// What to measure.
    #[arg(value_enum, default_value_t = Part::All)]
    part: Part,
    /// Changes per row; rows whose changes take long get fewer and say so.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    samples: u64,
    /// Numbers of files in the trees of `apply`.
    #[arg(long, value_delimiter = ',', default_values_t = [1_000, 10_000, 100_000])]
    #[arg(value_parser = clap::value_parser!(u64).range(100..=1_000_000))]
    sizes: Vec<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// From a push or a compare-and-set to a callback in a process on a host, with and without ZooKeeper.
    Propagation,
    /// One changed file in trees of several sizes: from the delta's arrival to the flip, beside rsync and Git.
    Apply,
    /// Both.
    All,
}

fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    program::settle()?;
    machine::print()?;
    if cli.part != Part::Apply {
        propagation::run(cli.samples)?;
    }
    if cli.part != Part::Propagation {
        apply::run(&cli.sizes, cli.samples)?;
    }
    println!("\nload average at the end: {}", machine::load());
    Ok(())
}

//! Figures of the bus, beside what people use today, in one run on one machine.
//!
//! `cargo run --release -p configbus-tests --bin bench` prints everything, `bench -- propagation`, `apply`, `gate`,
//! `history`, `corpus`, `hostile`, `land`, `isolation`, `endurance` and `switches` a part. Absolute times are this machine's; ratios are what counts. Budgets are those of
//! the design.

mod apply;
mod budget;
mod content;
mod corpus;
mod disk;
mod endurance;
mod gate;
mod history;
mod hostile;
mod isolation;
mod land;
mod machine;
mod metrics;
mod peers;
mod program;
mod progress;
mod propagation;
mod stats;
mod switches;
mod table;
mod tree;
mod usage;

use clap::{Parser, ValueEnum};

/// Measures the bus and prints tables with the budgets beside them.
///
/// Needs `configbus` built with the same profile beside it (`cargo build --release -p configbus`), Git, rsync, for
/// propagation through ZooKeeper Debian's package `zookeeper`, and for `land` Debian's package `etcd-server`. `gate` runs
/// `check-jsonschema` (`pip install check-jsonschema`) beside it if that is in `PATH` or named in `CHECK_JSONSCHEMA`. Files are
/// made below `TMPDIR`: point it at a real disk.
#[derive(Debug, Parser)]
#[command(
    name = "bench",
    after_help = "Examples:\n  bench apply --sizes 1000,10000\n  bench propagation --samples 300\n  bench gate\n  \
                  bench land --land-sizes 100000 --writers 64 --seconds 60"
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
    /// Numbers of files in the repositories of `land`.
    #[arg(long, value_delimiter = ',', default_values_t = [1_000, 100_000])]
    #[arg(value_parser = clap::value_parser!(u64).range(1_000..=1_000_000))]
    land_sizes: Vec<u64>,
    /// Writers at once in `land`, a row each.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 16, 64, 256])]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=1_000))]
    writers: Vec<u64>,
    /// How long each row of `land`, and of questions in `switches`, takes.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    seconds: u64,
    /// Commits of `history` and `endurance`.
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(3_000..=1_000_000))]
    commits: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// From a push or a compare-and-set to a callback in a process on a host, with and without ZooKeeper.
    Propagation,
    /// One changed file in trees of several sizes: from the delta's arrival to the flip, beside rsync and Git.
    Apply,
    /// What the gate adds to a push of 2,000 files and to one file in a tree of 100,000, beside check-jsonschema.
    Gate,
    /// Log and line origins of one file in a long history, beside `git log` and `git blame`.
    History,
    /// Real files with their schemas through every door: how many are accepted and refused, and how long it takes.
    Corpus,
    /// What nobody honest would push: time and memory of each refusal.
    Hostile,
    /// Durable changes a second with many writers at once, beside etcd and plain Git.
    Land,
    /// Writers of one namespace while another is flooded.
    Isolation,
    /// Many commits by many writers: first and last writes compared, bytes on disk, fsck, clone, kill -9 to ready.
    Endurance,
    /// From `configbus decider set` to its effect, and questions an agent answers over OFREP.
    Switches,
    /// All of them.
    All,
}

fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    program::settle()?;
    machine::print()?;
    let is_wanted = |part| [part, Part::All].contains(&cli.part);
    if is_wanted(Part::Propagation) {
        propagation::run(cli.samples)?;
    }
    if is_wanted(Part::Apply) {
        apply::run(&cli.sizes, cli.samples)?;
    }
    if is_wanted(Part::Gate) {
        gate::run(cli.samples)?;
    }
    if is_wanted(Part::History) {
        history::run(cli.commits, cli.samples)?;
    }
    if is_wanted(Part::Corpus) {
        corpus::run()?;
    }
    if is_wanted(Part::Hostile) {
        hostile::run()?;
    }
    if is_wanted(Part::Land) {
        land::run(&land::Plan { sizes: cli.land_sizes, writers: cli.writers, seconds: cli.seconds })?;
    }
    if is_wanted(Part::Isolation) {
        isolation::run(cli.seconds)?;
    }
    if is_wanted(Part::Endurance) {
        endurance::run(cli.commits)?;
    }
    if is_wanted(Part::Switches) {
        switches::run(cli.samples, cli.seconds)?;
    }
    println!("\nload average at the end: {}", machine::load());
    Ok(())
}

//! What a flood in one namespace does to the writers of another, and to other writers of the same.

use crate::{
    land::{
        bus::{Bus, BusWriter},
        load::{Load, Outcome, Until, Writer},
    },
    progress::Progress,
    table::Table,
    tree::Tree,
};
use std::time::Duration;

/// Files of each namespace.
const FILES: usize = 10_000;

/// Writers whose times count.
const WRITERS: usize = 4;

/// Writers of the flood.
const FLOOD: usize = 64;

/// The namespace that is flooded.
const NAMESPACE: &str = "flooded";

/// Writes below a directory.
#[derive(Clone)]
struct Below {
    directory: &'static str,
    writer: BusWriter,
}

impl Writer for Below {
    async fn write(&self, path: &str, before: &str, content: &str) -> anyhow::Result<()> {
        self.writer.write(&format!("{}{path}", self.directory), before, content).await
    }
}

pub(crate) fn run(seconds: u64) -> anyhow::Result<()> {
    println!("\nIsolation: {WRITERS} writers, alone and beside {FLOOD} others, {seconds} s a row.");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let _entered = runtime.enter();
    let preparing = Progress::waiting("two namespaces: preparing");
    let bus = Bus::start(FILES)?;
    let client = bus.client()?;
    runtime.block_on(client.create_namespace(&NAMESPACE.parse()?, None))?;
    Tree::make(FILES)?.push(&bus.git().replace("/main.git", &format!("/{NAMESPACE}.git")))?;
    drop(preparing);
    let until = Until::Passed(Duration::from_secs(seconds));
    let mut table = Table::new(
        format!("{WRITERS} writers of main, {FILES} files in each namespace"),
        ["", "commits/s", "p50 ms", "p99 ms", "max ms", "flood commits/s"],
    );
    let main = writers(&bus, "", WRITERS)?;
    let (quiet, flooded) = (Load::new(FILES), Load::new(FILES));
    let row = |name: &str, outcome: &Outcome, flood: Option<&Outcome>, table: &mut Table| {
        let [_, p50, p99, max] = outcome.times.cells();
        let flood = flood.map_or_else(|| "-".to_owned(), |flood| format!("{:.0}", flood.per_second()));
        table.row(name, [format!("{:.0}", outcome.per_second()), p50, p99, max, flood]);
    };
    let alone = runtime.block_on(quiet.run(WRITERS, &main, until))?;
    row("alone", &alone, None, &mut table);
    let flood = writers(&bus, "flooded/", FLOOD)?;
    let both = async { tokio::try_join!(quiet.run(WRITERS, &main, until), flooded.run(FLOOD, &flood, until)) };
    let (beside, flooding) = runtime.block_on(both)?;
    row("flood in another namespace", &beside, Some(&flooding), &mut table);
    table.print();
    let ratio = beside.times.p99().as_secs_f64() / alone.times.p99().as_secs_f64().max(f64::EPSILON);
    println!("  p99 with the flood ÷ alone: {ratio:.2}× (both share the processors and the disk, not a queue)");
    bus.check()
}

fn writers(bus: &Bus, directory: &'static str, count: usize) -> anyhow::Result<Vec<Below>> {
    Ok(bus.writers(count)?.into_iter().map(|writer| Below { directory, writer }).collect())
}

//! `configbus demo`: the story of the bus in under a minute, on a temporary bus with real pushes.

mod clone;
mod measure;
mod scenes;
mod stage;

use crate::{
    args::DemoArgs,
    output::Output,
    process::{self, LogFormat},
    report::Failure,
    up::{Endpoints, LocalBus, Plan},
};
use anyhow::Context as _;
use configbus_model::{ErrorKind, Layout};
use configbus_runtime::Tasks;
use scenes::Scenes;
use stage::Stage;
use std::{
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    time::Instant,
};

pub(crate) fn run(_: &DemoArgs, output: Output) -> Result<(), Failure> {
    let folder = tempfile::Builder::new().prefix("configbus-demo-").tempdir().context("no temporary folder")?;
    process::run("demo", LogFormat::Text, "error", async |tasks| tour(folder.path(), tasks, output).await)
}

async fn tour(folder: &Path, tasks: &Tasks, output: Output) -> Result<(), Failure> {
    let mut stage = Stage::new(output);
    stage.open();
    let started = Instant::now();
    let Some(bus) = LocalBus::start(&plan(folder), tasks).await? else { return Ok(()) };
    stage.bus_is_up(bus.endpoints(), started.elapsed());
    let scenes = play(folder, bus.endpoints(), stage);
    let stop = tasks.shutdown_token();
    let outcome = tokio::select! {
        () = stop.cancelled() => Err(Failure::new(ErrorKind::Internal, "the tour was interrupted")),
        outcome = scenes => outcome,
    };
    tasks.shutdown();
    outcome
}

/// The tour is a program as users write them, one thing after the other, so it runs on a thread of its own.
async fn play(folder: &Path, endpoints: &Endpoints, stage: Stage) -> Result<(), Failure> {
    let (folder, endpoints) = (folder.to_owned(), endpoints.clone());
    let runtime = tokio::runtime::Handle::current();
    let played = tokio::task::spawn_blocking(move || -> anyhow::Result<()> {
        let mut scenes = Scenes::open(&folder, &endpoints, runtime, stage)?;
        scenes.push()?;
        scenes.live_callback()?;
        scenes.bad_push()?;
        scenes.compare_and_set()?;
        scenes.race()?;
        scenes.timings()
    });
    Ok(played.await.context("the tour broke off")??)
}

fn plan(folder: &Path) -> Plan {
    let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    Plan {
        data: folder.join("bus"),
        listen: free,
        store_listen: free,
        agent_listen: free,
        agents: 1,
        zookeeper: None,
        layout: Layout::Plain,
    }
}

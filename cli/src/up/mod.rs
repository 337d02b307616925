//! `configbus up`: server, store and agents in one process, on loopback.

mod endpoints;
mod local_bus;

pub(crate) use endpoints::Endpoints;
pub(crate) use local_bus::{LocalBus, Plan};

use crate::{
    args::UpArgs,
    output::Output,
    process::{self, LogFormat},
    report::Failure,
};
use configbus_model::ErrorKind;
use std::net::SocketAddr;

/// Where clients look when they are told nothing.
const USUAL_SERVER: &str = "http://127.0.0.1:7420";

/// That a server has no authentication needs no warning here: `up` is meant to be open, on loopback.
const LOG_FILTER: &str = "warn,configbus_server::server=error";

pub(crate) fn run(args: UpArgs, output: Output) -> Result<(), Failure> {
    for (flag, address) in
        [("--listen", args.listen), ("--store-listen", args.store_listen), ("--agent-listen", args.agent_listen)]
    {
        check_loopback(flag, address)?;
    }
    let plan = Plan {
        data: std::path::absolute(&args.data)?,
        listen: args.listen,
        store_listen: args.store_listen,
        agent_listen: args.agent_listen,
        agents: args.agents,
        zookeeper: args.zookeeper,
        layout: args.layout,
    };
    process::run("up", LogFormat::Text, LOG_FILTER, async |tasks| {
        let file = Endpoints::file(&plan.data);
        let Some(bus) = LocalBus::start(&plan, tasks).await? else { return Ok(()) };
        bus.endpoints().write(&file)?;
        show(bus.endpoints(), output)?;
        tasks.shutdown_token().cancelled().await;
        // Addresses of a bus that is gone mislead; a file that is gone already is fine.
        let _ = std::fs::remove_file(&file);
        Ok(())
    })
}

fn check_loopback(flag: &str, address: SocketAddr) -> Result<(), Failure> {
    if address.ip().is_loopback() {
        return Ok(());
    }
    let message = format!("{flag} {address} is not a loopback address, and `up` has no authentication");
    Err(Failure::new(ErrorKind::Invalid, message)
        .with_hint("run `configbus server`, `store` and `agent` for a network"))
}

fn show(endpoints: &Endpoints, output: Output) -> Result<(), Failure> {
    let paint = output.paint();
    if output.is_json() {
        println!("{}", serde_json::to_string(endpoints).map_err(std::io::Error::from)?);
        return Ok(());
    }
    let server =
        if endpoints.server == USUAL_SERVER { String::new() } else { format!(" --server {}", endpoints.server) };
    let current = endpoints.agents[0].root.join("current");
    println!("{}\n", paint.bold("configbus is up"));
    println!("  {}  {}", paint.dim("server "), endpoints.server);
    println!("  {}  {}", paint.dim("git    "), endpoints.git);
    println!("  {}  {}", paint.dim("store  "), endpoints.store);
    for (number, agent) in endpoints.agents.iter().enumerate() {
        let name = paint.dim(&format!("{:<7}", format!("host-{}", number + 1)));
        println!("  {name}  {}   {}", agent.root.join("current").display(), paint.dim(&agent.listen));
    }
    println!("\nTry in another terminal:\n");
    println!("  git clone {} config", endpoints.git);
    println!("  echo '{{\"max\": 1}}' | configbus put ads/limits.json{server}");
    println!("  cat {}/ads/limits.json", current.display());
    println!("  configbus status{server}");
    println!("\n{}", paint.dim("Ctrl-C stops it; the same command finds everything again."));
    Ok(())
}

//! `configbus agent`.

use super::settings::{Overrides, read, show};
use crate::{args::AgentArgs, output::Output, process, report::Failure};
use configbus_agent::{Agent, Settings};

pub(crate) fn agent(args: AgentArgs, output: Output) -> Result<(), Failure> {
    let stores = (!args.stores.is_empty()).then(|| args.stores.join(","));
    let flags = Overrides::default()
        .with_path("root", args.root)
        .with("stores", stores)
        .with("server", args.server)
        .with_path("token_file", args.token_file)
        .with("host", args.host)
        .with("listen", args.listen)
        .with("layout", args.layout);
    let settings: Settings = read(&args.role, flags)?;
    settings.check().map_err(|error| Failure::of(error.kind(), &error))?;
    if args.role.check {
        return show(&settings, output);
    }
    process::run("agent", args.role.log_format.into(), "info", async |tasks| {
        let agent = Agent::build(settings).await.map_err(|error| Failure::of(error.kind(), &error))?;
        agent.run(tasks);
        Ok(())
    })
}

//! `configbus server`.

use super::settings::{Overrides, read_checked, show};
use crate::{args::ServerArgs, output::Output, process, report::Failure};
use configbus_server::{Server, Settings};

pub(crate) fn server(args: ServerArgs, output: Output) -> Result<(), Failure> {
    let flags = Overrides::default()
        .with_path("data", args.data)
        .with("listen", args.listen)
        .with("auth", args.auth)
        .with("zookeeper.connect", args.zookeeper);
    let settings = read_checked(&args.role, flags, Settings::check, |error| (error.kind(), error.key()))?;
    if args.role.check {
        return show(&settings, output);
    }
    process::run("server", args.role.log_format.into(), "info", async |tasks| {
        let server = Server::build(settings).await.map_err(|error| Failure::of(error.kind(), &error))?;
        server.run(tasks);
        Ok(())
    })
}

//! `configbus store`.

use super::settings::{Overrides, read, show};
use crate::{args::StoreArgs, output::Output, process, report::Failure};
use configbus_configstore::{Settings, Store};

pub(crate) fn store(args: StoreArgs, output: Output) -> Result<(), Failure> {
    let flags = Overrides::default()
        .with("id", args.id)
        .with_path("data", args.data)
        .with("listen", args.listen)
        .with("server", args.server)
        .with_path("token_file", args.token_file)
        .with("auth", args.auth)
        .with("zookeeper.connect", args.zookeeper);
    let settings: Settings = read(&args.role, flags)?;
    settings.check().map_err(|error| Failure::of(error.kind(), &error))?;
    if args.role.check {
        return show(&settings, output);
    }
    process::run("store", args.role.log_format.into(), "info", async |tasks| {
        let store = Store::build(settings).await.map_err(|error| Failure::of(error.kind(), &error))?;
        store.run(tasks);
        Ok(())
    })
}

//! `configbus rm`: deletes a file.

use super::put::submit;
use crate::{args::RmArgs, output::Output, report::Failure};
use configbus_api::{ChangeSet, Edit, Expected};

pub(crate) async fn run(args: RmArgs, output: Output) -> Result<(), Failure> {
    let expected = args.if_match.map_or(Expected::Any, Expected::Id);
    let message = args.message.unwrap_or_else(|| format!("rm {}", args.path));
    let change = ChangeSet::new(message).with(Edit::delete(args.path, expected));
    submit(&args.address, change, args.dry_run, output).await
}

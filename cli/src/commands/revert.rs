//! `configbus revert`: undoes a landing, or makes paths what they were.

use super::client;
use crate::{
    args::RevertArgs,
    output::{Output, Render},
    paint::Paint,
    report::Failure,
    shapes::ChangeShape,
    time::now_ms,
};
use configbus_api::{At, ErrorKind, RevertQuery, Reverted};
use serde::Serialize;
use std::io::{self, Write};

#[derive(Debug, Serialize)]
struct Undone {
    /// `landed`, `unchanged` or `would_land`.
    outcome: &'static str,
    revision: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    restored: Option<u64>,
    changes: Vec<ChangeShape>,
}

impl Undone {
    fn of(reverted: &Reverted, dry_run: bool) -> Self {
        let outcome = match (reverted.committed, dry_run && !reverted.changes.is_empty()) {
            (_, true) => "would_land",
            (true, false) => "landed",
            (false, false) => "unchanged",
        };
        Self {
            outcome,
            revision: reverted.resulting_revision.0,
            restored: reverted.restored.as_ref().map(|head| head.head.revision.0),
            changes: reverted.changes.iter().map(ChangeShape::from).collect(),
        }
    }
}

impl Render for Undone {
    fn text(&self, to: &mut dyn Write, paint: Paint) -> io::Result<()> {
        let revision = paint.bold(&format!("r{}", self.revision));
        match self.outcome {
            "landed" => writeln!(to, "{} undone in {revision}", paint.green("landed:"))?,
            "would_land" => writeln!(to, "{} would be undone in {revision}", paint.green("accepted:"))?,
            _ => writeln!(to, "{} everything is so already, in {revision}", paint.dim("unchanged:"))?,
        }
        self.changes.iter().try_for_each(|change| writeln!(to, "{} {}", change.letter(), change.path))
    }
}

pub(crate) async fn run(args: RevertArgs, output: Output) -> Result<(), Failure> {
    let query = RevertQuery { message: args.message.clone().unwrap_or_default(), ..query(&args)? };
    let client = client(&args.address)?;
    let reverted = if args.dry_run { client.plan_revert(&query).await? } else { client.revert(&query).await? };
    output.show(&Undone::of(&reverted, args.dry_run))
}

/// Without --to the first argument is the landing.
fn query(args: &RevertArgs) -> Result<RevertQuery, Failure> {
    if let Some(to) = &args.to {
        return Ok(RevertQuery::since(to.clone(), args.what.iter().cloned()));
    }
    let (landing, paths) = args.what.split_first().expect("the command line needs one at least");
    let landing = At::parse(landing, now_ms()).map_err(|error| {
        let failure = Failure::of(ErrorKind::Invalid, &error);
        failure
            .with_hint("`configbus revert LANDING` undoes a landing, `configbus revert --to POINT PATH` restores paths")
    })?;
    Ok(RevertQuery { paths: paths.to_vec(), ..RevertQuery::landing(landing) })
}

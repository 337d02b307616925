//! `configbus wait`: until a revision is live on the hosts.

use super::{
    client,
    hosts::{HostShape, write_hosts},
};
use crate::{
    args::WaitArgs,
    output::{Output, Render},
    paint::Paint,
    progress::Progress,
    report::Failure,
};
use configbus_api::{ErrorKind, Namespace, WaitOutcome, WaitQuery};
use serde::Serialize;
use std::{
    collections::BTreeMap,
    io::{self, Write},
    time::{Duration, Instant},
};

/// How often the bar moves: each call to the server waits as long.
const STEP: Duration = Duration::from_secs(1);

#[derive(Debug, Serialize)]
struct Waited {
    namespace: Namespace,
    revision: u64,
    reached: bool,
    hosts_applied: u64,
    hosts_total: u64,
    waited_ms: u64,
    behind: Vec<HostShape>,
}

impl Render for Waited {
    fn text(&self, to: &mut dyn Write, paint: Paint) -> io::Result<()> {
        let Self { namespace, revision, hosts_applied, hosts_total, waited_ms, .. } = self;
        let whose = if *namespace == Namespace::main() { String::new() } else { format!("{namespace} ") };
        let live = format!("{whose}r{revision} is live on {hosts_applied} of {hosts_total} hosts");
        if self.reached {
            return writeln!(to, "{} {}", paint.green(&live), paint.dim(&format!("({waited_ms} ms)")));
        }
        writeln!(to, "{}", paint.yellow(&live))?;
        write_hosts(&self.behind, to, paint)
    }
}

pub(crate) async fn run(args: WaitArgs, output: Output) -> Result<(), Failure> {
    let client = client(&args.address)?;
    let started = Instant::now();
    let mut progress = Progress::counting("hosts", 0);
    let outcome = loop {
        let left = args.timeout.saturating_sub(started.elapsed());
        let query =
            WaitQuery { percent: args.percent, timeout: left.min(STEP), ..WaitQuery::for_revision(args.revision) };
        let query = WaitQuery { namespace: args.namespace.clone(), ..query };
        let outcome = client.wait(&query).await?;
        if outcome.reached || left <= STEP {
            break outcome;
        }
        progress.at(outcome.hosts_applied, outcome.hosts_total);
    };
    progress.finish();
    let heads = if outcome.reached { BTreeMap::new() } else { client.hosts_behind().await?.heads };
    let waited = describe(&args, outcome, started.elapsed(), &heads);
    output.show(&waited)?;
    if waited.reached { Ok(()) } else { Err(too_late(&args)) }
}

fn describe(
    args: &WaitArgs,
    outcome: WaitOutcome,
    waited: Duration,
    heads: &BTreeMap<Namespace, configbus_api::Head>,
) -> Waited {
    let WaitOutcome { reached, hosts_applied, hosts_total, behind } = outcome;
    let waited_ms = u64::try_from(waited.as_millis()).unwrap_or(u64::MAX);
    let behind = behind.into_iter().map(|host| HostShape::of(host, heads, Some(&args.namespace))).collect();
    let (namespace, revision) = (args.namespace.clone(), args.revision.0);
    Waited { namespace, revision, reached, hosts_applied, hosts_total, waited_ms, behind }
}

fn too_late(args: &WaitArgs) -> Failure {
    let message =
        format!("{} was not live on {} % of the hosts within {:?}", args.revision, args.percent, args.timeout);
    Failure::new(ErrorKind::Unavailable, message)
}

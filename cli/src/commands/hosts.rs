//! `configbus hosts`: every host with what it holds and why it does not hold more.

use super::client;
use crate::{
    args::HostsArgs,
    output::{Output, Render},
    paint::Paint,
    report::Failure,
    table::Table,
    time::age,
};
use configbus_api::{Head, HostStatus, Hosts, Namespace};
use serde::Serialize;
use std::{
    collections::BTreeMap,
    io::{self, Write},
};

#[derive(Debug, Serialize)]
struct Shown {
    heads: BTreeMap<Namespace, Head>,
    hosts: Vec<HostShape>,
}

/// One host.
#[derive(Debug, Serialize)]
pub(crate) struct HostShape {
    host: String,
    /// `current`, `behind`, `refused` or `gone`.
    state: &'static str,
    /// Revisions behind the server's head of `main`.
    lag: u64,
    applied: BTreeMap<Namespace, Head>,
    applied_ms: u64,
    store: String,
    connected: bool,
    labels: BTreeMap<String, String>,
    refusals: Vec<RefusalShape>,
    version: String,
    incarnation: String,
}

#[derive(Debug, Serialize)]
struct RefusalShape {
    revision: u64,
    reason: String,
    time_ms: u64,
}

impl HostShape {
    /// Describes a host beside the server's heads.
    pub(crate) fn of(host: HostStatus, heads: &BTreeMap<Namespace, Head>) -> Self {
        let position =
            |heads: &BTreeMap<_, Head>| heads.get(&Namespace::main()).map(Head::position).unwrap_or_default();
        let (head, applied) = (position(heads), position(&host.applied));
        let refused_head = host.refusals.iter().any(|refusal| refusal.head.head.position() == head);
        let state = match () {
            () if !host.connected => "gone",
            () if applied >= head => "current",
            () if refused_head => "refused",
            () => "behind",
        };
        let refusal = |refusal: configbus_api::HostRefusal| RefusalShape {
            revision: refusal.head.head.revision.0,
            reason: refusal.reason,
            time_ms: refusal.time_ms,
        };
        Self {
            host: host.host,
            state,
            lag: head.revision.0.saturating_sub(applied.revision.0),
            applied: host.applied,
            applied_ms: host.applied_ms,
            store: host.store,
            connected: host.connected,
            labels: host.labels,
            refusals: host.refusals.into_iter().map(refusal).collect(),
            version: host.version,
            incarnation: host.incarnation,
        }
    }

    fn state(&self, paint: Paint) -> String {
        match self.state {
            "current" => paint.green(self.state),
            "refused" => paint.red(self.state),
            _ => paint.yellow(self.state),
        }
    }

    fn applied(&self) -> String {
        self.applied.get(&Namespace::main()).map_or_else(|| "-".into(), |head| head.position().to_string())
    }
}

/// Writes hosts as a table, with the reasons of those that refused below it.
pub(crate) fn write_hosts(hosts: &[HostShape], to: &mut dyn Write, paint: Paint) -> io::Result<()> {
    let mut table = Table::new(["host", ">revision", ">lag", ">applied", "store", "state"]);
    for host in hosts {
        let since = if host.applied_ms == 0 { "-".into() } else { format!("{} ago", age(host.applied_ms)) };
        let (lag, store) = (host.lag.to_string(), host.store.clone());
        // The state is the last column, because escape sequences have a width that nobody sees.
        table.row([host.host.clone(), host.applied(), lag, since, store, host.state(paint)]);
    }
    table.write(to, paint)?;
    for host in hosts {
        for refusal in &host.refusals {
            writeln!(to, "{} refused r{}: {}", paint.red(&host.host), refusal.revision, refusal.reason)?;
        }
    }
    Ok(())
}

impl Render for Shown {
    fn text(&self, to: &mut dyn Write, paint: Paint) -> io::Result<()> {
        if self.hosts.is_empty() { writeln!(to, "no hosts") } else { write_hosts(&self.hosts, to, paint) }
    }
}

pub(crate) async fn run(args: HostsArgs, output: Output) -> Result<(), Failure> {
    let client = client(&args.address)?;
    let Hosts { hosts, heads } = if args.behind { client.hosts_behind().await? } else { client.hosts().await? };
    let hosts = hosts.into_iter().map(|host| HostShape::of(host, &heads)).collect();
    output.show(&Shown { heads, hosts })
}

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
    /// `current`, `behind`, `refused` or `gone`: that of the namespace that is furthest from `current`.
    state: &'static str,
    /// Revisions behind the server's head of `main`, or of the namespace that was asked for.
    lag: u64,
    /// The same for each namespace that belongs to what its readers see.
    namespaces: BTreeMap<Namespace, NamespaceShape>,
    applied: BTreeMap<Namespace, Head>,
    applied_ms: u64,
    store: String,
    connected: bool,
    labels: BTreeMap<String, String>,
    refusals: Vec<RefusalShape>,
    version: String,
    incarnation: String,
}

/// One namespace on a host.
#[derive(Debug, Serialize)]
struct NamespaceShape {
    state: &'static str,
    lag: u64,
    #[serde(skip)]
    applied: String,
}

impl NamespaceShape {
    fn of(host: &HostStatus, namespace: &Namespace, heads: &BTreeMap<Namespace, Head>) -> Self {
        let position = |heads: &BTreeMap<_, Head>| heads.get(namespace).map(Head::position).unwrap_or_default();
        let (head, applied) = (position(heads), position(&host.applied));
        let is_about_head = |refusal: &configbus_api::HostRefusal| {
            refusal.head.namespace == *namespace && refusal.head.head.position() == head
        };
        let state = match () {
            () if !host.connected => "gone",
            () if applied >= head => "current",
            () if host.refusals.iter().any(is_about_head) => "refused",
            () => "behind",
        };
        let shown = host.applied.get(namespace).map_or_else(|| "-".into(), |head| head.position().to_string());
        Self { state, lag: head.revision.0.saturating_sub(applied.revision.0), applied: shown }
    }
}

#[derive(Debug, Serialize)]
struct RefusalShape {
    namespace: Namespace,
    revision: u64,
    reason: String,
    time_ms: u64,
}

impl HostShape {
    /// Describes a host beside the server's heads: all of it, or one namespace.
    pub(crate) fn of(host: HostStatus, heads: &BTreeMap<Namespace, Head>, only: Option<&Namespace>) -> Self {
        let carried = std::iter::once(Namespace::main()).chain(host.namespaces.iter().cloned());
        let carried: Vec<_> = only.cloned().map_or_else(|| carried.collect(), |only| vec![only]);
        let of = |namespace: &Namespace| (namespace.clone(), NamespaceShape::of(&host, namespace, heads));
        let namespaces: BTreeMap<_, _> = carried.iter().map(of).collect();
        let states = || namespaces.values().map(|shape| shape.state);
        let worst = ["gone", "refused", "behind"].into_iter().find(|state| states().any(|other| other == *state));
        let first = &namespaces[&carried[0]];
        let (state, lag) = (worst.unwrap_or("current"), first.lag);
        let refusal = |refusal: configbus_api::HostRefusal| RefusalShape {
            namespace: refusal.head.namespace,
            revision: refusal.head.head.revision.0,
            reason: refusal.reason,
            time_ms: refusal.time_ms,
        };
        Self {
            host: host.host,
            state,
            lag,
            namespaces,
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
}

impl NamespaceShape {
    fn state(&self, paint: Paint) -> String {
        match self.state {
            "current" => paint.green(self.state),
            "refused" => paint.red(self.state),
            _ => paint.yellow(self.state),
        }
    }
}

/// Writes hosts as a table, a line for each namespace, with the reasons of those that refused below it.
pub(crate) fn write_hosts(hosts: &[HostShape], to: &mut dyn Write, paint: Paint) -> io::Result<()> {
    let has_others = hosts.iter().any(|host| host.namespaces.keys().any(|name| *name != Namespace::main()));
    let mut table = if has_others {
        Table::new(["host", "namespace", ">revision", ">lag", ">applied", "store", "state"])
    } else {
        Table::new(["host", ">revision", ">lag", ">applied", "store", "state"])
    };
    for host in hosts {
        let since = if host.applied_ms == 0 { "-".into() } else { format!("{} ago", age(host.applied_ms)) };
        for (namespace, shape) in &host.namespaces {
            // The state is the last column, because escape sequences have a width that nobody sees.
            let (name, applied, lag) = (host.host.clone(), shape.applied.clone(), shape.lag.to_string());
            let (since, store, state) = (since.clone(), host.store.clone(), shape.state(paint));
            if has_others {
                table.row([name, namespace.to_string(), applied, lag, since, store, state]);
            } else {
                table.row([name, applied, lag, since, store, state]);
            }
        }
    }
    table.write(to, paint)?;
    for host in hosts {
        for RefusalShape { namespace, revision, reason, .. } in &host.refusals {
            let whose = if *namespace == Namespace::main() { String::new() } else { format!("{namespace} ") };
            writeln!(to, "{} refused {whose}r{revision}: {reason}", paint.red(&host.host))?;
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
    let only = args.namespace.as_ref();
    let carries =
        |host: &HostStatus| only.is_none_or(|only| *only == Namespace::main() || host.namespaces.contains(only));
    let hosts = hosts.into_iter().filter(carries).map(|host| HostShape::of(host, &heads, only));
    let hosts = hosts.filter(|host| !args.behind || host.state != "current").collect();
    output.show(&Shown { heads, hosts })
}

//! `/v1/fleet`: what is live where, for people and scripts.

use super::is_on;
use super::params::Params;
use super::shapes::HeadShape;
use crate::auth::Caller;
use crate::bus::Bus;
use crate::failure::Failure;
use crate::fleet::{Host, Sight};
use axum::Json;
use axum::extract::State;
use configbus_model::{Head, Member, MemberRole, Namespace};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Hosts in one answer, unless asked otherwise, and at most.
const HOSTS_DEFAULT: usize = 1_000;
const HOSTS_MAX: usize = 100_000;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FleetQuery {
    /// Only hosts that do not show the head.
    behind: Option<String>,
    #[serde(default)]
    limit: usize,
}

#[derive(Debug, Serialize)]
pub(super) struct FleetShape {
    heads: Vec<HeadShape>,
    stores: Vec<StoreShape>,
    hosts_total: u64,
    hosts_connected: u64,
    hosts_current: u64,
    hosts_refusing: u64,
    hosts: Vec<HostShape>,
    coordination: CoordinationShape,
    version: &'static str,
    started_ms: u64,
}

#[derive(Debug, Serialize)]
struct CoordinationShape {
    kind: &'static str,
    connected: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    unannounced: Vec<HeadShape>,
}

#[derive(Debug, Serialize)]
struct StoreShape {
    id: String,
    incarnation: String,
    url: String,
    subscribers: u32,
    heads: Vec<HeadShape>,
    /// Revisions of `main` behind the server.
    lag: Option<u64>,
}

#[derive(Debug, Serialize)]
struct HostShape {
    host: String,
    store: String,
    connected: bool,
    labels: BTreeMap<String, String>,
    applied: Vec<HeadShape>,
    applied_ms: u64,
    /// Revisions of `main` behind the server; null before the first.
    lag: Option<u64>,
    refusals: Vec<RefusalShape>,
    version: String,
}

#[derive(Debug, Serialize)]
struct RefusalShape {
    head: HeadShape,
    reason: String,
    time_ms: u64,
}

pub(super) async fn show(
    State(bus): State<Arc<Bus>>,
    caller: Caller,
    Params(query): Params<FleetQuery>,
) -> Result<Json<FleetShape>, Failure> {
    let behind = is_on("behind", query.behind.as_deref())?;
    let limit = if query.limit == 0 { HOSTS_DEFAULT } else { query.limit.min(HOSTS_MAX) };
    Ok(Json(describe(&bus, &bus.sight(&caller), behind, limit)))
}

fn describe(bus: &Bus, sight: &Sight<'_>, behind: bool, limit: usize) -> FleetShape {
    let heads = sight.heads(bus.heads());
    let tally = sight.tally(&bus.fleet, &heads);
    let main = heads.get(&Namespace::main());
    let members = bus.registry.members();
    let stores = members
        .borrow()
        .iter()
        .filter(|member| member.role == MemberRole::Store)
        .map(|member| store(&sight.member(member), main))
        .collect();
    let mut hosts = sight.hosts(&bus.fleet, behind.then_some(&heads));
    hosts.truncate(limit);
    FleetShape {
        stores,
        hosts_total: tally.total,
        hosts_connected: tally.connected,
        hosts_current: tally.current,
        hosts_refusing: tally.refusing,
        hosts: hosts.iter().map(|known| host(known, main)).collect(),
        coordination: coordination(bus, sight),
        version: env!("CARGO_PKG_VERSION"),
        started_ms: bus.started_ms,
        heads: head_shapes(&heads),
    }
}

fn coordination(bus: &Bus, sight: &Sight<'_>) -> CoordinationShape {
    let connection = bus.registry.connection().borrow().clone();
    let unannounced = bus.announcer.unannounced();
    let unannounced = unannounced.borrow();
    let unannounced = unannounced.iter().filter(|(namespace, _)| sight.sees(namespace));
    CoordinationShape {
        kind: bus.registry.kind(),
        connected: connection.is_connected(),
        reason: connection.reason().map(str::to_owned),
        unannounced: unannounced.map(|(name, entry)| HeadShape::new(name, &entry.head)).collect(),
    }
}

fn head_shapes(heads: &BTreeMap<Namespace, Head>) -> Vec<HeadShape> {
    heads.iter().map(|(namespace, head)| HeadShape::new(namespace, head)).collect()
}

fn lag(main: Option<&Head>, held: &BTreeMap<Namespace, Head>) -> Option<u64> {
    let held = held.get(&Namespace::main())?;
    Some(main?.revision.0.saturating_sub(held.revision.0))
}

fn store(member: &Member, main: Option<&Head>) -> StoreShape {
    StoreShape {
        id: member.id.clone(),
        incarnation: member.incarnation.clone(),
        url: member.url.clone(),
        subscribers: member.subscribers,
        heads: head_shapes(&member.heads),
        lag: lag(main, &member.heads),
    }
}

fn host(host: &Host, main: Option<&Head>) -> HostShape {
    let refusal = |refusal: &crate::fleet::Refusal| RefusalShape {
        head: HeadShape::new(&refusal.namespace, &refusal.head),
        reason: refusal.reason.clone(),
        time_ms: refusal.time_ms,
    };
    HostShape {
        host: host.name.clone(),
        store: host.store.clone(),
        connected: host.connected,
        labels: host.labels.clone(),
        applied: head_shapes(&host.applied),
        applied_ms: host.applied_ms,
        lag: lag(main, &host.applied),
        refusals: host.refusals.iter().map(refusal).collect(),
        version: host.version.clone(),
    }
}

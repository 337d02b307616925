//! Service `Fleet`.

use crate::auth::Caller;
use crate::bus::Bus;
use crate::failure::Failure;
use crate::fleet::{Host, Progress, Refusal, Sight, propagation};
use crate::ops::storage;
use configbus_gitstore::Storage;
use configbus_model::{Namespace, Revision};
use configbus_proto::convert::{
    WireError, head_from_wire, head_to_wire, heads_from_wire, heads_to_wire, member_to_wire, namespace_from_wire,
    tree_from_wire,
};
use configbus_proto::v1;
use configbus_proto::v1::fleet_server::Fleet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};
use tonic::{Request, Response, Status, Streaming};

/// Longest wait of one call; a client that wants more calls again.
const WAIT_MAX: Duration = Duration::from_secs(600);

/// Wait of a call that names none.
const WAIT_DEFAULT: Duration = Duration::from_secs(30);

/// Stores that report at a time, and callers that wait at a time. Counting for a waiter looks at every host.
const REPORTS_MAX: usize = 1_024;
const WAITS_MAX: usize = 1_024;

/// Hosts in one answer: about as many as the longest message holds.
const HOSTS_MAX: usize = 30_000;

/// When a caller that was one too many may come back.
const RETRY_AFTER: Duration = Duration::from_secs(2);

pub(super) struct FleetService {
    bus: Arc<Bus>,
    reports: Semaphore,
    waits: Semaphore,
}

impl FleetService {
    pub(super) fn new(bus: Arc<Bus>) -> Self {
        Self { bus, reports: Semaphore::new(REPORTS_MAX), waits: Semaphore::new(WAITS_MAX) }
    }
}

fn place<'a>(places: &'a Semaphore, what: &str) -> Result<SemaphorePermit<'a>, Failure> {
    places.try_acquire().map_err(|_| Failure::exhausted(format!("too many {what} at once"), RETRY_AFTER))
}

#[tonic::async_trait]
impl Fleet for FleetService {
    async fn status(&self, request: Request<v1::StatusRequest>) -> Result<Response<v1::StatusResponse>, Status> {
        let caller = Caller::of(request.extensions())?;
        let mut answer = status(&self.bus, &self.bus.sight(&caller));
        if request.into_inner().storage {
            answer.storage = storage::measure(&self.bus, &caller).await?.iter().map(storage_to_wire).collect();
        }
        Ok(Response::new(answer))
    }

    async fn wait(&self, request: Request<v1::WaitRequest>) -> Result<Response<v1::WaitResponse>, Status> {
        let caller = Caller::of(request.extensions())?;
        let request = request.into_inner();
        let namespace = namespace_from_wire(&request.namespace)?;
        let live = self.bus.namespace(&caller, &namespace)?;
        let revision = match request.revision {
            0 => live.head()?.revision,
            number => Revision(number),
        };
        let percent = checked_percent(request.percent)?;
        let patience = match request.timeout_ms {
            0 => WAIT_DEFAULT,
            given => Duration::from_millis(given).min(WAIT_MAX),
        };
        let _place = place(&self.waits, "callers that wait")?;
        let waiting = self.bus.fleet.wait(&namespace, revision, percent, patience);
        let (reached, progress) = tokio::select! {
            done = waiting => done,
            () = self.bus.stopping.cancelled() => return Err(Failure::stopping().into()),
        };
        Ok(Response::new(progress_to_wire(reached, &self.bus.sight(&caller).progress(progress))))
    }

    async fn hosts(&self, request: Request<v1::HostsRequest>) -> Result<Response<v1::HostsResponse>, Status> {
        let caller = Caller::of(request.extensions())?;
        let sight = self.bus.sight(&caller);
        let heads = sight.heads(self.bus.heads());
        let behind = request.into_inner().behind_only.then_some(&heads);
        let hosts = sight.hosts(&self.bus.fleet, behind);
        if hosts.len() > HOSTS_MAX {
            let text = format!("{} hosts do not fit one answer: ask for those behind, or GET /v1/fleet", hosts.len());
            return Err(Failure::invalid(text).into());
        }
        let hosts = hosts.iter().map(host_to_wire).collect();
        Ok(Response::new(v1::HostsResponse { hosts, heads: heads_to_wire(&heads) }))
    }

    async fn report(
        &self,
        request: Request<Streaming<v1::ReportRequest>>,
    ) -> Result<Response<v1::ReportResponse>, Status> {
        let _place = place(&self.reports, "reports")?;
        let mut messages = request.into_inner();
        let mut session = self.bus.fleet.open_report();
        loop {
            let message = tokio::select! {
                () = self.bus.stopping.cancelled() => return Err(Failure::stopping().into()),
                message = messages.message() => message?,
            };
            let Some(message) = message else { return Ok(Response::new(v1::ReportResponse {})) };
            let hosts = message.hosts.iter().map(|host| host_from_wire(&message.store, host));
            let hosts = hosts.collect::<Result<Vec<_>, WireError>>()?;
            let applied = session.take(&message.store, hosts, &message.gone, self.bus.clock.now_ms());
            propagation::record(&self.bus, &applied);
        }
    }
}

fn storage_to_wire((namespace, storage): &(Namespace, Storage)) -> v1::NamespaceStorage {
    let ms = |age: Option<Duration>| age.map(|age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX));
    v1::NamespaceStorage {
        namespace: namespace.to_string(),
        packs: storage.packs,
        pack_bytes: storage.pack_bytes,
        objects: storage.objects,
        loose_objects: storage.loose_objects,
        journal_bytes: storage.journal_bytes,
        quarantines: storage.quarantines,
        oldest_quarantine_age_ms: ms(storage.oldest_quarantine),
        last_packed_age_ms: ms(storage.last_packed),
        last_indexed_age_ms: ms(storage.last_indexed),
        has_bitmaps: storage.has_bitmaps,
        last_graph_age_ms: ms(storage.last_graph),
        last_expiry_age_ms: ms(storage.last_expiry),
    }
}

/// Describes the bus as a whole, as far as somebody sees it.
fn status(bus: &Bus, sight: &Sight<'_>) -> v1::StatusResponse {
    let heads = sight.heads(bus.heads());
    let tally = sight.tally(&bus.fleet, &heads);
    let stores = bus
        .registry
        .members()
        .borrow()
        .iter()
        .filter(|member| member.role == configbus_model::MemberRole::Store)
        .map(|member| member_to_wire(&sight.member(member)))
        .collect();
    let unannounced = bus.announcer.unannounced();
    let unannounced = unannounced.borrow();
    let unannounced = unannounced.iter().filter(|(namespace, _)| sight.sees(namespace));
    let unannounced = unannounced.map(|(namespace, entry)| head_to_wire(namespace, &entry.head)).collect();
    v1::StatusResponse {
        heads: heads_to_wire(&heads),
        stores,
        hosts_total: tally.total,
        hosts_connected: tally.connected,
        hosts_current: tally.current,
        hosts_refusing: tally.refusing,
        coordination: bus.registry.kind().to_owned(),
        coordination_connected: bus.registry.connection().borrow().is_connected(),
        unannounced,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started_ms: bus.started_ms,
        storage: Vec::new(),
    }
}

fn checked_percent(percent: f64) -> Result<f64, Failure> {
    match percent {
        0.0 => Ok(100.0),
        percent if percent > 0.0 && percent <= 100.0 => Ok(percent),
        percent => Err(Failure::invalid(format!("percent is {percent}, expected more than 0 and at most 100"))),
    }
}

fn progress_to_wire(reached: bool, progress: &Progress) -> v1::WaitResponse {
    v1::WaitResponse {
        reached,
        hosts_applied: progress.applied,
        hosts_total: progress.total,
        behind: progress.behind.iter().map(host_to_wire).collect(),
    }
}

fn host_from_wire(store: &str, host: &v1::HostStatus) -> Result<Host, WireError> {
    if host.host.is_empty() {
        return Err(WireError::new("host", "it is missing"));
    }
    Ok(Host {
        name: host.host.clone(),
        incarnation: host.incarnation.clone(),
        labels: host.labels.clone().into_iter().collect(),
        store: if host.store.is_empty() { store.to_owned() } else { host.store.clone() },
        applied: heads_from_wire(&host.applied)?,
        effective_tree: tree_from_wire(&host.effective_tree)?,
        applied_ms: 0,
        refusals: host.refusals.iter().map(refusal_from_wire).collect::<Result<_, _>>()?,
        connected: host.connected,
        version: host.version.clone(),
        carried: host.namespaces.iter().map(|name| namespace_from_wire(name)).collect::<Result<_, _>>()?,
    })
}

fn refusal_from_wire(refusal: &v1::Refusal) -> Result<Refusal, WireError> {
    let head = refusal.head.as_ref().ok_or_else(|| WireError::new("refusal.head", "it is missing"))?;
    let (namespace, head) = head_from_wire(head)?;
    Ok(Refusal { namespace, head, reason: refusal.reason.clone(), time_ms: refusal.time_ms })
}

/// Wraps a host.
fn host_to_wire(host: &Host) -> v1::HostStatus {
    let refusal = |refusal: &Refusal| v1::Refusal {
        head: Some(head_to_wire(&refusal.namespace, &refusal.head)),
        reason: refusal.reason.clone(),
        time_ms: refusal.time_ms,
    };
    v1::HostStatus {
        host: host.name.clone(),
        incarnation: host.incarnation.clone(),
        labels: host.labels.clone().into_iter().collect(),
        store: host.store.clone(),
        applied: heads_to_wire(&host.applied),
        effective_tree: host.effective_tree.map(|tree| tree.to_string()).unwrap_or_default(),
        applied_ms: host.applied_ms,
        refusals: host.refusals.iter().map(refusal).collect(),
        connected: host.connected,
        version: host.version.clone(),
        namespaces: host.carried.iter().map(ToString::to_string).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_outside_of_its_range_is_refused() {
        assert_eq!(checked_percent(0.0).unwrap(), 100.0);
        assert_eq!(checked_percent(99.9).unwrap(), 99.9);
        for wrong in [-1.0, 100.1, f64::NAN] {
            assert!(checked_percent(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_host_survives_the_wire() {
        let wire = v1::HostStatus {
            host: "h".into(),
            incarnation: "7f".into(),
            store: "s".into(),
            connected: true,
            ..v1::HostStatus::default()
        };
        let host = host_from_wire("elsewhere", &wire).unwrap();
        assert_eq!(host_to_wire(&host), wire);
        assert!(host_from_wire("s", &v1::HostStatus::default()).is_err());
    }
}

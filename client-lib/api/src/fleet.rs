//! Calls of the `Fleet` service.

use crate::{ApiError, Client, FleetStatus, Hosts, WaitOutcome, WaitQuery, attempt::Attempt, call::Call};
use configbus_proto::v1;
use std::time::Duration;
use tokio::time::Instant;

/// How much longer than a wait its call may take, so that the answer still arrives.
const WAIT_SLACK: Duration = Duration::from_secs(5);

impl Client {
    /// Returns heads, stores, and how many hosts run which revision.
    pub async fn status(&self) -> Result<FleetStatus, ApiError> {
        self.ask_for_status(false).await
    }

    /// Returns the same with what namespaces take on the server's disk, which it has to measure.
    pub async fn status_with_storage(&self) -> Result<FleetStatus, ApiError> {
        self.ask_for_status(true).await
    }

    async fn ask_for_status(&self, storage: bool) -> Result<FleetStatus, ApiError> {
        let call = self.calls.read("status");
        let send = |attempt: Attempt| async move {
            let request = attempt.request(v1::StatusRequest { storage });
            attempt.fleet().status(request).await
        };
        FleetStatus::from_wire(self.calls.make(call, send).await?).map_err(ApiError::malformed(call.operation))
    }

    /// Returns every host.
    pub async fn hosts(&self) -> Result<Hosts, ApiError> {
        self.ask_for_hosts(false).await
    }

    /// Returns the hosts that have not applied the head.
    pub async fn hosts_behind(&self) -> Result<Hosts, ApiError> {
        self.ask_for_hosts(true).await
    }

    async fn ask_for_hosts(&self, behind_only: bool) -> Result<Hosts, ApiError> {
        let call = self.calls.read("hosts");
        let send = |attempt: Attempt| async move {
            let request = attempt.request(v1::HostsRequest { behind_only });
            attempt.fleet().hosts(request).await
        };
        Hosts::from_wire(self.calls.make(call, send).await?).map_err(ApiError::malformed(call.operation))
    }

    /// Waits until enough hosts have applied a revision, at most as long as the query says.
    pub async fn wait(&self, query: &WaitQuery) -> Result<WaitOutcome, ApiError> {
        let end = Instant::now() + query.timeout;
        loop {
            let outcome = self.wait_once(query, end).await?;
            // The server ends a long wait early; who wants more asks again.
            if outcome.reached || Instant::now() >= end {
                return Ok(outcome);
            }
        }
    }

    async fn wait_once(&self, query: &WaitQuery, end: Instant) -> Result<WaitOutcome, ApiError> {
        let deadline = end.saturating_duration_since(Instant::now()) + WAIT_SLACK;
        let call = Call { deadline, attempt_deadline: deadline, ..self.calls.read("wait") };
        let send = |attempt: Attempt| {
            let left_ms = end.saturating_duration_since(Instant::now()).as_millis();
            let request = attempt.request(v1::WaitRequest {
                namespace: query.namespace.to_string(),
                revision: query.revision.0,
                percent: query.percent,
                // On the wire 0 stands for the server's default.
                timeout_ms: u64::try_from(left_ms).unwrap_or(u64::MAX).max(1),
            });
            async move { attempt.fleet().wait(request).await }
        };
        WaitOutcome::from_wire(self.calls.make(call, send).await?).map_err(ApiError::malformed(call.operation))
    }
}

//! What an agent counts. Labelled with the host, because several agents may share a process.

use crate::{deliverer::Stock, placement::DeliveryState, status::StatusReport};
use std::{sync::Arc, time::Duration};

/// Metrics of one host.
#[derive(Debug, Clone)]
pub(crate) struct AgentMetrics {
    host: Arc<str>,
}

#[allow(clippy::cast_precision_loss, reason = "gauges are floating point")]
fn gauge(value: u64) -> f64 {
    value as f64
}

impl AgentMetrics {
    pub(crate) fn new(host: &str) -> Self {
        describe();
        Self { host: host.into() }
    }

    fn host(&self) -> Arc<str> {
        Arc::clone(&self.host)
    }

    /// A revision became visible, this long after its last part arrived.
    pub(crate) fn applied(&self, took: Duration) {
        metrics::histogram!("configbus_agent_apply_seconds", "host" => self.host()).record(took.as_secs_f64());
    }

    /// A file or directory for a fixed place got somewhere.
    pub(crate) fn delivered(&self, state: DeliveryState) {
        let outcome = match state {
            DeliveryState::Placed => "placed",
            DeliveryState::Refused => "refused",
            DeliveryState::CommandFailed => "command_failed",
            DeliveryState::Failed => "failed",
            DeliveryState::Absent => "absent",
        };
        metrics::counter!("configbus_agent_deliveries_total", "host" => self.host(), "outcome" => outcome).increment(1);
    }

    /// What is on the disk.
    pub(crate) fn stock(&self, stock: &Stock) {
        let revision = stock.shown.as_ref().map_or(0, |shown| shown.head().revision.0);
        metrics::gauge!("configbus_agent_applied_revision", "host" => self.host()).set(gauge(revision));
        metrics::gauge!("configbus_agent_views", "host" => self.host()).set(gauge(stock.views.len() as u64));
        metrics::gauge!("configbus_agent_blobs", "host" => self.host()).set(gauge(stock.usage.blobs));
        metrics::gauge!("configbus_agent_blob_bytes", "host" => self.host()).set(gauge(stock.usage.blob_bytes));
        let damaged = u64::from(stock.damage.is_some());
        metrics::gauge!("configbus_agent_damaged", "host" => self.host()).set(gauge(damaged));
    }

    /// A question about flags was answered over HTTP.
    pub(crate) fn ofrep_answer(&self, kind: &'static str, status: u16) {
        let labels = [("kind", kind.to_owned()), ("status", status.to_string()), ("host", self.host.to_string())];
        metrics::counter!("configbus_agent_ofrep_answers_total", &labels).increment(1);
    }

    /// What is known of upstream, as of a scrape.
    pub(crate) fn status(&self, status: &StatusReport) {
        metrics::gauge!("configbus_agent_lag_revisions", "host" => self.host()).set(gauge(status.lag));
        let fresh = u64::from(status.freshness.is_fresh());
        metrics::gauge!("configbus_agent_fresh", "host" => self.host()).set(gauge(fresh));
        let connected = u64::from(status.store.connected);
        metrics::gauge!("configbus_agent_connected", "host" => self.host()).set(gauge(connected));
        let refusals = status.refusals.len() as u64;
        metrics::gauge!("configbus_agent_refused_revisions", "host" => self.host()).set(gauge(refusals));
        let refused = status.readers.refusing.len() as u64;
        metrics::gauge!("configbus_agent_refusing_readers", "host" => self.host()).set(gauge(refused));
        metrics::counter!("configbus_agent_divergences_total", "host" => self.host()).absolute(status.divergences);
        metrics::counter!("configbus_agent_reports_total", "host" => self.host()).absolute(status.readers.reports);
    }
}

fn describe() {
    metrics::describe_counter!("configbus_agent_ofrep_answers_total", "Answers to questions about one flag and all");
    metrics::describe_gauge!("configbus_agent_applied_revision", "Revision that readers on the host see");
    metrics::describe_gauge!("configbus_agent_lag_revisions", "Revisions that are known and not visible yet");
    metrics::describe_histogram!("configbus_agent_apply_seconds", "From an update's last part to the flip");
    metrics::describe_gauge!("configbus_agent_fresh", "1 while a store confirms that nothing is newer");
    metrics::describe_gauge!("configbus_agent_connected", "1 while a store is being followed");
    metrics::describe_gauge!("configbus_agent_damaged", "1 while what readers see cannot be relied on");
    metrics::describe_gauge!("configbus_agent_views", "Views on the disk");
    metrics::describe_gauge!("configbus_agent_blobs", "File contents on the disk");
    metrics::describe_gauge!("configbus_agent_blob_bytes", "Bytes of file contents on the disk");
    metrics::describe_gauge!("configbus_agent_refused_revisions", "Revisions that the host did not take");
    metrics::describe_gauge!("configbus_agent_refusing_readers", "Files that readers on the host did not take");
    metrics::describe_counter!("configbus_agent_divergences_total", "Revisions that came with two commits");
    metrics::describe_counter!("configbus_agent_deliveries_total", "What became of files for fixed places");
    metrics::describe_counter!("configbus_agent_reports_total", "Reports from readers");
}

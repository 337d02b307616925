//! Logs and metrics of a process.

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use std::{io::IsTerminal as _, sync::OnceLock};
use tracing_subscriber::{EnvFilter, fmt};

/// Environment variable with the log filter, in the syntax of `tracing_subscriber::EnvFilter`.
pub const LOG_VARIABLE: &str = "CONFIGBUS_LOG";

/// Upper bounds of histograms in seconds: from a local callback to a slow full sync.
const SECONDS: [f64; 14] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0];

static METRICS: OnceLock<Option<PrometheusHandle>> = OnceLock::new();

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Sends logs to standard error, filtered by [`LOG_VARIABLE`] or else by `default_filter`. Does nothing when a
/// subscriber was set before.
pub fn init_tracing(format: LogFormat, default_filter: &str) {
    let filter = EnvFilter::try_from_env(LOG_VARIABLE).unwrap_or_else(|_| EnvFilter::new(default_filter));
    let builder = fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    // Setting it twice happens only when several roles share a process; the first one wins.
    let _already_set = match format {
        LogFormat::Text => builder.with_ansi(colour).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
}

/// Starts collecting metrics. Further calls do nothing.
pub fn init_metrics() {
    METRICS.get_or_init(|| {
        let builder = PrometheusBuilder::new().set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &SECONDS);
        builder.expect("the list of buckets is not empty").install_recorder().ok()
    });
}

/// Returns all metrics in Prometheus' text format; empty before [`init_metrics`].
pub fn render_metrics() -> String {
    let Some(Some(handle)) = METRICS.get() else { return String::new() };
    handle.run_upkeep();
    handle.render()
}

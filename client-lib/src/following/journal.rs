//! What happens to files: counted, logged, and told to the agent.

use crate::{RefusalReason, counters::Counters, following::reporter::Reporter, source::view::Origin};
use configbus_model::{ConfigPath, ReportedState};

#[derive(Debug, Default)]
pub(crate) struct Journal {
    pub(crate) counters: Counters,
    reporter: Option<Reporter>,
}

impl Journal {
    pub(crate) fn new(reporter: Option<Reporter>) -> Self {
        Self { counters: Counters::default(), reporter }
    }

    /// A version is not used.
    pub(crate) fn refused(&self, path: &ConfigPath, origin: &Origin, reason: &RefusalReason) {
        self.counters.refused.increment();
        let (revision, why) = (origin.revision, reason.for_log());
        tracing::warn!(%path, %revision, "kept the last good value of {path}, not that of {revision}: {why}");
        self.report(path, origin, ReportedState::Refused, Some(reason.to_string()));
    }

    /// A version is in use that replaces another one.
    pub(crate) fn applied(&self, path: &ConfigPath, origin: &Origin) {
        self.report(path, origin, ReportedState::Applied, None);
    }

    fn report(&self, path: &ConfigPath, origin: &Origin, state: ReportedState, reason: Option<String>) {
        if let Some(reporter) = &self.reporter {
            reporter.report(path, origin, state, reason, &self.counters.reports_dropped);
        }
    }
}

//! Tells the server what hosts hold.
//!
//! The server is what people ask; this is how it knows. A report that is lost is not repeated by itself: a new stream
//! begins with everything, so nothing has to be remembered about what arrived.

use super::roster::{News, Roster};
use crate::upstream::ServerClient;
use configbus_proto::v1;
use configbus_runtime::Backoff;
use prost::Message as _;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

/// Messages on their way to the server; what changes meanwhile is merged in the roster.
const REPORTS_MAX: usize = 2;

/// Most hosts told of in one message.
const HOSTS_MAX: usize = 1_000;

/// Size at which the list of all hosts is continued in another message.
const REPORT_BYTES: usize = 2 * 1024 * 1024;

/// Keeps the server informed.
pub(crate) struct Reporter {
    pub(crate) store: String,
    pub(crate) client: ServerClient,
    pub(crate) roster: Arc<Roster>,
    pub(crate) backoff: Backoff,
}

impl Reporter {
    /// Reports for ever.
    pub(crate) async fn run(mut self) {
        loop {
            let (reports, outgoing) = mpsc::channel(REPORTS_MAX);
            let call = self.client.report(ReceiverStream::new(outgoing));
            let mut told = 0;
            let end = tokio::select! {
                end = call => end.err().map(|error| configbus_runtime::report::chain(&error)),
                () = self.feed(&reports, &mut told) => None,
            };
            tracing::debug!(reason = end.unwrap_or_default(), "the stream of reports to the server ended");
            if told > 0 {
                self.backoff.reset();
            }
            tokio::time::sleep(self.backoff.next()).await;
        }
    }

    /// Sends everything once, then what changes, until nobody takes it any more.
    async fn feed(&self, reports: &mpsc::Sender<v1::ReportRequest>, told: &mut u64) {
        for report in self.everything() {
            if reports.send(report).await.is_err() {
                return;
            }
        }
        loop {
            let News { hosts, gone } = self.roster.take_news(&self.store, HOSTS_MAX).await;
            let report = v1::ReportRequest { store: self.store.clone(), hosts, gone };
            if reports.send(report).await.is_err() {
                return;
            }
            *told += 1;
        }
    }

    /// Returns all hosts, in more than one message if they do not fit. At least one, even when there is no host.
    fn everything(&self) -> Vec<v1::ReportRequest> {
        let report = || v1::ReportRequest { store: self.store.clone(), ..v1::ReportRequest::default() };
        let mut reports = vec![report()];
        let mut bytes = 0;
        for host in self.roster.take_all(&self.store).hosts {
            bytes += host.encoded_len();
            if bytes > REPORT_BYTES {
                bytes = host.encoded_len();
                reports.push(report());
            }
            reports.last_mut().expect("there is always one").hosts.push(host);
        }
        reports
    }
}

//! What programs on the host report about files: a bounded book of who does not take what.

use configbus_model::{ConfigPath, ReaderReport, ReportedState, Revision};
use configbus_runtime::{CancellationToken, Clock};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, convert::Infallible, sync::Arc};
use tokio::{
    net::UnixDatagram,
    sync::{mpsc, watch},
};

/// Most refusals remembered; the oldest make room.
const REFUSING_MAX: usize = 256;

/// Refusals on their way to the store. A burst beyond that is in the book, and the store only needs to hear of some.
pub(crate) const FORWARDED_MAX: usize = 64;

/// A program that does not take a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusingReader {
    /// Process id.
    pub pid: u32,
    /// Name of its program.
    pub program: String,
    /// The file.
    pub path: ConfigPath,
    /// Revision of the file's view.
    pub revision: Revision,
    /// Why.
    pub reason: String,
    /// When it was reported, by the host's clock.
    pub time_ms: u64,
}

/// What programs on a host report.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ReadersReport {
    /// Reports received.
    pub reports: u64,
    /// Datagrams that were no reports.
    pub malformed: u64,
    /// Who keeps an older value of what.
    pub refusing: Vec<RefusingReader>,
}

/// Who does not take what. Pure.
#[derive(Debug, Default)]
pub(crate) struct ReaderBook {
    reports: u64,
    malformed: u64,
    refusing: BTreeMap<(u32, String, ConfigPath), RefusingReader>,
}

impl ReaderBook {
    /// Takes in a datagram; returns a refusal that is news.
    pub(crate) fn take(&mut self, datagram: &[u8], now_ms: u64) -> Option<String> {
        let Ok(report) = serde_json::from_slice::<ReaderReport>(datagram) else {
            self.malformed += 1;
            return None;
        };
        self.reports += 1;
        let ReaderReport { pid, program, path, revision, state, reason } = report;
        let key = (pid, program.clone(), path.clone());
        if state == ReportedState::Applied {
            self.refusing.remove(&key);
            return None;
        }
        let reason = reason.unwrap_or_else(|| "no reason given".into());
        let news = format!("{program} ({pid}) does not take {path} of {revision}: {reason}");
        let refusing = RefusingReader { pid, program, path, revision, reason, time_ms: now_ms };
        let known = self.refusing.insert(key, refusing.clone());
        self.forget_oldest();
        let same = known.is_some_and(|known| RefusingReader { time_ms: now_ms, ..known } == refusing);
        (!same).then_some(news)
    }

    fn forget_oldest(&mut self) {
        if self.refusing.len() > REFUSING_MAX {
            let oldest = self.refusing.iter().min_by_key(|(_, refusing)| refusing.time_ms).map(|(key, _)| key.clone());
            oldest.map(|key| self.refusing.remove(&key));
        }
    }

    pub(crate) fn report(&self) -> ReadersReport {
        let refusing = self.refusing.values().cloned().collect();
        ReadersReport { reports: self.reports, malformed: self.malformed, refusing }
    }
}

/// Reads datagrams until it is told to stop.
pub(crate) async fn listen(
    socket: UnixDatagram,
    clock: Arc<dyn Clock>,
    forward: mpsc::Sender<String>,
    board: watch::Sender<ReadersReport>,
    stop: CancellationToken,
) -> Result<(), Infallible> {
    let mut book = ReaderBook::default();
    let mut datagram = vec![0; ReaderReport::BYTES_MAX + 1];
    loop {
        let received = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            received = socket.recv(&mut datagram) => received,
        };
        // One that fills the buffer was longer and is cut, so it does not parse.
        let Ok(size) = received else { continue };
        if let Some(news) = book.take(&datagram[..size], clock.now_ms()) {
            tracing::warn!("{news}");
            let _full_is_fine = forward.try_send(news);
        }
        board.send_replace(book.report());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn datagram(pid: u32, path: &str, state: &str, reason: &str) -> Vec<u8> {
        format!(r#"{{"pid":{pid},"program":"app","path":"{path}","revision":7,"state":"{state}","reason":"{reason}"}}"#)
            .into_bytes()
    }

    #[test]
    fn a_refusal_stands_until_the_same_reader_takes_the_file() {
        let mut book = ReaderBook::default();
        let news = book.take(&datagram(1, "a.json", "refused", "no"), 5).unwrap();
        assert_eq!(news, "app (1) does not take a.json of r7: no");
        assert_eq!(book.take(&datagram(1, "a.json", "refused", "no"), 6), None, "it is no news");
        assert!(book.take(&datagram(2, "a.json", "refused", "no"), 7).is_some());
        assert_eq!(book.take(&datagram(1, "a.json", "applied", ""), 8), None);
        let report = book.report();
        assert_eq!((report.reports, report.refusing.len(), report.refusing[0].pid), (4, 1, 2));
    }

    #[test]
    fn garbage_is_counted_and_the_book_stays_bounded() {
        let mut book = ReaderBook::default();
        assert_eq!(book.take(b"{", 0), None);
        assert_eq!(book.take(&datagram(1, "../etc/passwd", "refused", ""), 0), None);
        for pid in 0..1_000 {
            book.take(&datagram(pid, "a.json", "refused", "no"), u64::from(pid));
        }
        let report = book.report();
        assert_eq!((report.malformed, report.refusing.len()), (2, REFUSING_MAX));
        assert!(report.refusing.iter().all(|refusing| refusing.pid >= 700));
    }
}

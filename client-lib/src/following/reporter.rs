//! Tells the agent what this process does with files, if an agent listens.

use crate::{counters::Counter, source::view::Origin};
use configbus_model::{ConfigPath, ReaderReport, ReportedState};
use rustix::fs::{CWD, Mode, OFlags, openat};
use std::{
    io,
    os::{fd::AsRawFd as _, unix::net::UnixDatagram},
    path::{Path, PathBuf},
};

/// Longest path that fits into the address of a Unix socket.
const ADDRESS_BYTES_MAX: usize = 107;

/// Sends one datagram per report and waits for nobody.
#[derive(Debug)]
pub(crate) struct Reporter {
    root: PathBuf,
    program: String,
    socket: Option<UnixDatagram>,
}

impl Reporter {
    pub(crate) fn to_agent_at(root: &Path) -> Self {
        let socket = UnixDatagram::unbound().and_then(|socket| socket.set_nonblocking(true).map(|()| socket));
        Self { root: root.to_owned(), program: program(), socket: socket.ok() }
    }

    pub(crate) fn report(
        &self,
        path: &ConfigPath,
        origin: &Origin,
        state: ReportedState,
        reason: Option<String>,
        dropped: &Counter,
    ) {
        let report = ReaderReport {
            pid: std::process::id(),
            program: self.program.clone(),
            path: path.clone(),
            revision: origin.revision,
            state,
            reason,
        };
        if self.send(&encoded(report)).is_err() {
            dropped.increment();
        }
    }

    fn send(&self, datagram: &[u8]) -> io::Result<()> {
        let socket = self.socket.as_ref().ok_or(io::ErrorKind::NotConnected)?;
        let address = self.root.join("agent.sock");
        if address.as_os_str().len() <= ADDRESS_BYTES_MAX {
            return socket.send_to(datagram, address).map(drop);
        }
        let root = openat(CWD, &self.root, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        socket.send_to(datagram, format!("/proc/self/fd/{}/agent.sock", root.as_raw_fd())).map(drop)
    }
}

fn program() -> String {
    let path = std::env::args_os().next().unwrap_or_default();
    Path::new(&path).file_name().unwrap_or_default().to_string_lossy().chars().take(80).collect()
}

/// Shortens the reason until the report fits: characters may take six bytes each in JSON.
fn encoded(mut report: ReaderReport) -> Vec<u8> {
    loop {
        let datagram = serde_json::to_vec(&report).expect("a report has no keys that are not text");
        let Some(reason) = report.reason.as_mut().filter(|_| datagram.len() > ReaderReport::BYTES_MAX) else {
            return datagram;
        };
        *reason = reason.chars().take(reason.chars().count() / 2).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use configbus_model::{Namespace, Revision};

    fn report(reporter: &Reporter, reason: &str) -> Counter {
        let dropped = Counter::default();
        let origin = Origin { namespace: Namespace::main(), revision: Revision(7), traceparent: None };
        let path = ConfigPath::parse("a.yaml").unwrap();
        reporter.report(&path, &origin, ReportedState::Refused, Some(reason.to_owned()), &dropped);
        dropped
    }

    #[test]
    fn an_agent_with_a_long_path_gets_reports_of_bounded_size() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("long".repeat(40));
        std::fs::create_dir(&root).unwrap();
        let short = folder.path().join("link");
        std::os::unix::fs::symlink(&root, &short).unwrap();
        let agent = UnixDatagram::bind(short.join("agent.sock")).unwrap();
        for root in [&root, &short] {
            report(&Reporter::to_agent_at(root), &"\u{1}".repeat(100_000));
            let mut datagram = vec![0; 2 * ReaderReport::BYTES_MAX];
            let size = agent.recv(&mut datagram).unwrap();
            assert!(size <= ReaderReport::BYTES_MAX, "{size}");
            let received: ReaderReport = serde_json::from_slice(&datagram[..size]).unwrap();
            assert_eq!((received.revision, received.state), (Revision(7), ReportedState::Refused));
        }
    }

    #[test]
    fn reports_are_dropped_when_nobody_listens() {
        let folder = tempfile::tempdir().unwrap();
        let dropped = report(&Reporter::to_agent_at(folder.path()), "wrong");
        assert_eq!(dropped.value(), 1);
    }
}

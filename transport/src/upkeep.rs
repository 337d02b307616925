//! Looking after certificates while a process runs: reloading, logging, metrics.

use crate::{Certificate, ClientTls, ListenerTls, Reloaded};
use std::{
    error::Error as _,
    sync::Arc,
    time::{Duration, SystemTime},
};

/// How often a role looks at the files of its certificates.
pub const LOOK_EVERY: Duration = Duration::from_secs(10);

/// The certificates of one role.
#[derive(Clone)]
pub struct CertificateWatch {
    /// `server`, `store`, `agent`.
    role: &'static str,
    listener: Option<Arc<ListenerTls>>,
    client: ClientTls,
}

impl CertificateWatch {
    /// Watches those a role uses.
    pub fn new(role: &'static str, listener: Option<Arc<ListenerTls>>, client: ClientTls) -> Self {
        Self { role, listener, client }
    }

    /// Returns whether there is anything to look after.
    pub fn is_needed(&self) -> bool {
        self.listener.is_some() || self.client.has_files()
    }

    /// Takes changed files into use, and says how long certificates live.
    pub fn look(&self) {
        if let Some(listener) = &self.listener {
            let reloaded = listener.reload();
            self.tell("listener", &reloaded, Some(listener.certificate()));
            if let Some(due) = listener.revocation_lists_due() {
                let role = self.role;
                metrics::gauge!("configbus_tls_revocation_lists_due_timestamp_seconds", "role" => role)
                    .set(seconds(due));
            }
        }
        let reloaded = self.client.reload();
        self.tell("client", &reloaded, self.client.certificate());
    }

    fn tell(&self, end: &'static str, reloaded: &Reloaded, certificate: Option<Arc<Certificate>>) {
        let role = self.role;
        match reloaded {
            Reloaded::Unchanged | Reloaded::StillRefused => {}
            Reloaded::Changed => tracing::info!(role, end, "new TLS files are in use"),
            Reloaded::Refused(error) => {
                metrics::counter!("configbus_tls_reload_failures_total", "role" => role, "end" => end).increment(1);
                let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
                tracing::error!(role, end, "changed TLS files are NOT in use, the ones before stay: {error}{cause}");
            }
        }
        if let Some(certificate) = certificate {
            metrics::gauge!("configbus_tls_certificate_expires_timestamp_seconds", "role" => role, "end" => end)
                .set(seconds(certificate.not_after));
        }
    }
}

fn seconds(at: SystemTime) -> f64 {
    at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

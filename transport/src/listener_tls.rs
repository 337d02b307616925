//! The listening end of TLS.

use crate::{
    Certificate, PROTOCOLS, Reloaded, TlsError, TlsSettings, identity::Identity, provider, reloading::Reloading,
    revocation::RevocationLists, settings::pair, trust,
};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, CertificateRevocationListDer, UnixTime},
    server::{WebPkiClientVerifier, danger::ClientCertVerifier},
    sign::SingleCertAndKey,
};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};
use tokio::sync::watch;

/// What a port proves itself with and whom it lets in, reloadable.
pub struct ListenerTls {
    loaded: Reloading<Loaded>,
    certificate_file: PathBuf,
}

struct Loaded {
    config: Arc<ServerConfig>,
    certificate: Arc<Certificate>,
    clients: Option<Arc<dyn ClientCertVerifier>>,
    lists_due: Option<SystemTime>,
}

impl ListenerTls {
    /// Loads what settings name; `None` where the port is plain.
    pub fn open(settings: &TlsSettings) -> Result<Option<Arc<Self>>, TlsError> {
        if !settings.is_set() {
            return Ok(None);
        }
        if settings.require_client_certificate && settings.client_ca.is_none() {
            return Err(TlsError::Incomplete { given: "require_client_certificate", missing: "client_ca" });
        }
        if !settings.client_crl.is_empty() && settings.client_ca.is_none() {
            return Err(TlsError::Incomplete { given: "client_crl", missing: "client_ca" });
        }
        let Some((certificate, key)) = pair(&settings.certificate, &settings.key)? else {
            return Err(TlsError::Incomplete { given: "client_ca", missing: "certificate" });
        };
        let files =
            [certificate, key].into_iter().chain(&settings.client_ca).chain(&settings.client_crl).cloned().collect();
        let certificate_file = certificate.clone();
        let settings = settings.clone();
        let loaded = Reloading::open(files, move || load(&settings))?;
        Ok(Some(Arc::new(Self { loaded, certificate_file })))
    }

    /// Returns what new connections are accepted with.
    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.loaded.current().config)
    }

    /// Returns the certificate in use.
    pub fn certificate(&self) -> Arc<Certificate> {
        Arc::clone(&self.loaded.current().certificate)
    }

    /// Returns the file of the certificate, for messages.
    pub fn certificate_file(&self) -> &Path {
        &self.certificate_file
    }

    /// Returns when the first of the revocation lists should be replaced.
    pub fn revocation_lists_due(&self) -> Option<SystemTime> {
        self.loaded.current().lists_due
    }

    /// Returns what counts the files that were taken into use.
    pub(crate) fn generation(&self) -> watch::Receiver<u64> {
        self.loaded.generation()
    }

    /// Judges the chain of a client by the authorities and lists that are in use now.
    pub(crate) fn accepts(&self, chain: &[CertificateDer<'_>], now: SystemTime) -> bool {
        let (Some(clients), Some((first, others))) = (&self.loaded.current().clients, chain.split_first()) else {
            return false;
        };
        let now = UnixTime::since_unix_epoch(now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default());
        clients.verify_client_cert(first, others, now).is_ok()
    }

    /// Takes files that have changed into use; connections that stand keep what they began with.
    pub fn reload(&self) -> Reloaded {
        self.loaded.reload()
    }
}

fn load(settings: &TlsSettings) -> Result<Loaded, TlsError> {
    let (certificate, key) = pair(&settings.certificate, &settings.key)?.expect("both were there when it was opened");
    let identity = Identity::load(certificate, key)?;
    identity.check_valid(certificate, SystemTime::now())?;
    let versions = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions()?;
    let revoked = RevocationLists::load(&settings.client_crl)?;
    let clients = settings.client_ca.as_deref().map(|authorities| verifier(settings, authorities, revoked.lists));
    let clients = clients.transpose()?;
    let builder = match &clients {
        Some(clients) => versions.with_client_cert_verifier(Arc::clone(clients)),
        None => versions.with_no_client_auth(),
    };
    let mut config = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(identity.certified)));
    config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
    let (config, certificate) = (Arc::new(config), Arc::new(identity.certificate));
    Ok(Loaded { config, certificate, clients, lists_due: revoked.due })
}

fn verifier(
    settings: &TlsSettings,
    authorities: &Path,
    revoked: Vec<CertificateRevocationListDer<'static>>,
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let roots = Arc::new(trust::from_file(authorities)?);
    let builder = WebPkiClientVerifier::builder_with_provider(roots, provider()).with_crls(revoked);
    let builder = match settings.require_client_certificate {
        true => builder,
        false => builder.allow_unauthenticated(),
    };
    builder.build().map_err(|source| TlsError::Verifier { file: authorities.to_owned(), source })
}

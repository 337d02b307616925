//! The listening end of TLS.

use crate::{
    Certificate, PROTOCOLS, Reloaded, TlsError, TlsSettings, identity::Identity, provider, reloading::Reloading,
    settings::pair, trust,
};
use rustls::{
    ServerConfig,
    server::{WebPkiClientVerifier, danger::ClientCertVerifier},
    sign::SingleCertAndKey,
};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

/// What a port proves itself with and whom it lets in, reloadable.
pub struct ListenerTls {
    loaded: Reloading<Loaded>,
    certificate_file: PathBuf,
}

struct Loaded {
    config: Arc<ServerConfig>,
    certificate: Arc<Certificate>,
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
        let Some((certificate, key)) = pair(&settings.certificate, &settings.key)? else {
            return Err(TlsError::Incomplete { given: "client_ca", missing: "certificate" });
        };
        let files = [certificate, key].into_iter().chain(&settings.client_ca).cloned().collect();
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
    let builder = match &settings.client_ca {
        Some(authorities) => versions.with_client_cert_verifier(verifier(settings, authorities)?),
        None => versions.with_no_client_auth(),
    };
    let mut config = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(identity.certified)));
    config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
    Ok(Loaded { config: Arc::new(config), certificate: Arc::new(identity.certificate) })
}

fn verifier(settings: &TlsSettings, authorities: &Path) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let roots = Arc::new(trust::from_file(authorities)?);
    let builder = WebPkiClientVerifier::builder_with_provider(roots, provider());
    let builder = match settings.require_client_certificate {
        true => builder,
        false => builder.allow_unauthenticated(),
    };
    builder.build().map_err(|source| TlsError::Verifier { file: authorities.to_owned(), source })
}

//! The connecting end of TLS.

use crate::{
    Certificate, ClientTlsSettings, PROTOCOLS, Reloaded, TlsError, TurnedAway, identity::Identity, provider,
    reloading::Reloading, settings::pair, trust,
};
use arc_swap::ArcSwapOption;
use rustls::{ClientConfig, client::ResolvesClientCert, sign::SingleCertAndKey};
use std::{
    fmt,
    sync::{Arc, OnceLock},
    time::SystemTime,
};

/// Whom a process believes and what it proves itself with, reloadable. Clones share it.
#[derive(Clone)]
pub struct ClientTls(Arc<Kind>, Arc<ArcSwapOption<TurnedAway>>);

enum Kind {
    /// From files that settings name.
    Files(Reloading<Loaded>),
    /// The system's authorities and no certificate, loaded when the first `https` URL is met.
    System(OnceLock<Arc<ClientConfig>>),
}

struct Loaded {
    config: Arc<ClientConfig>,
    certificate: Option<Arc<Certificate>>,
}

impl fmt::Debug for ClientTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientTls").field("certificate", &self.certificate()).finish_non_exhaustive()
    }
}

impl Default for ClientTls {
    fn default() -> Self {
        Self(Arc::new(Kind::System(OnceLock::new())), Arc::default())
    }
}

impl ClientTls {
    /// Loads what settings name.
    pub fn open(settings: &ClientTlsSettings) -> Result<Self, TlsError> {
        let pair = pair(&settings.certificate, &settings.key)?;
        let files: Vec<_> = settings.ca.iter().chain(pair.into_iter().flat_map(|(a, b)| [a, b])).cloned().collect();
        if files.is_empty() {
            return Ok(Self::default());
        }
        let settings = settings.clone();
        let loaded = Reloading::open(files, move || load(&settings))?;
        Ok(Self(Arc::new(Kind::Files(loaded)), Arc::default()))
    }

    /// Returns what new connections are made with.
    pub(crate) fn config(&self) -> Result<Arc<ClientConfig>, TlsError> {
        match &*self.0 {
            Kind::Files(loaded) => Ok(Arc::clone(&loaded.current().config)),
            Kind::System(config) => match config.get() {
                Some(config) => Ok(Arc::clone(config)),
                None => {
                    let made = load(&ClientTlsSettings::default())?.config;
                    Ok(Arc::clone(config.get_or_init(|| made)))
                }
            },
        }
    }

    /// Returns why a peer ended the newest connection right after the handshake, where it did. HTTP clients report only
    /// that the connection is closed.
    pub fn turned_away(&self) -> Option<TurnedAway> {
        self.1.load().as_deref().copied()
    }

    pub(crate) fn note(&self, outcome: Option<TurnedAway>) {
        self.1.store(outcome.map(Arc::new));
    }

    /// Returns whether settings name files, which may change.
    pub fn has_files(&self) -> bool {
        matches!(*self.0, Kind::Files(_))
    }

    /// Returns the certificate that is presented.
    pub fn certificate(&self) -> Option<Arc<Certificate>> {
        match &*self.0 {
            Kind::Files(loaded) => loaded.current().certificate.clone(),
            Kind::System(_) => None,
        }
    }

    /// Takes files that have changed into use; connections that stand keep what they began with.
    pub fn reload(&self) -> Reloaded {
        match &*self.0 {
            Kind::Files(loaded) => loaded.reload(),
            Kind::System(_) => Reloaded::Unchanged,
        }
    }
}

fn load(settings: &ClientTlsSettings) -> Result<Loaded, TlsError> {
    let roots = settings.ca.as_deref().map_or_else(trust::of_system, trust::from_file)?;
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots);
    let identity = pair(&settings.certificate, &settings.key)?.map(|(certificate, key)| {
        let identity = Identity::load(certificate, key)?;
        // Refused by the peer, not by us: a host must start and serve what it has, whatever its clock or its
        // certificate says.
        if let Err(error) = identity.check_valid(certificate, SystemTime::now()) {
            tracing::error!("{error}; peers that ask for a certificate will turn this process away");
        }
        Ok::<_, TlsError>(identity)
    });
    let Some(identity) = identity.transpose()? else {
        return Ok(Loaded { config: negotiating(builder.with_no_client_auth()), certificate: None });
    };
    let resolver: Arc<dyn ResolvesClientCert> = Arc::new(SingleCertAndKey::from(identity.certified));
    let config = negotiating(builder.with_client_cert_resolver(resolver));
    Ok(Loaded { config, certificate: Some(Arc::new(identity.certificate)) })
}

fn negotiating(mut config: ClientConfig) -> Arc<ClientConfig> {
    config.alpn_protocols = vec![PROTOCOLS[0].to_vec()];
    Arc::new(config)
}

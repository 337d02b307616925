//! One store: bound and opened by `build`, started by `run`.

use crate::{
    board::Board,
    build_error::{BuildError, MirrorUnusable},
    data_folder::DataFolder,
    mirror::{Opened, Repository},
    settings::{Settings, SettingsError},
    upstream::ServerClient,
};
use configbus_coordination::{EmbeddedClient, HeadRegistry, Heads, ZooKeeperRegistry};
use configbus_gitstore::{FetchAuth, FetchTls, Upstream};
use configbus_model::Namespace;
use configbus_proto::Bearer;
use configbus_runtime::{Clock, Readiness, SystemClock};
use configbus_transport::{CertificateWatch, ClientTls, ClientTlsSettings, Incoming, ListenerTls};
use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{net::TcpListener, sync::watch};

/// What a store waits for before it takes traffic.
pub(crate) const NOT_READY: &str = "no revision is mirrored yet, and the server has not said that there is none";

/// Connections beyond the bound of subscribers: newcomers, monitoring, operators.
const CONNECTIONS_EXTRA: usize = 512;

/// Longest time one `git fetch` may take.
const FETCH_MAX: Duration = Duration::from_secs(600);

/// A store that is bound to its port and has opened its mirrors, and does nothing yet.
pub struct Store {
    pub(crate) settings: Settings,
    pub(crate) addr: SocketAddr,
    pub(crate) listener: Incoming,
    pub(crate) certificates: CertificateWatch,
    pub(crate) client: ServerClient,
    pub(crate) place: MirrorPlace,
    pub(crate) mirrors: BTreeMap<Namespace, Opened>,
    pub(crate) board: Arc<Board>,
    pub(crate) registry: Registry,
    pub(crate) readiness: Readiness,
    pub(crate) clock: Arc<dyn Clock>,
}

/// Where mirrors lie, and what they are filled from.
#[derive(Clone)]
pub(crate) struct MirrorPlace {
    pub(crate) data: Arc<DataFolder>,
    pub(crate) bearer: Bearer,
    client: ServerClient,
    tls: FetchTls,
}

impl MirrorPlace {
    pub(crate) fn upstream(&self, namespace: &Namespace) -> Upstream {
        let url = self.client.git_url(namespace);
        Upstream { url, auth: FetchAuth::None, tls: self.tls.clone(), deadline: FETCH_MAX }
    }

    /// Removes what a mirror left.
    pub(crate) fn remove(&self, namespace: &Namespace) -> std::io::Result<()> {
        self.data.remove(namespace)
    }
}

/// Where heads are announced, and who starts that.
pub(crate) enum Registry {
    /// This store.
    Own(Arc<dyn HeadRegistry>),
    /// Somebody else in this process.
    Shared(Arc<dyn HeadRegistry>),
}

impl Store {
    /// Checks the settings, takes the data folder, opens the mirrors and binds the port. Nothing runs yet.
    pub async fn build(settings: Settings) -> Result<Self, BuildError> {
        settings.check()?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let tls = ClientTls::open(&settings.client_tls).map_err(SettingsError::ClientTls)?;
        let bearer = Bearer::in_file_if_any(settings.token_file.as_deref())?;
        let registry = Registry::Own(own_registry(&settings, &tls, &bearer, clock.clone())?);
        Self::assemble(settings, (tls, bearer), registry, clock).await
    }

    /// Does the same with a registry that somebody else in this process starts; `zookeeper` must not be set.
    pub async fn build_with(settings: Settings, registry: Arc<dyn HeadRegistry>) -> Result<Self, BuildError> {
        settings.check()?;
        let tls = ClientTls::open(&settings.client_tls).map_err(SettingsError::ClientTls)?;
        let bearer = Bearer::in_file_if_any(settings.token_file.as_deref())?;
        Self::assemble(settings, (tls, bearer), Registry::Shared(registry), Arc::new(SystemClock)).await
    }

    /// Returns the address the port is bound to.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Returns the URL agents reach this store at.
    pub fn url(&self) -> String {
        self.settings.url_at(self.addr)
    }

    /// Returns what the store waits for before it takes traffic.
    pub fn readiness(&self) -> Readiness {
        self.readiness.clone()
    }

    /// Watches the heads that subscribers are brought to.
    pub fn heads(&self) -> watch::Receiver<Heads> {
        self.board.heads()
    }

    async fn assemble(
        settings: Settings,
        (tls, bearer): (ClientTls, Bearer),
        registry: Registry,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, BuildError> {
        let listener_tls = ListenerTls::open(&settings.tls).map_err(SettingsError::Tls)?;
        let client =
            ServerClient::new(&settings.server, &tls, &bearer).map_err(|_| SettingsError::server(&settings.server))?;
        let data = Arc::new(DataFolder::take(&settings.data)?);
        let place = MirrorPlace { data, bearer, client: client.clone(), tls: fetch_tls(&settings) };
        let mut mirrors = BTreeMap::new();
        // With the server away, what was mirrored before is served.
        for namespace in place.data.namespaces() {
            let upstream = place.upstream(&namespace);
            let opened = Repository::open(place.data.clone(), namespace.clone(), upstream, place.bearer.clone());
            mirrors.insert(namespace, opened.map_err(MirrorUnusable::from)?);
        }
        let failed = |source| BuildError::Listen { addr: settings.listen, source };
        let listener = TcpListener::bind(settings.listen).await.map_err(failed)?;
        let addr = listener.local_addr().map_err(failed)?;
        let certificates = CertificateWatch::new("store", listener_tls.clone(), tls);
        let connections_max = settings.limits.subscribers_max + CONNECTIONS_EXTRA;
        let listener = Incoming::new(listener, listener_tls, connections_max);
        let (board, readiness) = (Arc::default(), Readiness::new([NOT_READY]));
        Ok(Self { settings, addr, listener, certificates, client, place, mirrors, board, registry, readiness, clock })
    }
}

impl Registry {
    pub(crate) fn get(&self) -> &Arc<dyn HeadRegistry> {
        match self {
            Self::Own(registry) | Self::Shared(registry) => registry,
        }
    }
}

fn own_registry(
    settings: &Settings,
    tls: &ClientTls,
    bearer: &Bearer,
    clock: Arc<dyn Clock>,
) -> Result<Arc<dyn HeadRegistry>, SettingsError> {
    if settings.uses_zookeeper() {
        return Ok(ZooKeeperRegistry::new(&settings.zookeeper, clock)?);
    }
    let registry = EmbeddedClient::new(&settings.server, tls, bearer, clock);
    Ok(registry.map_err(|_| SettingsError::server(&settings.server))?)
}

/// Stock Git reads the same files as everything else.
fn fetch_tls(settings: &Settings) -> FetchTls {
    let ClientTlsSettings { ca, certificate, key } = settings.client_tls.clone();
    FetchTls { ca, certificate, key }
}

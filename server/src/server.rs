//! Putting a server together, and starting it.

use crate::assembly::registry;
use crate::audit::{AuditLog, AuditWriter};
use crate::auth::{self, Door, Proof, TokenFileError, Tokens};
use crate::bus::Bus;
use crate::claim::Claims;
use crate::data::{DataError, DataFolder};
use crate::fleet::FleetBoard;
use crate::git_http::GitState;
use crate::hook_socket::{HookListener, PushRegistry};
use crate::namespace::{MountBoard, Namespaces, OpenNamespaceError, Opener};
use crate::serving::ServingCell;
use crate::settings::{Auth, Settings, SettingsError};
use crate::split::{self, PendingError};
use crate::{claim, http, upkeep};
use configbus_coordination::{Announcer, Embedded, HeadRegistry};
use configbus_model::{ErrorKind, Member, MemberRole, Principal};
use configbus_runtime::{CancellationToken, Clock, Readiness, SystemClock, Tasks, host_name, incarnation, look_again};
use configbus_transport::{CertificateWatch, ClientTls, Incoming, LOOK_EVERY, ListenerTls};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};

/// What a server is not, before it is ready.
const NOT_SERVING: &str = "not serving requests yet";

/// Why a server cannot be put together.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// Settings contradict each other.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The port cannot be had.
    #[error("cannot listen on {listen}")]
    Listen {
        /// The address.
        listen: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The data folder cannot be used.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A repository cannot be opened.
    #[error(transparent)]
    Namespace(#[from] OpenNamespaceError),
    /// What a killed server was about to split off cannot be finished or cleared.
    #[error(transparent)]
    Split(#[from] PendingError),
    /// The hooks' way back cannot be made.
    #[error("cannot listen on the hook socket {socket}")]
    HookSocket {
        /// The socket.
        socket: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The list of tokens cannot be used.
    #[error("cannot use the tokens of this server")]
    Tokens(#[from] TokenFileError),
    /// The audit log cannot be written.
    #[error("cannot open the audit log")]
    Audit(#[source] io::Error),
    /// The program that hooks are links to is unknown.
    #[error("cannot find out which program is running; set hook_program")]
    HookProgram(#[source] io::Error),
}

impl BuildError {
    /// Returns the kind of failure.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Settings(error) => error.kind(),
            Self::Listen { .. } => ErrorKind::Unavailable,
            Self::Data(error) => error.kind(),
            Self::Namespace(error) => error.kind(),
            Self::Split(error) => error.kind(),
            Self::Tokens(error) => error.kind(),
            Self::HookSocket { .. } | Self::HookProgram(_) | Self::Audit(_) => ErrorKind::Internal,
        }
    }
}

/// The server role. See [`Server::build`].
#[derive(Debug)]
pub struct Server;

/// A server that holds its port, its folder and its repositories, and has started nothing.
pub struct BuiltServer {
    settings: Settings,
    addr: SocketAddr,
    url: String,
    listener: Incoming,
    tls: Option<Arc<ListenerTls>>,
    data: Arc<DataFolder>,
    bus: Arc<Bus>,
    embedded: Option<Arc<Embedded>>,
    tokens: Option<Arc<Tokens>>,
    audit: AuditWriter,
    hooks: HookListener,
    pushes: PushRegistry,
    serving: Arc<ServingCell>,
    readiness: Readiness,
}

impl Server {
    /// Binds the port, takes the data folder over and opens the repositories. Starts nothing.
    pub async fn build(settings: Settings) -> Result<BuiltServer, BuildError> {
        settings.check()?;
        let gate = Arc::new(settings.gate()?);
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let (registry, embedded) = registry(&settings, &clock).map_err(SettingsError::from)?;
        let tls = ListenerTls::open(&settings.tls).map_err(SettingsError::from)?;
        let listen = settings.listen;
        let failed = |source| BuildError::Listen { listen, source };
        let listener = TcpListener::bind(listen).await.map_err(failed)?;
        let addr = listener.local_addr().map_err(failed)?;
        let data = Arc::new(DataFolder::take_over(&settings.data, &hook_program(&settings)?)?);
        let (audit, audit_writer) =
            AuditLog::open(data.path(), &settings.audit, Arc::clone(&clock)).map_err(BuildError::Audit)?;
        let tokens = match settings.auth {
            Some(Auth::Tokens) => Some(auth::found(data.path(), Arc::clone(&clock))?),
            Some(Auth::None) | None => None,
        };
        let announcer = Announcer::new(Arc::clone(&registry), Arc::clone(&clock));
        let serving = Arc::new(ServingCell::default());
        let opener = Opener {
            limits: settings.limits.clone(),
            data: Arc::clone(&data),
            gate: Arc::clone(&gate),
            clock: Arc::clone(&clock),
            announcer: Arc::clone(&announcer),
            audit: audit.clone(),
            serving: serving.subscribe(),
            mounts: Arc::new(MountBoard::default()),
        };
        split::settle(&data)?;
        let namespaces = Arc::new(Namespaces::open(opener)?);
        let bus = Arc::new(Bus {
            namespaces,
            fleet: FleetBoard::new(settings.limits.hosts_max),
            registry,
            announcer,
            started_ms: clock.now_ms(),
            clock,
            watchers: Arc::new(Semaphore::new(settings.limits.watchers_max)),
            limits: settings.limits.clone(),
            gate,
            audit,
            stopping: CancellationToken::new(),
        });
        let pushes = PushRegistry::default();
        let socket = data.hook_socket().to_owned();
        let hooks = HookListener::bind(&socket, Arc::clone(&bus), pushes.clone())
            .map_err(|source| BuildError::HookSocket { socket, source })?;
        let url = settings.url.clone().unwrap_or_else(|| url_of(addr, tls.is_some()));
        let listener = Incoming::new(listener, tls.clone(), settings.limits.connections_max);
        let readiness = Readiness::new([NOT_SERVING, claim::NOT_CLAIMED]);
        Ok(BuiltServer {
            settings,
            addr,
            url,
            listener,
            tls,
            data,
            bus,
            embedded,
            tokens,
            audit: audit_writer,
            hooks,
            pushes,
            serving,
            readiness,
        })
    }
}

impl BuiltServer {
    /// Returns the bound address.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Returns the URL others reach the server at.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the registry the server announces to, for roles in the same process.
    pub fn registry(&self) -> Arc<dyn HeadRegistry> {
        Arc::clone(&self.bus.registry)
    }

    /// Returns what tells when the server takes requests.
    pub fn readiness(&self) -> Readiness {
        self.readiness.clone()
    }

    /// Starts everything. The server stops when `tasks` do.
    pub fn run(self, tasks: &Tasks) {
        self.log_start();
        Arc::clone(&self.bus.registry).start(tasks);
        let claims = Claims {
            registry: Arc::clone(&self.bus.registry),
            member: watch::Sender::new(self.member()),
            serving: self.serving,
            readiness: self.readiness.clone(),
        };
        self.bus.namespaces.start(tasks, claims);
        Arc::clone(&self.bus.announcer).start(tasks);
        self.audit.start(tasks);
        if let Some(tokens) = &self.tokens {
            auth::start_upkeep(tasks, tokens);
        }
        upkeep::forget_hosts(tasks, &self.bus);
        if let Some(tls) = &self.tls {
            let certificates = CertificateWatch::new("server", Some(Arc::clone(tls)), ClientTls::default());
            look_again(tasks, "certificates", LOOK_EVERY, move || certificates.look());
        }
        let hook_tasks = tasks.clone();
        tasks.spawn("hook-socket", async move { self.hooks.run(hook_tasks).await });
        stop_streams(tasks, self.bus.stopping.clone());
        let proof = match &self.tokens {
            Some(tokens) => Proof::Tokens(Arc::clone(tokens)),
            None => Proof::Nothing(Arc::new(Principal::open())),
        };
        let front = http::Front {
            door: Door::new(proof, &self.settings, self.bus.audit.clone()),
            tokens: self.tokens,
            git: GitState {
                bus: Arc::clone(&self.bus),
                pushes: self.pushes,
                hooks: self.data.hooks(),
                hook_socket: self.data.hook_socket().to_owned(),
                data: self.data.path().to_owned(),
            },
            bus: self.bus,
            embedded: self.embedded,
            readiness: self.readiness,
            not_serving: NOT_SERVING,
            host_names: self.settings.known_host_names(&self.url),
            tls: self.tls,
            data: self.data,
        };
        http::start(front, self.listener, self.addr, tasks);
    }

    fn log_start(&self) {
        let (addr, data) = (self.addr, self.data.path().display());
        tracing::info!(%addr, %data, url = self.url, coordination = self.bus.registry.kind(), "server listens on {addr}");
        if self.tokens.is_none() {
            tracing::warn!(%addr, "no authentication: everybody who reaches {addr} may read and write");
        }
    }

    /// Describes this server to others. Its heads are announced by themselves and do not travel with it.
    fn member(&self) -> Member {
        let id = self.settings.id.clone();
        Member {
            role: MemberRole::Server,
            id: id.unwrap_or_else(|| format!("{}-{}", host_name(), self.data.id())),
            incarnation: incarnation(),
            url: self.url.clone(),
            heads: BTreeMap::new(),
            subscribers: 0,
        }
    }
}

/// Ends streams when the server stops: nobody else would.
fn stop_streams(tasks: &Tasks, streams: CancellationToken) {
    let stop = tasks.shutdown_token();
    tasks.spawn("stopping", async move {
        stop.cancelled().await;
        streams.cancel();
        Ok::<(), Infallible>(())
    });
}

fn hook_program(settings: &Settings) -> Result<PathBuf, BuildError> {
    match &settings.hook_program {
        Some(program) => Ok(program.clone()),
        None => std::env::current_exe().map_err(BuildError::HookProgram),
    }
}

fn url_of(addr: SocketAddr, over_tls: bool) -> String {
    let scheme = if over_tls { "https" } else { "http" };
    if addr.ip().is_unspecified() {
        format!("{scheme}://{}:{}", host_name(), addr.port())
    } else {
        format!("{scheme}://{addr}")
    }
}

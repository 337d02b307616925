//! The agent's life: settings, then `build`, then `run`.

use crate::{
    Moment, OpenError, Root, Settings, SettingsError,
    deliverer::{Deliverer, ORDERS_MAX, OUTCOMES_MAX, Stock},
    delivery::{Delivery, DiskDelivery, DiskOptions},
    delivery_work::Work,
    flag_board::{self, FlagBoard},
    local_http::LocalHttp,
    metrics::AgentMetrics,
    moment::Timeline,
    placement::{DeliveryReport, PlacerParts},
    readers::{self, ReadersReport},
    sockets, state_file,
    status::StatusBoard,
    subscription::{Follower, FollowerParts, Identity, Subscription},
};
use configbus_model::ErrorKind;
use configbus_proto::{Bearer, BearerError};
use configbus_runtime::{BlockingPool, CancellationToken, Clock, Readiness, SystemClock, Tasks, look_again};
use configbus_transport::{CertificateWatch, ClientTls, LOOK_EVERY};
use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::{
    net::{TcpListener, UnixDatagram, UnixListener},
    sync::{mpsc, watch},
};

/// Readiness waits for it.
const NO_REVISION: &str = "no revision on this host yet";

/// An agent cannot start.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The settings are wrong.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The access token cannot be read.
    #[error("token_file is wrong")]
    Token(#[from] BearerError),
    /// The token for flags cannot be read.
    #[error("flags_token_file is wrong")]
    FlagsToken(#[source] BearerError),
    /// The root cannot be used.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The port cannot be had.
    #[error("failed to listen on {addr}")]
    Listen {
        /// Which.
        addr: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// A socket in the root cannot be had.
    #[error("failed to listen on {path:?}")]
    Socket {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl BuildError {
    /// Returns the kind of failure.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Settings(error) => error.kind(),
            Self::Token(_) | Self::FlagsToken(_) => ErrorKind::Invalid,
            Self::Open(error) => error.kind(),
            Self::Listen { .. } | Self::Socket { .. } => ErrorKind::Unavailable,
        }
    }
}

/// An agent that holds its root and its sockets and has not started.
pub struct Agent {
    settings: Arc<Settings>,
    tls: ClientTls,
    bearer: Bearer,
    flags_token: Bearer,
    addr: SocketAddr,
    root: Root,
    readiness: Readiness,
    timeline: Timeline,
    clock: Arc<dyn Clock>,
    work: Work<Box<dyn Delivery>>,
    port: TcpListener,
    http_socket: UnixListener,
    agent_socket: UnixDatagram,
}

impl Agent {
    /// Takes the root and binds the sockets; nothing is started.
    pub async fn build(settings: Settings) -> Result<Self, BuildError> {
        settings.check()?;
        let tls = ClientTls::open(&settings.tls).map_err(SettingsError::from)?;
        let bearer = Bearer::in_file_if_any(settings.token_file.as_deref())?;
        let flags_token =
            Bearer::in_file_if_any(settings.flags_token_file.as_deref()).map_err(BuildError::FlagsToken)?;
        let root = Root::new(&settings.root);
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let timeline = Timeline::start(Arc::clone(&clock));
        let options = DiskOptions { layout: settings.layout, ..DiskOptions::default() };
        let delivery = open(root.clone(), options, timeline.now()).await?;
        let listening = |source| BuildError::Listen { addr: settings.listen, source };
        let port = TcpListener::bind(settings.listen).await.map_err(listening)?;
        let addr = port.local_addr().map_err(listening)?;
        let socket = |path: PathBuf| move |source| BuildError::Socket { path, source };
        let (http, agent) = (root.http_socket(), root.agent_socket());
        let http_socket = sockets::bind_listener(&http).map_err(socket(http))?;
        let agent_socket = sockets::bind_datagram(&agent).map_err(socket(agent))?;
        let readiness = Readiness::new([NO_REVISION]);
        if delivery.shown().is_some() {
            readiness.met(NO_REVISION);
        }
        let (settings, delivery): (_, Box<dyn Delivery>) = (Arc::new(settings), Box::new(delivery));
        Ok(Self {
            settings,
            tls,
            bearer,
            flags_token,
            addr,
            root,
            readiness,
            timeline,
            clock,
            work: Work::new(delivery),
            port,
            http_socket,
            agent_socket,
        })
    }

    /// Returns the address of the local HTTP, with the real port.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Returns the folder readers look into.
    pub fn root(&self) -> &Path {
        self.root.path()
    }

    /// Returns whether this host has a revision to show.
    pub fn readiness(&self) -> Readiness {
        self.readiness.clone()
    }

    /// Starts everything in `tasks`; what is being made visible at shutdown still is.
    pub fn run(self, tasks: &Tasks) {
        let stop = tasks.shutdown_token();
        look_after_certificates(tasks, &self.tls);
        let stock = watch::Sender::new(Stock::of(self.work.delivery.as_ref()));
        let damaged = self.work.delivery.damage().is_some();
        let host = self.settings.host();
        let subscription = Subscription::new(
            &host,
            &self.settings.stores,
            self.settings.server.clone(),
            self.work.standing(),
            damaged,
        );
        let (orders, orders_taken) = mpsc::channel(ORDERS_MAX);
        let (outcomes, outcomes_heard) = mpsc::channel(OUTCOMES_MAX);
        let (refusals, refusals_heard) = mpsc::channel(readers::FORWARDED_MAX);
        let status = watch::Sender::new(subscription.status());
        let readers = watch::Sender::new(ReadersReport::default());
        let flags = watch::Sender::new(None);
        let deliveries = watch::Sender::new(Vec::new());
        let (incarnation, metrics) = (configbus_runtime::incarnation(), AgentMetrics::new(&host));
        let board = StatusBoard {
            settings: Arc::clone(&self.settings),
            incarnation: incarnation.clone(),
            root: self.root.clone(),
            clock: Arc::clone(&self.clock),
            readiness: self.readiness.clone(),
            stock: stock.subscribe(),
            subscription: status.subscribe(),
            readers: readers.subscribe(),
            deliveries: deliveries.subscribe(),
        };
        let stock_of_flags = stock.subscribe();
        self.keep_places(tasks, (stock.subscribe(), deliveries), refusals.clone(), metrics.clone());
        tasks.spawn("ready", wait_for_revision(stock.subscribe(), self.readiness, stop.clone()));
        let identity = Identity { host, incarnation, labels: self.settings.labels.clone(), bearer: self.bearer };
        let timeline = self.timeline.clone();
        let parts = FollowerParts {
            subscription,
            identity,
            tls: self.tls.clone(),
            timeline,
            orders,
            outcomes: outcomes_heard,
            refusals: refusals_heard,
            status,
        };
        tasks.spawn("follow", Follower::new(parts).run(stop.clone()));
        let deliverer = Deliverer {
            work: self.work,
            timeline: self.timeline,
            orders: orders_taken,
            outcomes,
            stock,
            metrics: metrics.clone(),
        };
        tasks.spawn("deliver", deliverer.run());
        tasks.spawn("state", state_file::keep(board.clone(), stop.clone()));
        tasks.spawn("readers", readers::listen(self.agent_socket, self.clock, refusals, readers, stop.clone()));
        let board_of_flags = FlagBoard::new(flags.subscribe());
        tasks.spawn("flags", flag_board::follow(self.root, stock_of_flags, flags, stop.clone()));
        let http = LocalHttp {
            board,
            metrics,
            flags: board_of_flags,
            flags_token: self.flags_token,
            origins: self.settings.allowed_origins.as_slice().into(),
            stop: stop.clone(),
        };
        tasks.spawn("http", http.clone().serve_port(self.port, stop.clone()));
        tasks.spawn("http-socket", http.serve_socket(self.http_socket, stop));
    }

    fn keep_places(
        &self,
        tasks: &Tasks,
        (stock, reports): (watch::Receiver<Stock>, watch::Sender<Vec<DeliveryReport>>),
        refusals: mpsc::Sender<String>,
        metrics: AgentMetrics,
    ) {
        let (rules, root, clock) = (self.settings.deliver.clone(), self.root.clone(), Arc::clone(&self.clock));
        PlacerParts { rules, root, clock, stock, refusals, reports, metrics }.start(tasks);
    }
}

fn look_after_certificates(tasks: &Tasks, tls: &ClientTls) {
    let certificates = CertificateWatch::new("agent", None, tls.clone());
    if certificates.is_needed() {
        look_again(tasks, "certificates", LOOK_EVERY, move || certificates.look());
    }
}

async fn open(root: Root, options: DiskOptions, now: Moment) -> Result<DiskDelivery, OpenError> {
    BlockingPool::new(1).run(move || DiskDelivery::open(root, options, now)).await
}

async fn wait_for_revision(
    mut stock: watch::Receiver<Stock>,
    readiness: Readiness,
    stop: CancellationToken,
) -> Result<(), Infallible> {
    tokio::select! {
        () = stop.cancelled() => {}
        Ok(_) = stock.wait_for(|stock| stock.shown.is_some()) => readiness.met(NO_REVISION),
    }
    Ok(())
}

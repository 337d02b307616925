//! The agent's life: settings, then `build`, then `run`.

use crate::{
    Moment, OpenError, Root, Settings, SettingsError,
    delivery::{Delivery, DiskDelivery, DiskOptions},
    moment::Timeline,
};
use configbus_model::ErrorKind;
use configbus_runtime::{Readiness, SystemClock, Tasks};
use std::{io, net::SocketAddr, path::Path, sync::Arc};
use tokio::net::TcpListener;

/// Readiness waits for it.
const NO_REVISION: &str = "no revision on this host yet";

/// An agent cannot start.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The settings are wrong.
    #[error(transparent)]
    Settings(#[from] SettingsError),
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
}

impl BuildError {
    /// Returns the kind of failure.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Settings(error) => error.kind(),
            Self::Open(error) => error.kind(),
            Self::Listen { .. } => ErrorKind::Unavailable,
        }
    }
}

/// An agent that holds its root and its sockets and has not started.
pub struct Agent {
    addr: SocketAddr,
    root: Root,
    readiness: Readiness,
    _listener: TcpListener,
    _delivery: Box<dyn Delivery>,
}

impl Agent {
    /// Takes the root and binds the sockets; nothing is started.
    pub async fn build(settings: Settings) -> Result<Self, BuildError> {
        settings.check()?;
        let root = Root::new(&settings.root);
        let timeline = Timeline::start(Arc::new(SystemClock));
        let options = DiskOptions { layout: settings.layout, ..DiskOptions::default() };
        let delivery = open(root.clone(), options, timeline.now()).await?;
        let listening = |source| BuildError::Listen { addr: settings.listen, source };
        let listener = TcpListener::bind(settings.listen).await.map_err(listening)?;
        let addr = listener.local_addr().map_err(listening)?;
        let readiness = Readiness::new([NO_REVISION]);
        if delivery.shown().is_some() {
            readiness.met(NO_REVISION);
        }
        Ok(Self { addr, root, readiness, _listener: listener, _delivery: Box::new(delivery) })
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

    /// Starts everything.
    pub fn run(self, tasks: &Tasks) {
        let stop = tasks.shutdown_token();
        tasks.spawn("hold", async move {
            stop.cancelled().await;
            drop(self);
            Ok::<_, std::convert::Infallible>(())
        });
    }
}

async fn open(root: Root, options: DiskOptions, now: Moment) -> Result<DiskDelivery, OpenError> {
    configbus_runtime::BlockingPool::new(1).run(move || DiskDelivery::open(root, options, now)).await
}

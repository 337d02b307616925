//! Whether a registry can be reached right now.

use configbus_runtime::Clock;
use tokio::sync::watch;

/// State of the link between this process and its registry. What was learned before stays valid while it is down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Connection {
    /// Announcements arrive and heads are current.
    Connected,
    /// Heads may be old, announcements have to wait. Transient: the registry reconnects by itself for ever.
    Disconnected {
        /// Since when, in milliseconds since the Unix epoch.
        since_ms: u64,
        /// Why, for people.
        reason: String,
    },
}

impl Connection {
    /// Returns whether the link is up.
    pub fn is_connected(&self) -> bool {
        matches!(self, Self::Connected)
    }

    /// Returns why the link is down.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Connected => None,
            Self::Disconnected { reason, .. } => Some(reason),
        }
    }
}

/// The published connection: keeps the start of an outage while its reason changes.
pub(crate) struct ConnectionCell {
    registry: &'static str,
    sender: watch::Sender<Connection>,
}

impl ConnectionCell {
    pub(crate) fn connected(registry: &'static str) -> Self {
        Self { registry, sender: watch::Sender::new(Connection::Connected) }
    }

    pub(crate) fn disconnected(registry: &'static str, clock: &dyn Clock) -> Self {
        let reason = "not connected yet".to_owned();
        Self { registry, sender: watch::Sender::new(Connection::Disconnected { since_ms: clock.now_ms(), reason }) }
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<Connection> {
        self.sender.subscribe()
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.sender.borrow().is_connected()
    }

    pub(crate) fn reason(&self) -> String {
        self.sender.borrow().reason().unwrap_or("connected").to_owned()
    }

    pub(crate) fn up(&self) {
        let changed = self.sender.send_if_modified(|connection| {
            let changed = !connection.is_connected();
            *connection = Connection::Connected;
            changed
        });
        self.measure(true);
        if changed {
            tracing::info!(registry = self.registry, "coordination is connected");
        }
    }

    pub(crate) fn down(&self, clock: &dyn Clock, reason: impl Into<String>) {
        let reason = reason.into();
        let mut was_connected = false;
        self.sender.send_if_modified(|connection| {
            was_connected = connection.is_connected();
            let since_ms = match connection {
                Connection::Connected => clock.now_ms(),
                Connection::Disconnected { since_ms, .. } => *since_ms,
            };
            let next = Connection::Disconnected { since_ms, reason: reason.clone() };
            let changed = *connection != next;
            *connection = next;
            changed
        });
        self.measure(false);
        if was_connected {
            tracing::warn!(registry = self.registry, reason, "coordination is disconnected");
        }
    }

    fn measure(&self, connected: bool) {
        metrics::gauge!("configbus_coordination_connected", "registry" => self.registry).set(f64::from(connected));
    }
}

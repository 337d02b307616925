//! Settings of the ZooKeeper registry, checked before anything is connected.

use super::layout::Layout;
use serde::{Deserialize, Serialize};
use std::{fmt, time::Duration};

/// Settings that cannot work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ZooKeeperSettingsError {
    /// No servers were named.
    #[error("connect is empty, expected HOST:PORT[,HOST:PORT…][/CHROOT]")]
    NoServers,
    /// One server is not an address.
    #[error("connect names the server {server:?}, expected HOST or HOST:PORT")]
    Server {
        /// What was given.
        server: String,
    },
    /// The part after the servers is not a path.
    #[error("connect ends with the chroot {chroot:?}, expected /NAME[/NAME…] of letters, digits, '.', '_' and '-'")]
    Chroot {
        /// What was given.
        chroot: String,
    },
    /// TLS was asked for.
    #[error(
        "TLS to zookeeper is not part of this release, because its client library compiles a second cryptography library in; \
         use digest authentication on a trusted network or in a tunnel, or the registry embedded in the server"
    )]
    Tls,
    /// The credentials have another form.
    #[error("digest has the wrong form, expected USER:PASSWORD")]
    Digest,
    /// ZooKeeper itself would not grant the session timeout.
    #[error("session_timeout_ms is {given}, expected {} to {}", SESSION_TIMEOUT_MS.start(), SESSION_TIMEOUT_MS.end())]
    SessionTimeout {
        /// What was given.
        given: u64,
    },
    /// Re-reading would be a load or would never happen.
    #[error("reread_interval_ms is {given}, expected {} to {}", REREAD_INTERVAL_MS.start(), REREAD_INTERVAL_MS.end())]
    RereadInterval {
        /// What was given.
        given: u64,
    },
}

const SESSION_TIMEOUT_MS: std::ops::RangeInclusive<u64> = 1_000..=120_000;
const REREAD_INTERVAL_MS: std::ops::RangeInclusive<u64> = 100..=3_600_000;
const DEFAULT_PORT: u16 = 2181;

/// How to reach ZooKeeper and how to behave there.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ZooKeeperSettings {
    /// `HOST:PORT,HOST:PORT…`, optionally followed by a chroot; nodes live under `CHROOT/configbus`.
    pub connect: String,
    /// How long a member that has vanished stays listed.
    pub session_timeout_ms: u64,
    /// `USER:PASSWORD`; when set, only holders of these credentials may write the nodes. The same for all members.
    pub digest: String,
    /// Refused when set.
    pub tls: bool,
    /// How often everything is read again although no watch has fired.
    pub reread_interval_ms: u64,
}

impl Default for ZooKeeperSettings {
    fn default() -> Self {
        Self {
            connect: String::new(),
            session_timeout_ms: 10_000,
            digest: String::new(),
            tls: false,
            reread_interval_ms: 30_000,
        }
    }
}

impl fmt::Debug for ZooKeeperSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ZooKeeperSettings")
            .field("connect", &self.connect)
            .field("session_timeout_ms", &self.session_timeout_ms)
            .field("digest", &if self.digest.is_empty() { "" } else { "(set)" })
            .field("tls", &self.tls)
            .field("reread_interval_ms", &self.reread_interval_ms)
            .finish()
    }
}

impl ZooKeeperSettings {
    /// Returns settings for a connect string, everything else as usual.
    pub fn for_servers(connect: impl Into<String>) -> Self {
        Self { connect: connect.into(), ..Self::default() }
    }

    /// Checks everything that can be checked without connecting.
    pub fn check(&self) -> Result<(), ZooKeeperSettingsError> {
        self.checked().map(drop)
    }

    pub(super) fn checked(&self) -> Result<Ensemble, ZooKeeperSettingsError> {
        if self.tls {
            return Err(ZooKeeperSettingsError::Tls);
        }
        if !SESSION_TIMEOUT_MS.contains(&self.session_timeout_ms) {
            return Err(ZooKeeperSettingsError::SessionTimeout { given: self.session_timeout_ms });
        }
        if !REREAD_INTERVAL_MS.contains(&self.reread_interval_ms) {
            return Err(ZooKeeperSettingsError::RereadInterval { given: self.reread_interval_ms });
        }
        let (servers, layout) = parse_connect(&self.connect)?;
        Ok(Ensemble {
            servers,
            layout,
            session_timeout: Duration::from_millis(self.session_timeout_ms),
            reread_interval: Duration::from_millis(self.reread_interval_ms),
            digest: checked_digest(&self.digest)?,
        })
    }
}

/// Settings in the form the registry uses.
#[derive(Clone)]
pub(super) struct Ensemble {
    /// Connect string without chroot.
    pub(super) servers: String,
    pub(super) layout: Layout,
    pub(super) session_timeout: Duration,
    pub(super) reread_interval: Duration,
    pub(super) digest: Option<String>,
}

fn checked_digest(digest: &str) -> Result<Option<String>, ZooKeeperSettingsError> {
    match digest.split_once(':') {
        None if digest.is_empty() => Ok(None),
        Some((user, password)) if !user.is_empty() && !password.is_empty() => Ok(Some(digest.to_owned())),
        _ => Err(ZooKeeperSettingsError::Digest),
    }
}

/// Splits a connect string. The chroot becomes part of our paths, because the client library expects that it exists
/// and we want to create it.
fn parse_connect(connect: &str) -> Result<(String, Layout), ZooKeeperSettingsError> {
    let (servers, chroot) = connect.find('/').filter(|_| !connect.contains("://")).map_or((connect, ""), |at| {
        let (servers, chroot) = connect.split_at(at);
        (servers, chroot.strip_suffix('/').unwrap_or(chroot))
    });
    if connect.contains("+tls://") {
        return Err(ZooKeeperSettingsError::Tls);
    }
    if servers.trim().is_empty() {
        return Err(ZooKeeperSettingsError::NoServers);
    }
    let servers = servers.split(',').map(checked_server).collect::<Result<Vec<_>, _>>()?;
    let layout = Layout::below(chroot).ok_or_else(|| ZooKeeperSettingsError::Chroot { chroot: chroot.to_owned() })?;
    Ok((servers.join(","), layout))
}

fn checked_server(server: &str) -> Result<String, ZooKeeperSettingsError> {
    let server = server.trim();
    let refused = || ZooKeeperSettingsError::Server { server: server.to_owned() };
    let (host, port) = match server.rsplit_once(':') {
        Some((host, port)) if !server.ends_with(']') => {
            (host, port.parse::<u16>().ok().filter(|port| *port > 0).ok_or_else(refused)?)
        }
        _ => (server, DEFAULT_PORT),
    };
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let is_name = |host: &str| host.chars().all(|c| c.is_ascii_alphanumeric() || c == '.' || c == '-' || c == '_');
    let is_fine = bare.map_or_else(|| is_name(host), |address| address.parse::<std::net::Ipv6Addr>().is_ok());
    if host.is_empty() || !is_fine { Err(refused()) } else { Ok(format!("{host}:{port}")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn servers(connect: &str) -> Result<(String, String), ZooKeeperSettingsError> {
        parse_connect(connect).map(|(servers, layout)| (servers, layout.root().to_owned()))
    }

    #[test]
    fn connect_strings_are_split_into_servers_and_root() {
        let both = |servers: &str, root: &str| Ok((servers.to_owned(), root.to_owned()));
        assert_eq!(servers("zk1"), both("zk1:2181", "/configbus"));
        assert_eq!(servers("zk1:1,zk2:2/prod/eu"), both("zk1:1,zk2:2", "/prod/eu/configbus"));
        assert_eq!(servers("zk1:1, zk2:2/"), both("zk1:1,zk2:2", "/configbus"));
        assert_eq!(servers("[::1]:9,[::1]"), both("[::1]:9,[::1]:2181", "/configbus"));
    }

    #[test]
    fn wrong_connect_strings_are_named() {
        assert_eq!(servers(""), Err(ZooKeeperSettingsError::NoServers));
        assert_eq!(servers("/prod"), Err(ZooKeeperSettingsError::NoServers));
        assert_eq!(servers("tcp+tls://zk1:1"), Err(ZooKeeperSettingsError::Tls));
        for server in ["zk1:x", "zk1:0", ":1", "a b:1", "http://zk1", "[zk]:1"] {
            assert!(matches!(servers(server), Err(ZooKeeperSettingsError::Server { .. })), "{server}");
        }
        assert!(matches!(servers("zk1/a//b"), Err(ZooKeeperSettingsError::Chroot { .. })));
        assert!(matches!(servers("zk1/../b"), Err(ZooKeeperSettingsError::Chroot { .. })));
    }

    #[test]
    fn what_this_release_does_not_do_is_refused_with_the_reason() {
        let settings = ZooKeeperSettings { tls: true, ..ZooKeeperSettings::for_servers("zk1") };
        assert!(settings.check().unwrap_err().to_string().starts_with("TLS to zookeeper is not part of this release"));
        let settings = ZooKeeperSettings { digest: "user".into(), ..ZooKeeperSettings::for_servers("zk1") };
        assert_eq!(settings.check(), Err(ZooKeeperSettingsError::Digest));
    }

    #[test]
    fn passwords_are_not_printed() {
        let settings = ZooKeeperSettings { digest: "user:secret".into(), ..ZooKeeperSettings::for_servers("zk1") };
        assert!(!format!("{settings:?}").contains("secret"));
    }
}

//! The client against a server that does as it is told, over real sockets.

mod calls;
mod scripted_server;
mod watches;
mod writes;

use crate::{Client, ClientSettings, ConfigPath};
use configbus_proto::v1;
use std::time::Duration;

/// Far longer than anything takes that works.
const DEADLINE: Duration = Duration::from_secs(30);

/// Tries again at once: no test depends on how long a pause is.
fn settings(servers: &[&str]) -> ClientSettings {
    ClientSettings {
        bearer: crate::Bearer::default(),
        servers: servers.iter().map(ToString::to_string).collect(),
        deadline: DEADLINE,
        attempt_deadline: DEADLINE,
        attempts_max: 4,
        pause_min: Duration::from_millis(1),
        pause_max: Duration::from_millis(2),
        ..ClientSettings::default()
    }
}

fn client(servers: &[&str]) -> Client {
    Client::with_settings(settings(servers)).unwrap()
}

fn path(path: &str) -> ConfigPath {
    ConfigPath::parse(path).unwrap()
}

fn head(revision: u64) -> v1::Head {
    v1::Head {
        namespace: "main".to_owned(),
        epoch: 1,
        revision,
        commit: format!("{revision:040x}"),
        tree: "4b825dc642cb6eb9a060e54bf8d69288fbee4904".to_owned(),
        time_ms: 7,
        traceparent: String::new(),
    }
}

fn entry(path: &str) -> v1::Entry {
    v1::Entry { path: path.to_owned(), mode: v1::Mode::File.into(), id: "a".repeat(40), size_bytes: 3 }
}

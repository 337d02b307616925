//! Telling coordination what `main` is now.
//!
//! What is announced is always the head that is there, never what a push brought: so whatever could not be announced is made
//! up for by the next push, or by hand.

use super::{
    repository::Repository,
    settings::{AnnouncedTo, HookSettings},
};
use crate::{
    output::{Output, Render},
    paint::Paint,
    report::Failure,
};
use configbus_api::Bearer;
use configbus_coordination::{Announcement, EmbeddedClient, HeadRegistry as _, RegistryError, ZooKeeperRegistry};
use configbus_model::{ErrorKind, Head, Namespace};
use configbus_runtime::{Clock, SystemClock, Tasks};
use configbus_transport::ClientTls;
use serde::Serialize;
use std::{
    io::{self, Read as _, Write},
    path::Path,
    sync::Arc,
    time::Duration,
};

/// Longest wait for the ensemble. The pusher waits as well.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// Longest wait for the session's task to end.
const STOP_WITHIN: Duration = Duration::from_secs(2);

/// What became of an announcement.
#[derive(Debug, Serialize)]
struct Announced {
    namespace: String,
    revision: u64,
    commit: String,
    outcome: &'static str,
}

impl Render for Announced {
    fn text(&self, to: &mut dyn Write, paint: Paint) -> io::Result<()> {
        let revision = paint.bold(&format!("r{}", self.revision));
        writeln!(
            to,
            "{} {} is at {revision} ({:.12})",
            paint.green(&format!("{}:", self.outcome)),
            self.namespace,
            self.commit
        )
    }
}

/// `configbus hook announce`.
pub(super) fn announce(folder: &Path, output: Output) -> Result<(), Failure> {
    let repository = Repository::open(folder)?;
    match announce_head(&repository)? {
        Some(announced) => output.show(&announced),
        None => Err(Failure::new(
            ErrorKind::NotFound,
            "main has no commit yet, or neither zookeeper.connect nor server.url is set",
        )),
    }
}

/// As `post-receive`: the push is over, so what goes wrong here refuses nothing.
pub(super) fn after_push() {
    // Git writes the updates here; what counts is what `main` is when this runs.
    let _ = io::stdin().lock().read_to_end(&mut Vec::new());
    let announced = Repository::of_hook().and_then(|repository| announce_head(&repository));
    match announced {
        Ok(Some(announced)) => eprintln!("configbus: {} is at r{}", announced.namespace, announced.revision),
        Ok(None) => {}
        Err(failure) => {
            eprintln!("configbus: the push has landed and could not be announced: {}", failure.message());
            eprintln!("configbus: the next push makes up for it, or `configbus hook announce REPO`");
        }
    }
}

fn announce_head(repository: &Repository) -> Result<Option<Announced>, Failure> {
    let settings = HookSettings::read(repository)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let is_announced = !settings.zookeeper.connect.is_empty() || !settings.server.url.is_empty();
    let Some(head) = repository.head(clock.now_ms())?.filter(|_| is_announced) else { return Ok(None) };
    let namespace = settings.namespace()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let outcome = runtime.block_on(async {
        if settings.server.url.is_empty() {
            announce_to_zookeeper(&settings, clock, &namespace, &head).await
        } else {
            announce_to_server(&settings.server, clock, &namespace, &head).await
        }
    })?;
    let (revision, commit) = (head.revision.0, head.commit.to_string());
    Ok(Some(Announced { namespace: namespace.to_string(), revision, commit, outcome }))
}

async fn announce_to_server(
    server: &AnnouncedTo,
    clock: Arc<dyn Clock>,
    namespace: &Namespace,
    head: &Head,
) -> Result<&'static str, Failure> {
    let tls = ClientTls::open(&server.tls).map_err(|error| Failure::of(error.kind(), &error))?;
    let bearer = Bearer::in_file_if_any(server.token_file.as_deref());
    let bearer = bearer.map_err(|error| Failure::of(ErrorKind::Invalid, &error))?;
    let registry = EmbeddedClient::new(&server.url, &tls, &bearer, clock);
    let registry = registry.map_err(|error| Failure::of(ErrorKind::Invalid, &error))?;
    outcome(registry.announce(namespace, head).await, namespace, head)
}

async fn announce_to_zookeeper(
    settings: &HookSettings,
    clock: Arc<dyn Clock>,
    namespace: &Namespace,
    head: &Head,
) -> Result<&'static str, Failure> {
    let registry = ZooKeeperRegistry::new(&settings.zookeeper, clock);
    let registry = registry.map_err(|error| Failure::of(ErrorKind::Invalid, &error))?;
    let tasks = Tasks::new("hook");
    Arc::clone(&registry).start(&tasks);
    let mut connection = registry.connection();
    let connected =
        tokio::time::timeout(CONNECT_WITHIN, connection.wait_for(configbus_coordination::Connection::is_connected));
    if !matches!(connected.await, Ok(Ok(_))) {
        let reason = registry.connection().borrow().reason().unwrap_or("no answer").to_owned();
        return Err(Failure::new(ErrorKind::Unavailable, format!("cannot reach ZooKeeper: {reason}")));
    }
    let announced = registry.announce(namespace, head).await;
    tasks.shutdown();
    // The session ends with the process in any case.
    let _ = tasks.join(STOP_WITHIN).await;
    outcome(announced, namespace, head)
}

fn outcome(
    announced: Result<Announcement, RegistryError>,
    namespace: &Namespace,
    head: &Head,
) -> Result<&'static str, Failure> {
    match announced.map_err(|error| Failure::of(error.kind(), &error))? {
        Announcement::Written => Ok("announced"),
        Announcement::Same => Ok("announced already"),
        Announcement::AlreadyNewer(newer) => Err(Failure::new(
            ErrorKind::Conflict,
            format!(
                "coordination knows {} of {namespace} already, this repository is at {}",
                newer.revision, head.revision
            ),
        )),
        Announcement::Diverged(other) => Err(Failure::new(
            ErrorKind::Conflict,
            format!(
                "coordination knows another {} of {namespace}, {}: who else announces it?",
                other.revision, other.commit
            ),
        )),
    }
}

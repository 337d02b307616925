//! `/git/<namespace>.git/…`.

use super::{info_refs, rpc};
use crate::auth::Caller;
use crate::bus::Bus;
use crate::failure::Failure;
use crate::hook_socket::PushRegistry;
use crate::limits::over;
use crate::namespace::LiveNamespace;
use crate::rest::problem::status_of;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use configbus_gitstore::git::Service;
use configbus_model::{ErrorKind, Namespace};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;

/// How long a client waits for its turn when all Git children of its namespace are in use.
const TURN_WITHIN: Duration = Duration::from_secs(20);

/// When a client that got no turn may come back.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// What the Git routes need.
#[derive(Clone)]
pub(crate) struct GitState {
    pub(crate) bus: Arc<Bus>,
    pub(crate) pushes: PushRegistry,
    pub(crate) hooks: PathBuf,
    pub(crate) hook_socket: PathBuf,
    pub(crate) data: PathBuf,
}

/// Returns the routes.
pub(crate) fn routes(state: GitState) -> Router {
    Router::new()
        .route("/git/{repository}/info/refs", get(info_refs::answer))
        .route(
            "/git/{repository}/git-upload-pack",
            post(|state, caller, path, request| rpc::answer(state, caller, path, Service::UploadPack, request)),
        )
        .route(
            "/git/{repository}/git-receive-pack",
            post(|state, caller, path, request| rpc::answer(state, caller, path, Service::ReceivePack, request)),
        )
        .route("/git/{repository}/{*file}", any(refuse_file))
        .route("/git/{repository}", any(refuse_file_at_root))
        .with_state(state)
}

/// An answer that the Git client prints after `remote:`.
pub(super) struct GitRefusal(pub(super) StatusCode, pub(super) Failure);

impl From<Failure> for GitRefusal {
    fn from(failure: Failure) -> Self {
        // Git waits and tries again by itself only on 503 of some proxies; 429 reads better in its output.
        Self(status_of(failure.kind), failure)
    }
}

impl IntoResponse for GitRefusal {
    fn into_response(self) -> Response {
        let text = format!("{}\n", self.1.message);
        let plain = HeaderValue::from_static("text/plain; charset=utf-8");
        let mut response = (self.0, [(header::CONTENT_TYPE, plain)], text).into_response();
        if let Some(delay) = self.1.details.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(delay.as_secs().max(1)));
        }
        response
    }
}

/// Finds the namespace that a repository's name in a URL means, for a caller that may use it.
pub(super) fn find(bus: &Bus, caller: &Caller, repository: &str) -> Result<Arc<LiveNamespace>, Failure> {
    let name = repository.strip_suffix(".git").unwrap_or(repository);
    if let Ok(name) = Namespace::parse(name) {
        caller.check(&name)?;
    }
    let all = bus.namespaces.all();
    let known = all.keys().filter(|name| caller.principal.roles.sees(name));
    let found = Namespace::parse(name).ok().and_then(|name| bus.namespaces.get(&name));
    found.ok_or_else(|| {
        let name: String = name.chars().take(80).collect();
        let urls: Vec<String> = known.map(|name| format!("/git/{name}.git")).collect();
        Failure::not_found(format!("namespace {name:?} does not exist on this server, there is {}", urls.join(", ")))
    })
}

/// Waits for a turn among the Git children of a namespace.
pub(super) async fn turn(live: &LiveNamespace, service: Service) -> Result<OwnedSemaphorePermit, Failure> {
    let permits = match service {
        Service::UploadPack => &live.fetches,
        Service::ReceivePack => &live.pushes,
    };
    let waiting = Arc::clone(permits).acquire_owned();
    match tokio::time::timeout(TURN_WITHIN, waiting).await {
        Ok(Ok(permit)) => Ok(permit),
        Ok(Err(_)) => Err(Failure::stopping()),
        Err(_) => {
            let what = format!("too many clones and pushes of {} at once, try again in a moment", live.name);
            let max = live.limits.git_children_max;
            let text = over(&what, max, max, "under way", "limits.git_children_max");
            Err(Failure::exhausted(text, RETRY_AFTER))
        }
    }
}

async fn refuse_file(
    State(state): State<GitState>,
    caller: Caller,
    Path((repository, _)): Path<(String, String)>,
) -> GitRefusal {
    refuse(&state, &caller, &repository)
}

async fn refuse_file_at_root(
    State(state): State<GitState>,
    caller: Caller,
    Path(repository): Path<String>,
) -> GitRefusal {
    refuse(&state, &caller, &repository)
}

fn refuse(state: &GitState, caller: &Caller, repository: &str) -> GitRefusal {
    match find(&state.bus, caller, repository) {
        Ok(_) => dumb_protocol(),
        Err(failure) => failure.into(),
    }
}

/// Files of the repository are not served: what was refused in quarantine would be readable.
pub(super) fn dumb_protocol() -> GitRefusal {
    let text = "this server speaks Git's smart protocol only, use git 1.6.6 or later";
    GitRefusal(StatusCode::FORBIDDEN, Failure::new(ErrorKind::Unsupported, text))
}

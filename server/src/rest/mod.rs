//! The REST facade. Names of paths, parameters and headers are pinned: scripts depend on them.

mod blame;
mod body;
mod commits;
pub(crate) mod etag;
mod files;
mod fleet;
mod history;
mod list;
mod namespaces;
mod openapi;
mod params;
pub(crate) mod problem;
mod request_id;
mod revert;
mod shapes;
mod storage;
mod watch;

use crate::bus::Bus;
use crate::failure::Failure;
use axum::Router;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{delete, get, post};
use configbus_model::{At, ErrorKind, Revision};
use std::sync::Arc;

/// The namespace an answer is about: whose revision it is.
const NAMESPACE_HEADER: &str = "configbus-namespace";

/// The revision an answer is about.
const REVISION_HEADER: &str = "configbus-revision";

/// Returns the routes.
pub(crate) fn routes(bus: &Arc<Bus>) -> Router {
    let api = Router::new()
        .route("/files/{*path}", get(files::read).put(files::write).delete(files::delete))
        .route("/list", get(list::root))
        .route("/list/", get(list::root))
        .route("/list/{*prefix}", get(list::below))
        .route("/commits", post(commits::create))
        .route("/revert", post(revert::create))
        .route("/log", get(history::log))
        .route("/blame/{*path}", get(blame::lines))
        .route("/diff", get(history::diff))
        .route("/watch", get(watch::follow))
        .route("/fleet", get(fleet::show))
        .route("/namespaces", get(namespaces::list).post(namespaces::create))
        .route("/namespaces/{namespace}", delete(namespaces::delete))
        .route("/storage", get(storage::show))
        .method_not_allowed_fallback(wrong_method)
        .fallback(unknown)
        .with_state(Arc::clone(bus));
    Router::new().nest("/v1", api).route("/openapi.json", get(openapi::document))
}

async fn unknown() -> Failure {
    Failure::not_found("there is nothing at this path, see /openapi.json")
}

async fn wrong_method() -> Response {
    let failure = Failure::new(ErrorKind::Unsupported, "this path does not take that method, see /openapi.json");
    problem::with_status(StatusCode::METHOD_NOT_ALLOWED, &failure)
}

/// Reads `r42` or `42`; zero and nothing mean the head.
fn revision(text: Option<&str>) -> Result<Option<Revision>, Failure> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    let revision = text.parse::<Revision>().map_err(Failure::invalid)?;
    Ok(Some(revision).filter(|revision| *revision != Revision::ZERO))
}

/// Reads a revision, a commit or a time; zero and nothing mean the head.
fn point(bus: &Bus, text: Option<&str>) -> Result<Option<At>, Failure> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    let at = At::parse(text, bus.clock.now_ms()).map_err(Failure::invalid)?;
    Ok(Some(at).filter(|at| *at != At::Revision(Revision::ZERO)))
}

/// Reads a switch of a query: present without a value means on.
fn is_on(name: &str, text: Option<&str>) -> Result<bool, Failure> {
    match text {
        None | Some("0" | "false" | "no") => Ok(false),
        Some("" | "1" | "true" | "yes") => Ok(true),
        Some(other) => Err(Failure::invalid(format!("{name}={other}, expected true or false"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn revisions_are_read_in_both_spellings() {
        assert_eq!(revision(Some("r42")).unwrap(), Some(Revision(42)));
        assert_eq!(revision(Some("42")).unwrap(), Some(Revision(42)));
        assert_eq!(revision(Some("0")).unwrap(), None);
        assert_eq!(revision(None).unwrap(), None);
        assert_eq!(revision(Some("latest")).unwrap_err().kind, ErrorKind::Invalid);
    }

    #[test]
    fn a_switch_that_is_neither_on_nor_off_is_refused() {
        assert!(is_on("recursive", Some("")).unwrap());
        assert!(!is_on("recursive", None).unwrap());
        assert!(is_on("recursive", Some("perhaps")).is_err());
    }
}

//! `/v1/watch`: changes as server-sent events.
//!
//! The id of an event is its revision, so a browser that reconnects resumes by itself with `Last-Event-ID`.

use super::history::namespace;
use super::params::Params;
use super::shapes::{ChangeShape, HeadShape};
use super::{problem, revision};
use crate::auth::Caller;
use crate::bus::Bus;
use crate::failure::Failure;
use crate::ops::watch::{self, Update, WatchRequest};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Sse;
use axum::response::sse::Event;
use configbus_model::Namespace;
use futures_util::{Stream, StreamExt as _};
use serde::Serialize;
use std::sync::Arc;

#[derive(Debug, Serialize)]
struct UpdateShape {
    head: HeadShape,
    from_revision: u64,
    changes: Vec<ChangeShape>,
}

/// Parameters `path` (repeated), `from_revision` and `namespace`.
pub(super) async fn follow(
    State(bus): State<Arc<Bus>>,
    caller: Caller,
    Params(pairs): Params<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, axum::Error>>>, Failure> {
    let request = request(pairs, headers.get("last-event-id").and_then(|value| value.to_str().ok()))?;
    let namespace = request.namespace.clone();
    let updates = watch::watch(&bus, &caller, request).await?;
    Ok(Sse::new(updates.map(move |update| match update {
        Ok(update) => event(&namespace, &update),
        Err(failure) => Event::default().event("error").json_data(problem::of(&failure)),
    })))
}

fn request(pairs: Vec<(String, String)>, last_event: Option<&str>) -> Result<WatchRequest, Failure> {
    let mut request = WatchRequest { namespace: Namespace::main(), paths: Vec::new(), from: None };
    for (name, value) in pairs {
        match name.as_str() {
            "path" => request.paths.push(value),
            "from_revision" => request.from = revision(Some(&value))?,
            "namespace" => request.namespace = namespace(Some(&value))?,
            other => return Err(Failure::invalid(format!("parameter {other:?} is unknown, see /openapi.json"))),
        }
    }
    if let Some(told) = last_event {
        // Who was told of no revision yet resumes before the first one.
        request.from = Some(told.parse().map_err(Failure::invalid)?);
    }
    Ok(request)
}

fn event(namespace: &Namespace, update: &Update) -> Result<Event, axum::Error> {
    let kind = if update.changes.is_empty() { "heartbeat" } else { "change" };
    let shape = UpdateShape {
        head: HeadShape::new(namespace, &update.head),
        from_revision: update.from.0,
        changes: update.changes.iter().map(Into::into).collect(),
    };
    Event::default().event(kind).id(update.head.revision.0.to_string()).json_data(shape)
}

#[cfg(test)]
mod tests {
    use super::*;
    use configbus_model::Revision;

    fn pairs(given: &[(&str, &str)]) -> Vec<(String, String)> {
        given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_browser_that_reconnects_resumes_where_it_was() {
        let request = request(pairs(&[("path", "a/"), ("path", "b"), ("from_revision", "r3")]), Some("7")).unwrap();
        assert_eq!(request.paths, ["a/", "b"]);
        assert_eq!(request.from, Some(Revision(7)));
    }

    #[test]
    fn who_has_seen_only_an_empty_namespace_misses_nothing_of_it() {
        assert_eq!(request(Vec::new(), Some("0")).unwrap().from, Some(Revision::ZERO));
        assert_eq!(request(pairs(&[("from_revision", "0")]), None).unwrap().from, None);
    }

    #[test]
    fn an_unknown_parameter_is_named() {
        assert!(super::request(pairs(&[("paths", "a")]), None).is_err());
    }
}

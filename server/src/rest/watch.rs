//! `/v1/watch`: changes as server-sent events.
//!
//! The id of an event is the revision that has been told, or those of all namespaces that take part
//! (`main:5,traffic:3`), so a browser that reconnects resumes by itself with `Last-Event-ID`.

use super::history::namespace;
use super::params::Params;
use super::shapes::{ChangeShape, HeadShape};
use super::{problem, revision};
use crate::auth::Caller;
use crate::bus::Bus;
use crate::failure::Failure;
use crate::ops::watch::{self, Moved, Update, WatchRequest};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Sse;
use axum::response::sse::Event;
use configbus_model::{Namespace, Revision};
use futures_util::{Stream, StreamExt as _};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Debug, Serialize)]
struct UpdateShape {
    head: HeadShape,
    from_revision: u64,
    changes: Vec<ChangeShape>,
    /// A directory that became a namespace; its files have not changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    moved: Option<MovedShape>,
}

#[derive(Debug, Serialize)]
struct MovedShape {
    prefix: String,
    namespace: String,
}

/// What has been told of each namespace.
#[derive(Debug, Default)]
struct Told(BTreeMap<Namespace, Revision>);

impl Told {
    fn id(&self) -> String {
        match self.0.iter().next() {
            Some((name, revision)) if self.0.len() == 1 && *name == Namespace::main() => revision.0.to_string(),
            _ => {
                let one = |(name, revision): (&Namespace, &Revision)| format!("{name}:{}", revision.0);
                self.0.iter().map(one).collect::<Vec<_>>().join(",")
            }
        }
    }

    fn parse(id: &str) -> Result<Self, Failure> {
        let one = |text: &str| {
            let (name, revision) = text.split_once(':').unwrap_or(("main", text));
            let name = Namespace::parse(name).map_err(Failure::invalid)?;
            Ok((name, revision.parse().map_err(Failure::invalid)?))
        };
        id.split(',').map(one).collect::<Result<_, Failure>>().map(Self)
    }
}

/// Parameters `path` (repeated), `from_revision` and `namespace`.
pub(super) async fn follow(
    State(bus): State<Arc<Bus>>,
    caller: Caller,
    Params(pairs): Params<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, axum::Error>>>, Failure> {
    let request = request(pairs, headers.get("last-event-id").and_then(|value| value.to_str().ok()))?;
    let mut told = Told(request.from_of.clone());
    let updates = watch::watch(&bus, &caller, request).await?;
    Ok(Sse::new(updates.map(move |update| match update {
        Ok(update) => {
            told.0.insert(update.namespace.clone(), update.head.revision);
            event(told.id(), &update)
        }
        Err(failure) => Event::default().event("error").json_data(problem::of(&failure)),
    })))
}

fn request(pairs: Vec<(String, String)>, last_event: Option<&str>) -> Result<WatchRequest, Failure> {
    let mut request =
        WatchRequest { namespace: Namespace::main(), paths: Vec::new(), from: None, from_of: BTreeMap::new() };
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
        request.from_of = Told::parse(told)?.0;
        request.from = request.from_of.get(&request.namespace).copied();
    }
    Ok(request)
}

fn event(id: String, update: &Update) -> Result<Event, axum::Error> {
    let kind = match (&update.moved, update.changes.is_empty()) {
        (Some(_), _) => "moved",
        (None, true) => "heartbeat",
        (None, false) => "change",
    };
    let moved =
        |moved: &Moved| MovedShape { prefix: moved.prefix.to_string(), namespace: update.namespace.to_string() };
    let shape = UpdateShape {
        moved: update.moved.as_ref().map(moved),
        head: HeadShape::new(&update.namespace, &update.head),
        from_revision: update.from.0,
        changes: update.changes.iter().map(Into::into).collect(),
    };
    Event::default().event(kind).id(id).json_data(shape)
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn an_event_of_several_namespaces_says_where_each_of_them_is() {
        let told = Told::parse("main:5,traffic:3").unwrap();
        assert_eq!(told.id(), "main:5,traffic:3");
        assert_eq!(Told::parse("7").unwrap().id(), "7");
        assert!(Told::parse("main:x").is_err());
    }

    #[test]
    fn an_unknown_parameter_is_named() {
        assert!(super::request(pairs(&[("paths", "a")]), None).is_err());
    }
}

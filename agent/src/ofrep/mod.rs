//! OpenFeature's remote evaluation protocol, version 0.3: one flag, all flags with validators, and events that tell when to ask again.
//!
//! Where the protocol is silent: an absent targeting key is no error, as many flags need none; a flag that is off, or has no default
//! variant, answers without a value; the query of a request is never taken for a validator.

mod answer;
mod events;
mod question;

use crate::{
    flag_state::{FlagState, WHOLE_SETS},
    local_http::LocalHttp,
    metrics::AgentMetrics,
};
use answer::{Bulk, Evaluation, Failure};
use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, State, rejection::BytesRejection},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::map_response,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use configbus_client::switches::xxh64;
use question::{Refusal, context_of};
use serde_json::{Map, Value, json};
use std::{future::ready, sync::Arc};

/// Where events are.
const EVENTS: &str = "/ofrep/v1/events";

/// Largest question.
const BODY_BYTES_MAX: usize = 1024 * 1024;

/// How long callers wait for a host that has nothing yet.
const RETRY_SECONDS: &str = "1";

pub(crate) fn routes(metrics: &AgentMetrics) -> Router<LocalHttp> {
    let counted = |kind: &'static str| {
        let metrics = metrics.clone();
        map_response(move |answer: Response| {
            metrics.ofrep_answer(kind, answer.status().as_u16());
            ready(answer)
        })
    };
    Router::new()
        .route("/ofrep/v1/evaluate/flags", post(all).layer(counted("all")))
        // Keys have slashes, and not every client encodes them.
        .route("/ofrep/v1/evaluate/flags/{*key}", post(one).layer(counted("one")))
        .route(EVENTS, get(events::stream))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
}

type Body = Result<Bytes, BytesRejection>;

async fn one(State(http): State<LocalHttp>, Path(key): Path<String>, headers: HeaderMap, body: Body) -> Response {
    let Some(state) = http.flags.state() else { return not_yet() };
    let context = match context_of(&headers, body) {
        Ok(context) => context,
        Err(refusal) => return refuse(refusal, Some(&key)),
    };
    let found = state.resolve(&key, &context);
    match Evaluation::of(&key, &found) {
        Evaluation::Success(success) => Json(success).into_response(),
        Evaluation::Failure(failure) => {
            let status = if failure.is_unknown() { StatusCode::NOT_FOUND } else { StatusCode::BAD_REQUEST };
            (status, Json(failure)).into_response()
        }
    }
}

async fn all(State(http): State<LocalHttp>, headers: HeaderMap, body: Body) -> Response {
    let Some(state) = http.flags.state() else { return not_yet() };
    let context = match context_of(&headers, body) {
        Ok(context) => context,
        Err(refusal) => return refuse(refusal, None),
    };
    let told = match WHOLE_SETS.run(move || bulk(&state, &context)).await {
        Ok(told) => told,
        Err(error) => {
            let told = Json(json!({ "errorDetails": error.to_string() }));
            return (StatusCode::INTERNAL_SERVER_ERROR, told).into_response();
        }
    };
    // Of what is told, so that it survives a restart and knows of rules with dates.
    let etag = format!("\"{:016x}\"", xxh64(0, &told));
    let validator = HeaderValue::from_str(&etag).map(|etag| [(header::ETAG, etag)]);
    if is_known(&headers, &etag) {
        return (StatusCode::NOT_MODIFIED, validator.ok(), ()).into_response();
    }
    ([(header::CONTENT_TYPE, "application/json")], validator.ok(), told).into_response()
}

fn bulk(state: &Arc<FlagState>, context: &Map<String, Value>) -> serde_json::Result<Vec<u8>> {
    let mut flags = Vec::new();
    state.each(context, |key, found| flags.push(Evaluation::of(key, &found)));
    serde_json::to_vec(&Bulk::of(flags, EVENTS))
}

/// Compares weakly, as a 304 asks for.
fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    let named = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|named| named.to_str().ok());
    let mut named = named.flat_map(|named| named.split(',')).map(str::trim);
    named.any(|named| named == "*" || named.strip_prefix("W/").unwrap_or(named) == etag)
}

fn refuse(refusal: Refusal, key: Option<&str>) -> Response {
    let failure = Failure { key, error_code: refusal.code, error_details: refusal.details };
    (refusal.status, Json(failure)).into_response()
}

fn not_yet() -> Response {
    let told = Json(json!({ "errorDetails": "no revision on this host yet" }));
    (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, RETRY_SECONDS)], told).into_response()
}

//! Web pages may ask for flags only from origins that are allowed: what is true of a user is nobody else's business.

use axum::{
    Json,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde_json::json;
use std::sync::Arc;

/// How long browsers keep a permission.
const MAX_AGE_SECONDS: &str = "600";

/// Refuses pages of foreign origins and tells browsers what pages of allowed ones may do.
pub(crate) async fn judge(State(allowed): State<Arc<[String]>>, request: Request, next: Next) -> Response {
    let Some(origin) = request.headers().get(header::ORIGIN).cloned() else { return next.run(request).await };
    let is_allowed = origin.to_str().is_ok_and(|origin| {
        allowed.iter().any(|allowed| allowed == "*" || allowed == origin) || is_own(origin, request.headers())
    });
    if !is_allowed {
        let told = "pages of this origin may not ask; see allowed_origins in the settings of the agent";
        return (StatusCode::FORBIDDEN, Json(json!({ "errorDetails": told }))).into_response();
    }
    let is_question = request.method() == Method::OPTIONS;
    let mut response = if is_question { StatusCode::NO_CONTENT.into_response() } else { next.run(request).await };
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.append(header::VARY, HeaderValue::from_static("origin"));
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("etag, retry-after"));
    if is_question {
        let asked = "content-type, if-none-match, authorization, x-api-key, last-event-id, cache-control";
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST"));
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(asked));
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(MAX_AGE_SECONDS));
    }
    response
}

/// Returns whether the page came from this very address.
fn is_own(origin: &str, headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    origin.strip_prefix("http://").is_some_and(|own| Some(own) == host)
}

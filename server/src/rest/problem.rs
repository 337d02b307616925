//! Errors as `application/problem+json` (RFC 9457).

use crate::failure::Failure;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use configbus_model::ErrorKind;
use serde::Serialize;

/// Media type of the answer.
const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

/// A failure as a document.
#[derive(Debug, Serialize)]
pub(crate) struct Problem<'a> {
    #[serde(rename = "type")]
    kind: String,
    title: &'static str,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    conflicts: Vec<Conflict<'a>>,
    /// The gate's report, as `configbus validate --format json` prints it.
    #[serde(skip_serializing_if = "Option::is_none")]
    report: Option<serde_json::Value>,
}

#[derive(Debug, Serialize)]
struct Conflict<'a> {
    path: &'a str,
    /// Blob id that is there, null when nothing is.
    current: Option<&'a str>,
}

/// Returns the status of a kind. This is the one place that maps them.
pub(crate) const fn status_of(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::Conflict => StatusCode::PRECONDITION_FAILED,
        ErrorKind::Rejected => StatusCode::UNPROCESSABLE_ENTITY,
        ErrorKind::Invalid => StatusCode::BAD_REQUEST,
        ErrorKind::Unauthenticated => StatusCode::UNAUTHORIZED,
        ErrorKind::Denied => StatusCode::FORBIDDEN,
        ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::Exhausted => StatusCode::TOO_MANY_REQUESTS,
        ErrorKind::Unsupported => StatusCode::NOT_IMPLEMENTED,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

const fn title_of(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::NotFound => "not found",
        ErrorKind::Conflict => "somebody else changed it first",
        ErrorKind::Rejected => "refused by validation",
        ErrorKind::Invalid => "the request is wrong",
        ErrorKind::Unauthenticated => "who are you",
        ErrorKind::Denied => "not allowed",
        ErrorKind::Unavailable => "not available right now",
        ErrorKind::Exhausted => "too much at once",
        ErrorKind::Unsupported => "not supported by this release",
        _ => "the server failed",
    }
}

/// Describes a failure where there is no status any more.
pub(crate) fn of(failure: &Failure) -> Problem<'_> {
    described(status_of(failure.kind), failure)
}

fn described(status: StatusCode, failure: &Failure) -> Problem<'_> {
    let details = &failure.details;
    Problem {
        kind: format!("urn:configbus:error:{}", failure.kind),
        title: title_of(failure.kind),
        status: status.as_u16(),
        detail: &failure.message,
        conflicts: details
            .conflicts
            .iter()
            .map(|conflict| Conflict { path: &conflict.path, current: conflict.current.as_deref() })
            .collect(),
        report: details.report.as_deref().and_then(|report| serde_json::from_str(report).ok()),
    }
}

/// Answers a failure with a status that says more than its kind.
pub(crate) fn with_status(status: StatusCode, failure: &Failure) -> Response {
    let details = &failure.details;
    let problem = described(status, failure);
    let mut response = (status, axum::Json(problem)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, PROBLEM_JSON);
    if let Some(delay) = details.retry_after {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(delay.as_secs().max(1)));
    }
    // A request for one file that fails on it says what is there, as any answer about a file does.
    if let ([conflict], ErrorKind::Conflict) = (details.conflicts.as_slice(), failure.kind)
        && let Some(tag) = conflict.current.as_deref().and_then(super::etag::of_text)
    {
        headers.insert(header::ETAG, tag);
    }
    response
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        with_status(status_of(self.kind), &self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use configbus_proto::status::{ConflictDetail, Details};

    async fn check_problem(failure: Failure) -> (StatusCode, serde_json::Value, Response) {
        let response = failure.clone().into_response();
        let status = response.status();
        let body = axum::body::to_bytes(failure.into_response().into_body(), 10_000).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap(), response)
    }

    #[tokio::test]
    async fn a_conflict_names_path_and_id_and_carries_the_etag() {
        let current = Some("ce013625030ba8dba906f756967f9e9ca394464a".to_owned());
        let conflicts = vec![ConflictDetail { path: "a.json".into(), current }];
        let details = Details { conflicts, ..Details::default() };
        let failure = Failure { kind: ErrorKind::Conflict, message: "a.json has changed".into(), details };
        let (status, body, response) = check_problem(failure).await;
        assert_eq!(status, StatusCode::PRECONDITION_FAILED);
        assert_eq!(body["conflicts"][0]["path"], "a.json");
        assert_eq!(body["type"], "urn:configbus:error:conflict");
        assert_eq!(response.headers()[header::ETAG], "\"ce013625030ba8dba906f756967f9e9ca394464a\"");
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
    }

    #[tokio::test]
    async fn a_full_queue_says_when_to_come_back() {
        let failure = Failure::exhausted("queue is full", std::time::Duration::from_millis(50));
        let (status, _, response) = check_problem(failure).await;
        assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(response.headers()[header::RETRY_AFTER], "1");
    }
}

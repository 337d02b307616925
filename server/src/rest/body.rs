//! Request bodies: bounded, and JSON only when it says so.

use super::problem;
use crate::failure::Failure;
use crate::grpc::too_large;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use serde::de::DeserializeOwned;

/// Reads a body of at most `bytes_max`.
pub(super) async fn read(headers: &HeaderMap, body: Body, bytes_max: usize) -> Result<Bytes, Response> {
    let too_large = |found: String| {
        problem::with_status(StatusCode::PAYLOAD_TOO_LARGE, &Failure::invalid(too_large(found, bytes_max)))
    };
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if let Some(bytes) = announced.filter(|bytes| *bytes > bytes_max) {
        return Err(too_large(bytes.to_string()));
    }
    to_bytes(body, bytes_max).await.map_err(|error| {
        use std::error::Error as _;
        if error.source().is_some_and(|source| source.is::<http_body_util::LengthLimitError>()) {
            return too_large(format!("more than {bytes_max}"));
        }
        Failure::invalid("the body broke off").into_response()
    })
}

/// Reads JSON. A form or plain text, which a page of another site may send unasked, is not taken for JSON.
pub(super) async fn read_json<T: DeserializeOwned>(
    headers: &HeaderMap,
    body: Body,
    bytes_max: usize,
) -> Result<T, Response> {
    if !is_json(headers) {
        let failure = Failure::invalid("the body needs content type application/json");
        return Err(problem::with_status(StatusCode::UNSUPPORTED_MEDIA_TYPE, &failure));
    }
    let body = read(headers, body, bytes_max).await?;
    serde_json::from_slice(&body)
        .map_err(|error| Failure::invalid(format!("the body is not what is expected: {error}")).into_response())
}

fn is_json(headers: &HeaderMap) -> bool {
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = given.split(';').next().unwrap_or_default().trim();
    media_type.eq_ignore_ascii_case("application/json")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(content_type: &str) -> HeaderMap {
        HeaderMap::from_iter([(header::CONTENT_TYPE, content_type.parse().unwrap())])
    }

    #[tokio::test]
    async fn only_json_is_taken_for_json() {
        let status = async |content_type: &str| {
            let read = read_json::<serde_json::Value>(&headers(content_type), Body::from("{}"), 10).await;
            read.map_or_else(|response| response.status(), |_| StatusCode::OK)
        };
        assert_eq!(status("application/json; charset=utf-8").await, StatusCode::OK);
        for content_type in ["text/plain", "application/x-www-form-urlencoded", "application/jsonx"] {
            assert_eq!(status(content_type).await, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{content_type}");
        }
    }

    #[tokio::test]
    async fn a_body_over_the_bound_is_refused() {
        let response = read(&HeaderMap::new(), Body::from("12345"), 4).await.unwrap_err();
        assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(read(&HeaderMap::new(), Body::from("1234"), 4).await.unwrap(), "1234");
    }
}

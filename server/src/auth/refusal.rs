//! How somebody who may not come in is told so, in the protocol they speak.

use super::Needs;
use crate::failure::Failure;
use crate::rest::problem;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use configbus_model::ErrorKind;
use configbus_proto::status::Details;
use std::time::Duration;

/// Makes stock Git ask its credential helper and browsers their user. Git takes the first it knows.
const CHALLENGES: [HeaderValue; 2] = [
    HeaderValue::from_static("Basic realm=\"configbus\", charset=\"UTF-8\""),
    HeaderValue::from_static("Bearer realm=\"configbus\""),
];

/// Why somebody may not come in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refused {
    /// No credential was given.
    Unknown { needs: Needs },
    /// The credential does not hold.
    Wrong { reason: String },
    /// It holds and is not enough.
    Forbidden { reason: String },
    /// Too many that did not hold came from there.
    TooMany { retry_after: Duration },
    /// The route takes other methods.
    WrongMethod,
    /// There is no such route.
    Nowhere,
}

impl Refused {
    fn failure(self) -> Failure {
        match self {
            Self::Unknown { needs } => {
                let text = format!(
                    "this needs {}: give an access token as Bearer, or as the password of Basic",
                    needs.described()
                );
                Failure::new(ErrorKind::Unauthenticated, text)
            }
            Self::Wrong { reason } => Failure::new(ErrorKind::Unauthenticated, reason),
            Self::Forbidden { reason } => Failure::new(ErrorKind::Denied, reason),
            Self::TooMany { retry_after } => {
                let details = Details { retry_after: Some(retry_after), ..Details::default() };
                let message = "too many wrong credentials came from this address".to_owned();
                Failure { kind: ErrorKind::Exhausted, message, details }
            }
            Self::WrongMethod => {
                Failure::new(ErrorKind::Unsupported, "this path does not take that method, see /openapi.json")
            }
            Self::Nowhere => Failure::not_found("there is nothing at this path, see / and /openapi.json"),
        }
    }
}

/// How a caller is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    Grpc,
    Git,
    Rest,
}

impl Manner {
    /// Finds out what a request speaks.
    pub(super) fn of(request: &Request) -> Self {
        let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        match content_type {
            Some(content_type) if content_type.starts_with("application/grpc") => Self::Grpc,
            _ if request.uri().path().starts_with("/git/") => Self::Git,
            _ => Self::Rest,
        }
    }
}

/// Answers a request that may not come in.
pub(super) fn answer(manner: Manner, refused: Refused) -> Response {
    let is_wrong_method = refused == Refused::WrongMethod;
    let failure = if manner == Manner::Grpc && matches!(refused, Refused::WrongMethod | Refused::Nowhere) {
        Failure::new(ErrorKind::Unsupported, "this server has no such service or method")
    } else {
        refused.failure()
    };
    let mut response = match manner {
        Manner::Grpc => return tonic::Status::from(failure).into_http::<Body>(),
        Manner::Git => plain(&failure),
        Manner::Rest if is_wrong_method => problem::with_status(StatusCode::METHOD_NOT_ALLOWED, &failure),
        Manner::Rest => failure.into_response(),
    };
    if response.status() == StatusCode::UNAUTHORIZED {
        for challenge in CHALLENGES {
            response.headers_mut().append(header::WWW_AUTHENTICATE, challenge);
        }
    }
    response
}

/// Git prints plain text after `remote:`.
fn plain(failure: &Failure) -> Response {
    let text = HeaderValue::from_static("text/plain; charset=utf-8");
    let mut response =
        (problem::status_of(failure.kind), [(header::CONTENT_TYPE, text)], format!("{}\n", failure.message))
            .into_response();
    if let Some(delay) = failure.details.retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(delay.as_secs().max(1)));
    }
    response
}

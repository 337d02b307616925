//! A token that programs give to ask for flags, on hosts with users who should not.

use axum::{
    Json,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use configbus_model::Token;
use configbus_proto::Bearer;
use serde_json::json;
use tonic::Status;

/// Refuses who does not give the token, where one is set.
pub(crate) async fn judge(State(bearer): State<Bearer>, request: Request, next: Next) -> Response {
    let wanted = match bearer.token() {
        Ok(None) => return next.run(request).await,
        Ok(Some(wanted)) => wanted,
        Err(error) => {
            // The reason names a file of the host, which is nobody's business who asks.
            tracing::error!(%error, "flags are answered to nobody");
            let told = "the token of this host cannot be read";
            if is_grpc(request.headers()) {
                return Status::internal(told).into_http::<Body>();
            }
            return (StatusCode::INTERNAL_SERVER_ERROR, Json(json!({ "errorDetails": told }))).into_response();
        }
    };
    if given(request.headers()).is_some_and(|given| given.hash().is(&wanted.hash())) {
        return next.run(request).await;
    }
    let told = "expected the token in flags_token_file, as Authorization: Bearer or X-API-Key";
    if is_grpc(request.headers()) {
        return Status::unauthenticated(told).into_http::<Body>();
    }
    (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Bearer")], Json(json!({ "errorDetails": told })))
        .into_response()
}

fn is_grpc(headers: &HeaderMap) -> bool {
    let told = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    told.is_some_and(|told| told.starts_with(b"application/grpc"))
}

fn given(headers: &HeaderMap) -> Option<Token> {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|given| given.to_str().ok()?.split_once(' '));
    let bearer = bearer.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, token)| token);
    let token = bearer.or_else(|| headers.get("x-api-key")?.to_str().ok())?;
    Token::parse(token.trim()).ok()
}

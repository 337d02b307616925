//! What callers send.

use super::Body;
use axum::http::{HeaderMap, StatusCode, header};
use configbus_client::switches::TARGETING_KEY;
use serde_json::{Map, Value};

/// A question that cannot be answered.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    pub(super) details: String,
}

impl Refusal {
    fn new(status: StatusCode, code: &'static str, details: impl Into<String>) -> Self {
        Self { status, code, details: details.into() }
    }
}

/// Reads `{"context": {…}}`. No body, and a body without a context, ask for nobody in particular.
pub(super) fn context_of(headers: &HeaderMap, body: Body) -> Result<Map<String, Value>, Refusal> {
    let body = body.map_err(|error| Refusal::new(error.status(), "GENERAL", error.body_text()))?;
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Map::new());
    }
    // A page of any origin may send other types without asking.
    if !is_json(headers) {
        let told = "the question is not of the type application/json";
        return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "GENERAL", told));
    }
    let wrong = |code, details: String| Refusal::new(StatusCode::BAD_REQUEST, code, details);
    let document: Value =
        serde_json::from_slice(&body).map_err(|error| wrong("PARSE_ERROR", format!("body is no JSON: {error}")))?;
    let Value::Object(mut members) = document else {
        return Err(wrong("PARSE_ERROR", "body is no object with a context".to_owned()));
    };
    match members.remove("context") {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::Object(context)) if context.get(TARGETING_KEY).is_none_or(Value::is_string) => Ok(context),
        Some(Value::Object(_)) => Err(wrong("INVALID_CONTEXT", "targetingKey is no text".to_owned())),
        Some(_) => Err(wrong("INVALID_CONTEXT", "context is no object".to_owned())),
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let told = headers.get(header::CONTENT_TYPE).and_then(|told| told.to_str().ok());
    let told = told.map(|told| told.split(';').next().unwrap_or(told).trim().to_ascii_lowercase());
    told.is_some_and(|told| told == "application/json" || told.ends_with("+json"))
}

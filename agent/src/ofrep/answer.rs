//! What callers are told.

use crate::flag_state::details_of;
use configbus_client::switches::{ErrorCode, Resolution};
use serde::Serialize;
use serde_json::{Map, Value};

/// Seconds after which a page that nobody looks at lets go of the events.
const INACTIVITY_SECONDS: u32 = 120;

/// One flag.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Evaluation<'a> {
    Success(Success<'a>),
    Failure(Failure<'a>),
}

#[derive(Debug, Serialize)]
pub(super) struct Success<'a> {
    key: &'a str,
    reason: &'static str,
    /// Absent where the caller's default counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    variant: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a Map<String, Value>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Failure<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) key: Option<&'a str>,
    pub(super) error_code: &'static str,
    pub(super) error_details: String,
}

impl Failure<'_> {
    pub(super) fn is_unknown(&self) -> bool {
        self.error_code == ErrorCode::FlagNotFound.as_str()
    }
}

impl<'a> Evaluation<'a> {
    pub(super) fn of(key: &'a str, found: &Resolution<'a>) -> Self {
        if let Some(error) = found.error {
            let error_details = details_of(error, key);
            return Self::Failure(Failure { key: Some(key), error_code: error.as_str(), error_details });
        }
        let Resolution { value, variant, reason, metadata, .. } = *found;
        let metadata = metadata.filter(|metadata| !metadata.is_empty());
        Self::Success(Success { key, reason: reason.as_str(), value, variant, metadata })
    }
}

/// All flags.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Bulk<'a> {
    flags: Vec<Evaluation<'a>>,
    event_streams: [EventStream; 1],
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct EventStream {
    r#type: &'static str,
    /// Without an origin: callers reach the agent by names that it does not know.
    endpoint: Endpoint,
    inactivity_delay_sec: u32,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Endpoint {
    request_uri: &'static str,
}

impl<'a> Bulk<'a> {
    pub(super) fn of(flags: Vec<Evaluation<'a>>, events: &'static str) -> Self {
        let endpoint = Endpoint { request_uri: events };
        Self {
            flags,
            event_streams: [EventStream { r#type: "sse", endpoint, inactivity_delay_sec: INACTIVITY_SECONDS }],
        }
    }
}

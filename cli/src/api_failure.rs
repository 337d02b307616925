//! Failures of calls to the server, in words for people.

use crate::report::{Detail, Failure};
use configbus_api::ApiError;
use configbus_hooks::Report;
use std::error::Error;

/// Returns the report of the gate, if that is what the failure is about and the server is of this release.
pub(crate) fn report_of(error: &ApiError) -> Option<Report> {
    serde_json::from_str(error.report()?).ok()
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        let conflict = |conflict: &configbus_api::Conflict| Detail {
            place: conflict.path.to_string(),
            text: conflict.current.map_or_else(|| "does not exist".to_owned(), |id| format!("is now {id}")),
        };
        let finding =
            |finding: &configbus_api::Finding| Detail { place: finding.place.clone(), text: finding.message.clone() };
        let conflicts = error.conflicts().iter().map(conflict);
        let details = conflicts.chain(error.findings().iter().map(finding)).collect();
        let failure = Self::new(error.kind(), described(&error)).with_details(details);
        let failure = match report_of(&error) {
            Some(report) => failure.with_report(report),
            None => failure,
        };
        match error {
            ApiError::TurnedAway { .. } => failure.with_hint("--certificate and --key name the certificate to present"),
            ApiError::Unreachable { .. } => {
                failure.with_hint("`configbus up` starts a bus here; --server or CONFIGBUS_SERVER names another server")
            }
            _ => failure,
        }
    }
}

/// Adds why nobody answers. Of the layers in between only the innermost says something.
fn described(error: &ApiError) -> String {
    match error {
        ApiError::Unreachable { source, .. } => format!("{error}: {}", innermost(source)),
        ApiError::TurnedAway { source, .. } => format!("{error}: {source}"),
        error => error.to_string(),
    }
}

fn innermost(error: &(dyn Error + 'static)) -> String {
    match error.source() {
        Some(cause) => innermost(cause),
        None => error.to_string(),
    }
}

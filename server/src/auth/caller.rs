//! Who is behind a request, and what the route it came by asks of them.

use super::Needs;
use crate::audit::{AuditEvent, AuditOutcome, AuditRecord};
use crate::failure::Failure;
use axum::extract::FromRequestParts;
use axum::http::Extensions;
use axum::http::request::Parts;
use configbus_gitstore::Person;
use configbus_model::{ErrorKind, Namespace, Principal};
use std::net::IpAddr;
use std::sync::Arc;

/// The one behind a request. Made at the door, carried in the request's extensions and from there by every operation.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) principal: Arc<Principal>,
    /// Id of the token that was given.
    pub(crate) token: Option<Arc<str>>,
    pub(crate) address: Option<IpAddr>,
    /// What the route needs.
    pub(super) needs: Needs,
}

impl Caller {
    /// Returns the caller the door has found. Without one nothing is done: somebody forgot the door.
    pub(crate) fn of(extensions: &Extensions) -> Result<Self, Failure> {
        let missing = || Failure::new(ErrorKind::Internal, "the request did not come through the door");
        extensions.get::<Self>().cloned().ok_or_else(missing)
    }

    /// Refuses who lacks in this namespace what the route needs.
    pub(crate) fn check(&self, namespace: &Namespace) -> Result<(), Failure> {
        if self.needs.are_met_by(&self.principal, namespace) {
            return Ok(());
        }
        let (name, needed) = (&self.principal.name, self.needs.described());
        Err(Failure::new(ErrorKind::Denied, format!("{name} may not do this in {namespace}: it needs {needed}")))
    }

    /// Returns whom commits made for the caller name as their author.
    pub(crate) fn person(&self) -> Person {
        let name = self.principal.name.to_string();
        let email = if name.contains('@') { name.clone() } else { format!("{name}@localhost") };
        Person { name, email }
    }

    /// Begins an audit record about the caller.
    pub(crate) fn record(&self, event: AuditEvent, outcome: AuditOutcome) -> AuditRecord {
        AuditRecord {
            principal: Some(self.principal.name.to_string()),
            token: self.token.as_deref().map(str::to_owned),
            address: self.address,
            ..AuditRecord::new(event, outcome)
        }
    }

    /// Somebody who may do everything, for tests of what is behind the door.
    #[cfg(test)]
    pub(crate) fn anybody() -> Self {
        Self { principal: Arc::new(Principal::open()), token: None, address: None, needs: Needs::Credential }
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        Self::of(&parts.extensions)
    }
}

//! Undo.

use crate::{ApiError, Client, NamespaceHead, attempt::Attempt, point, request_id};
use configbus_model::{At, Change, Revision};
use configbus_proto::{convert::WireError, v1};

/// What to undo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Undo {
    /// What this landing changed. Files that others changed since are a conflict.
    Landing(At),
    /// Everything that has changed since, at the paths of the query.
    Since(At),
}

/// A wish to undo in one new revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevertQuery {
    /// What.
    pub undo: Undo,
    /// Files and directories, `/` for everything. Without any, all that the landing changed; [`Undo::Since`] needs some.
    pub paths: Vec<String>,
    /// Why, for the history; the server finds words when it is empty.
    pub message: String,
    /// Under which the server knows what it has done already; a new one for each call when absent.
    pub request_id: Option<String>,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reverted {
    /// The head it is part of, or that it was checked on.
    pub head: NamespaceHead,
    /// Whether a commit was made; not when everything was as wished already.
    pub committed: bool,
    /// The revision that holds it, or that would.
    pub resulting_revision: Revision,
    /// Whether an earlier attempt under the same id had done it.
    pub repeated: bool,
    /// What the new revision changes.
    pub changes: Vec<Change>,
    /// The revision whose content comes back; absent for the time before the first.
    pub restored: Option<NamespaceHead>,
}

impl RevertQuery {
    /// Undoes one landing.
    pub fn landing(at: At) -> Self {
        Self { undo: Undo::Landing(at), paths: Vec::new(), message: String::new(), request_id: None }
    }

    /// Makes paths what they were at a point in history.
    pub fn since(at: At, paths: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let paths = paths.into_iter().map(Into::into).collect();
        Self { undo: Undo::Since(at), paths, message: String::new(), request_id: None }
    }

    fn to_wire(&self, validate_only: bool) -> v1::RevertRequest {
        use v1::revert_request::What;
        let what = match &self.undo {
            Undo::Landing(at) => What::Undo(point::to_wire(at)),
            Undo::Since(at) => What::Restore(point::to_wire(at)),
        };
        v1::RevertRequest {
            what: Some(what),
            paths: self.paths.clone(),
            message: self.message.clone(),
            validate_only,
            request_id: self.request_id.clone().unwrap_or_else(request_id::random),
            ..v1::RevertRequest::default()
        }
    }
}

impl Client {
    /// Undoes in one new revision that passes the same gate as any other. Tried again under one id, as
    /// [`Self::compare_and_set`].
    pub async fn revert(&self, query: &RevertQuery) -> Result<Reverted, ApiError> {
        self.submit_revert(query, false).await
    }

    /// Says what [`Self::revert`] would do, and does nothing.
    pub async fn plan_revert(&self, query: &RevertQuery) -> Result<Reverted, ApiError> {
        self.submit_revert(query, true).await
    }

    async fn submit_revert(&self, query: &RevertQuery, validate_only: bool) -> Result<Reverted, ApiError> {
        let call = self.calls.change_once("revert");
        let message = query.to_wire(validate_only);
        let send = |attempt: Attempt| {
            let request = attempt.request(message.clone());
            async move { attempt.config().revert(request).await }
        };
        Reverted::from_wire(&self.calls.make(call, send).await?).map_err(ApiError::malformed(call.operation))
    }
}

impl Reverted {
    fn from_wire(wire: &v1::RevertResponse) -> Result<Self, WireError> {
        Ok(Self {
            head: NamespaceHead::from_wire(wire.head.as_ref())?,
            committed: wire.committed,
            resulting_revision: Revision(wire.resulting_revision),
            repeated: wire.repeated,
            changes: wire.changes.iter().map(TryInto::try_into).collect::<Result<_, _>>()?,
            restored: wire.restored.as_ref().map(|head| NamespaceHead::from_wire(Some(head))).transpose()?,
        })
    }
}

//! Calls of the `Config` service.

use crate::{
    ApiError, ChangeSet, Client, DiffQuery, Difference, File, History, Landed, ListPage, ListQuery, Listing, LogQuery,
    NamespaceHead, attempt::Attempt, call::Call, point,
};
use configbus_model::{At, ConfigPath};
use configbus_proto::v1;

/// Entries asked for at once when a whole listing is read.
const PAGE_SIZE: u32 = 10_000;

fn text(path: Option<&ConfigPath>) -> String {
    path.map(ToString::to_string).unwrap_or_default()
}

impl Client {
    /// Returns a file at a point in history, at the head when absent.
    pub async fn get(&self, path: &ConfigPath, at: Option<At>) -> Result<File, ApiError> {
        let call = self.calls.read("get");
        let (revision, at) = point::split(at.as_ref());
        let message = v1::GetRequest { path: path.to_string(), revision, at };
        let send = |attempt: Attempt| {
            let request = attempt.request(message.clone());
            async move { attempt.config().get(request).await }
        };
        File::from_wire(&self.calls.make(call, send).await?).map_err(ApiError::malformed(call.operation))
    }

    /// Returns a listing, all pages of it from one revision.
    pub async fn list(&self, query: &ListQuery) -> Result<Listing, ApiError> {
        let ListPage { mut entries, head, mut next } = self.list_page(query, None, PAGE_SIZE).await?;
        let pinned = ListQuery { at: Some(At::Revision(head.head.revision)), ..query.clone() };
        while let Some(token) = next {
            let page = self.list_page(&pinned, Some(token), PAGE_SIZE).await?;
            entries.extend(page.entries);
            next = page.next;
        }
        Ok(Listing { entries, head })
    }

    /// Returns one page of a listing. To go on, pass `next` of the page before with `at` set to that page's revision:
    /// the head may have moved.
    pub async fn list_page(
        &self,
        query: &ListQuery,
        token: Option<String>,
        page_size: u32,
    ) -> Result<ListPage, ApiError> {
        let call = self.calls.read("list");
        let (revision, at) = point::split(query.at.as_ref());
        let message = v1::ListRequest {
            prefix: text(query.prefix.as_ref()),
            revision,
            at,
            recursive: query.recursive,
            page_size,
            page_token: token.unwrap_or_default(),
        };
        let send = |attempt: Attempt| {
            let request = attempt.request(message.clone());
            async move { attempt.config().list(request).await }
        };
        ListPage::from_wire(&self.calls.make(call, send).await?).map_err(ApiError::malformed(call.operation))
    }

    /// Returns history, newest first.
    pub async fn log(&self, query: &LogQuery) -> Result<History, ApiError> {
        let call = self.calls.read("log");
        let (from_revision, from) = point::split(query.from.as_ref());
        let message = v1::LogRequest {
            namespace: query.namespace.to_string(),
            path: text(query.path.as_ref()),
            from_revision,
            limit: query.limit.unwrap_or_default(),
            from,
            since: point::or_head(query.since.as_ref()),
            page_token: query.page_token.clone().unwrap_or_default(),
        };
        let send = |attempt: Attempt| {
            let request = attempt.request(message.clone());
            async move { attempt.config().log(request).await }
        };
        History::from_wire(&self.calls.make(call, send).await?).map_err(ApiError::malformed(call.operation))
    }

    /// Returns how two revisions differ.
    pub async fn diff(&self, query: &DiffQuery) -> Result<Difference, ApiError> {
        let call = self.calls.read("diff");
        let (from_revision, from) = point::split(query.from.as_ref());
        let (to_revision, to) = point::split(query.to.as_ref());
        let message = v1::DiffRequest {
            namespace: query.namespace.to_string(),
            from_revision,
            to_revision,
            from,
            to,
            path: text(query.path.as_ref()),
            patch: query.patch,
        };
        let send = |attempt: Attempt| {
            let request = attempt.request(message.clone());
            async move { attempt.config().diff(request).await }
        };
        let answer = self.calls.make(call, send).await?;
        Difference::from_wire(answer, query.patch).map_err(ApiError::malformed(call.operation))
    }

    /// Lands edits if all expectations hold. Tried again under one id, so that nothing lands twice; when no attempt is
    /// answered it is [`ApiError::OutcomeUnknown`].
    pub async fn compare_and_set(&self, change: &ChangeSet) -> Result<Landed, ApiError> {
        let call = self.calls.change_once("compare-and-set");
        let answer = self.submit(call, change.to_wire(false)).await?;
        Landed::from_wire(&answer).map_err(ApiError::malformed(call.operation))
    }

    /// Checks edits as [`Self::compare_and_set`] would, and lands nothing. Returns the head they were checked on; `None`
    /// in an empty namespace.
    pub async fn validate(&self, change: &ChangeSet) -> Result<Option<NamespaceHead>, ApiError> {
        let call = self.calls.read("validate");
        let answer = self.submit(call, change.to_wire(true)).await?;
        let head = answer.head.as_ref().map(|head| NamespaceHead::from_wire(Some(head))).transpose();
        head.map_err(ApiError::malformed(call.operation))
    }

    async fn submit(
        &self,
        call: Call,
        message: v1::CompareAndSetRequest,
    ) -> Result<v1::CompareAndSetResponse, ApiError> {
        let send = |attempt: Attempt| {
            let request = attempt.request(message.clone());
            async move { attempt.config().compare_and_set(request).await }
        };
        self.calls.make(call, send).await
    }
}

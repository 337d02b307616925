//! Service `Config`.

use super::Answers;
use super::history::{self, point};
use crate::auth::Caller;
use crate::bus::Bus;
use crate::committer::{Edit, Expected, Mounting, Wanted};
use crate::failure::Failure;
use crate::ops::bulk;
use crate::ops::listing::{self, ListRequest};
use crate::ops::read::{self, DiffRequest, LogRequest};
use crate::ops::watch::{self, Moved, Update, WatchRequest};
use crate::ops::write::{self, WriteRequest, Written};
use crate::requests::RequestId;
use bytes::Bytes;
use configbus_gitstore::LogEntry;
use configbus_model::{ConfigPath, EntryMode, Namespace, Revision};
use configbus_proto::convert::{WireError, head_to_wire, mode_from_wire, namespace_from_wire, path_from_wire};
use configbus_proto::status::kind_of;
use configbus_proto::v1;
use configbus_proto::v1::config_server::Config;
use configbus_runtime::Tasks;
use futures_util::{StreamExt as _, stream};
use std::sync::Arc;
use tonic::{Request, Response, Status, Streaming};

pub(super) struct ConfigService {
    pub(super) bus: Arc<Bus>,
    pub(super) tasks: Tasks,
}

#[tonic::async_trait]
impl Config for ConfigService {
    async fn get(&self, request: Request<v1::GetRequest>) -> Result<Response<v1::GetResponse>, Status> {
        let caller = Caller::of(request.extensions())?;
        let request = request.into_inner();
        let path = self.bus.path(&request.path)?;
        let file = read::get(&self.bus, &caller, path, point(request.at.as_ref(), request.revision)?).await?;
        Ok(Response::new(v1::GetResponse {
            entry: Some((&file.entry).into()),
            content: file.content,
            head: Some(head_to_wire(&file.namespace, &file.head)),
        }))
    }

    async fn list(&self, request: Request<v1::ListRequest>) -> Result<Response<v1::ListResponse>, Status> {
        let caller = Caller::of(request.extensions())?;
        let request = request.into_inner();
        let request = ListRequest {
            at: point(request.at.as_ref(), request.revision)?,
            prefix: request.prefix,
            recursive: request.recursive,
            page_size: request.page_size as usize,
            page_token: request.page_token,
        };
        let page = listing::list(&self.bus, &caller, request).await?;
        Ok(Response::new(v1::ListResponse {
            entries: page.entries.iter().map(Into::into).collect(),
            head: Some(head_to_wire(&page.namespace, &page.head)),
            next_page_token: page.next_page_token,
        }))
    }

    async fn log(&self, request: Request<v1::LogRequest>) -> Result<Response<v1::LogResponse>, Status> {
        let caller = Caller::of(request.extensions())?;
        let request = request.into_inner();
        let path = read::checked_prefix(&request.path)?;
        let path = if path.is_empty() { None } else { Some(path_from_wire(&path)?) };
        let request = LogRequest {
            namespace: namespace_from_wire(&request.namespace)?,
            path,
            from: point(request.from.as_ref(), request.from_revision)?,
            since: point(request.since.as_ref(), 0)?,
            limit: request.limit as usize,
            page_token: request.page_token,
        };
        let history = read::log(&self.bus, &caller, request).await?;
        let namespace = history.namespace;
        Ok(Response::new(v1::LogResponse {
            commits: history.entries.iter().map(|entry| commit_to_wire(&namespace, entry)).collect(),
            head: Some(head_to_wire(&namespace, &history.head)),
            next_page_token: history.next_page_token,
        }))
    }

    async fn diff(&self, request: Request<v1::DiffRequest>) -> Result<Response<v1::DiffResponse>, Status> {
        let caller = Caller::of(request.extensions())?;
        let request = request.into_inner();
        let request = DiffRequest {
            namespace: namespace_from_wire(&request.namespace)?,
            from: point(request.from.as_ref(), request.from_revision)?,
            to: point(request.to.as_ref(), request.to_revision)?,
            prefix: request.path,
            patch: request.patch,
        };
        let diff = read::diff(&self.bus, &caller, request).await?;
        let namespace = diff.namespace;
        Ok(Response::new(v1::DiffResponse {
            changes: diff.changes.iter().map(Into::into).collect(),
            from: diff.from.as_ref().map(|head| head_to_wire(&namespace, head)),
            to: Some(head_to_wire(&namespace, &diff.to)),
            patch: diff.patch,
        }))
    }

    async fn compare_and_set(
        &self,
        request: Request<v1::CompareAndSetRequest>,
    ) -> Result<Response<v1::CompareAndSetResponse>, Status> {
        let caller = Caller::of(request.extensions())?;
        let header = traceparent_header(&request);
        let request = write_from_wire(&self.bus, request.into_inner(), header)?;
        let paths: Vec<ConfigPath> = request.edits.iter().map(|edit| edit.path.clone()).collect();
        let written = write::compare_and_set(&self.bus, &caller, request).await?;
        Ok(Response::new(written_to_wire(&paths, written)))
    }

    type CompareAndSetStreamStream = Answers<v1::CompareAndSetStreamResponse>;

    async fn compare_and_set_stream(
        &self,
        request: Request<Streaming<v1::CompareAndSetRequest>>,
    ) -> Result<Response<Self::CompareAndSetStreamStream>, Status> {
        let caller = Caller::of(request.extensions())?;
        let header = traceparent_header(&request);
        // Whoever may not write learns it once, and not with every request.
        self.bus.check_anywhere(&caller)?;
        // What breaks off or is too long is answered like what is wrong, for who still listens; nothing can follow it.
        let asked = stream::unfold(Some(request.into_inner()), |requests| async move {
            let mut requests = requests?;
            match requests.message().await {
                Ok(request) => Some((Ok(request?), Some(requests))),
                Err(status) => Some((Err(status), None)),
            }
        });
        let bus = Arc::clone(&self.bus);
        let asked = asked.map(move |request| match request {
            Ok(request) => write_from_wire(&bus, request, header.clone()),
            Err(status) => Err(Failure::new(kind_of(&status), status.message())),
        });
        let answers = bulk::land_all(Arc::clone(&self.bus), caller, asked, &self.tasks);
        Ok(Response::new(answers.map(|(paths, outcome)| Ok(outcome_to_wire(&paths, outcome))).boxed()))
    }

    async fn revert(&self, request: Request<v1::RevertRequest>) -> Result<Response<v1::RevertResponse>, Status> {
        let caller = Caller::of(request.extensions())?;
        let header = traceparent_header(&request);
        Ok(Response::new(history::revert(&self.bus, &caller, request.into_inner(), header).await?))
    }

    async fn blame(&self, request: Request<v1::BlameRequest>) -> Result<Response<v1::BlameResponse>, Status> {
        let caller = Caller::of(request.extensions())?;
        Ok(Response::new(history::blame(&self.bus, &caller, request.into_inner()).await?))
    }

    type WatchStream = Answers<v1::WatchResponse>;

    async fn watch(&self, request: Request<v1::WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let caller = Caller::of(request.extensions())?;
        let request = request.into_inner();
        let namespace = namespace_from_wire(&request.namespace)?;
        let from = watch_start(&request)?;
        let of = |after: &v1::NamespaceRevision| Ok((namespace_from_wire(&after.namespace)?, Revision(after.revision)));
        let from_of = request.after.iter().map(of).collect::<Result<_, WireError>>()?;
        let request = WatchRequest { namespace, paths: request.paths, from, from_of };
        let updates = watch::watch(&self.bus, &caller, request).await?;
        let answers = updates.map(|update| Ok(update_to_wire(&update?)));
        Ok(Response::new(answers.boxed()))
    }
}

/// Zero means the head, unless the start is asked for.
fn watch_start(request: &v1::WatchRequest) -> Result<Option<Revision>, Failure> {
    match (request.from_start, request.from_revision) {
        (true, 0) => Ok(Some(Revision::ZERO)),
        (false, 0) => Ok(None),
        (false, revision) => Ok(Some(Revision(revision))),
        (true, _) => Err(Failure::invalid("from_start and from_revision exclude each other")),
    }
}

fn write_from_wire(
    bus: &Bus,
    request: v1::CompareAndSetRequest,
    traceparent: Option<String>,
) -> Result<WriteRequest, Failure> {
    let edits = request.edits.iter().map(|edit| edit_from_wire(bus.path(&edit.path)?, edit));
    Ok(WriteRequest {
        edits: edits.collect::<Result<_, _>>()?,
        message: request.message,
        validate_only: request.validate_only,
        traceparent: Some(request.traceparent).filter(|given| !given.is_empty()).or(traceparent),
        request_id: RequestId::parse(&request.request_id).map_err(Failure::invalid)?,
        mounting: Mounting::Leaves,
    })
}

fn written_to_wire(paths: &[ConfigPath], written: Written) -> v1::CompareAndSetResponse {
    let deleted = |path: &ConfigPath| v1::Entry { path: path.to_string(), ..v1::Entry::default() };
    let entries = paths.iter().zip(&written.entries);
    v1::CompareAndSetResponse {
        head: written.head.map(|head| head_to_wire(&written.namespace, &head)),
        committed: written.committed,
        resulting_revision: written.resulting_revision.0,
        repeated: written.repeated,
        entries: entries.map(|(path, entry)| entry.as_ref().map_or_else(|| deleted(path), Into::into)).collect(),
    }
}

fn outcome_to_wire(paths: &[ConfigPath], outcome: Result<Written, Failure>) -> v1::CompareAndSetStreamResponse {
    use v1::compare_and_set_stream_response::Outcome;
    let outcome = match outcome {
        Ok(written) => Outcome::Landed(written_to_wire(paths, written)),
        Err(failure) => {
            let status = Status::from(failure);
            let (code, message) = (status.code().into(), status.message().to_owned());
            Outcome::Failure(v1::Failure { code, message, status: Bytes::copy_from_slice(status.details()) })
        }
    };
    v1::CompareAndSetStreamResponse { outcome: Some(outcome) }
}

fn traceparent_header<T>(request: &Request<T>) -> Option<String> {
    request.metadata().get("traceparent").and_then(|value| value.to_str().ok()).map(str::to_owned)
}

fn edit_from_wire(path: ConfigPath, edit: &v1::Edit) -> Result<Edit, Failure> {
    use v1::edit::{Change as WireChange, Expected as WireExpected};
    let missing = |what: &str| Failure::invalid(format!("edit of {path} has no {what}"));
    let expected = match edit.expected.as_ref().ok_or_else(|| missing("expectation"))? {
        WireExpected::BlobId(id) => Expected::Blob(id.parse().map_err(Failure::invalid)?),
        WireExpected::Absent(_) => Expected::Absent,
        WireExpected::Any(_) => Expected::Any,
        WireExpected::Present(_) => Expected::Present,
        WireExpected::UnchangedSince(revision) => Expected::UnchangedSince(Revision(*revision)),
        WireExpected::TreeUnchangedSince(revision) => Expected::TreeUnchangedSince(Revision(*revision)),
    };
    let wanted = match edit.change.as_ref().ok_or_else(|| missing("change"))? {
        WireChange::Content(content) => Wanted::File { content: content.clone(), mode: file_mode(edit.mode)? },
        WireChange::Delete(_) => Wanted::Deleted,
    };
    Ok(Edit { path, expected, wanted })
}

fn file_mode(mode: i32) -> Result<Option<EntryMode>, Failure> {
    match mode_from_wire(mode).map_err(Failure::invalid)? {
        Some(EntryMode::Directory) => Err(Failure::invalid("a file cannot get the mode of a directory")),
        mode => Ok(mode),
    }
}

pub(super) fn commit_to_wire(namespace: &Namespace, entry: &LogEntry) -> v1::Commit {
    let author = &entry.commit.author;
    v1::Commit {
        namespace: namespace.to_string(),
        revision: entry.revision.0,
        id: entry.commit.id.to_string(),
        author: format!("{} <{}>", author.name, author.email),
        message: entry.commit.message.clone(),
        landed_ms: entry.landed_ms,
        landed_by: entry.landed_by.clone().unwrap_or_default(),
    }
}

fn update_to_wire(update: &Update) -> v1::WatchResponse {
    let head = head_to_wire(&update.namespace, &update.head);
    let moved = |moved: &Moved| v1::Moved {
        prefix: moved.prefix.to_string(),
        namespace: update.namespace.to_string(),
        head: Some(head.clone()),
    };
    v1::WatchResponse {
        moved: update.moved.as_ref().map(moved),
        head: Some(head),
        from_revision: update.from.0,
        changes: update.changes.iter().map(Into::into).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edit_without_expectation_or_change_is_refused() {
        let bare = v1::Edit { path: "a.json".into(), ..v1::Edit::default() };
        let path = || ConfigPath::parse("a.json").unwrap();
        assert_eq!(edit_from_wire(path(), &bare).unwrap_err().message, "edit of a.json has no expectation");
        let expecting = v1::Edit { expected: Some(v1::edit::Expected::Any(v1::Empty {})), ..bare };
        assert_eq!(edit_from_wire(path(), &expecting).unwrap_err().message, "edit of a.json has no change");
    }

    #[test]
    fn an_edit_is_read_as_it_was_meant() {
        let edit = v1::Edit {
            path: "a.json".into(),
            mode: v1::Mode::Executable.into(),
            expected: Some(v1::edit::Expected::UnchangedSince(7)),
            change: Some(v1::edit::Change::Content("{}".into())),
        };
        let read = edit_from_wire(ConfigPath::parse("a.json").unwrap(), &edit).unwrap();
        assert_eq!(read.expected, Expected::UnchangedSince(Revision(7)));
        assert_eq!(read.wanted, Wanted::File { content: "{}".into(), mode: Some(EntryMode::Executable) });
    }
}

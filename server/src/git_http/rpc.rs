//! `POST git-upload-pack` and `POST git-receive-pack`: one Git child per request, streamed both ways.

use super::dry_run::Scratch;
use super::exchange::{Companion, Exchange, Input};
use super::fetch_request::{FetchRequest, REQUEST_BYTES_MAX};
use super::gunzip::BodyDecoder;
use super::info_refs::protocol_of;
use super::pack_meter;
use super::push_request::{self, BEGINNING_BYTES_MAX, Beginning};
use super::routes::{GitRefusal, GitState, find, turn};
use super::withheld;
use crate::audit::{AuditRecord, change};
use crate::auth::Caller;
use crate::failure::Failure;
use crate::hook_socket::Push;
use crate::namespace::LiveNamespace;
use crate::{data, trace_context};
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use configbus_gitstore::git::{GitCommand, ServeOptions, Service, receive_pack, upload_pack};
use configbus_gitstore::pkt_line;
use configbus_hooks::wire::{PUSH_ID_VARIABLE, SOCKET_VARIABLE};
use configbus_model::{ErrorKind, ObjectId};
use futures_util::{StreamExt as _, stream};
use std::sync::Arc;

pub(super) async fn answer(
    State(state): State<GitState>,
    caller: Caller,
    Path(repository): Path<String>,
    service: Service,
    request: Request,
) -> Result<Response, GitRefusal> {
    let live = find(&state.bus, &caller, &repository)?;
    let (head, body) = request.into_parts();
    check_content_type(service, &head.headers)?;
    let mut input = Input::new(body.into_data_stream(), decoder(&head.headers)?);
    let is_dry_run = service == Service::ReceivePack && announces_dry_run(&mut input).await?;
    let protocol = protocol_of(&head.headers);
    if service == Service::UploadPack
        && let Some(withheld) = first_withheld(&live, &mut input).await?
    {
        return Ok(not_there(withheld));
    }
    let turn = turn(&live, service).await?;
    let watch = (service == Service::ReceivePack).then(|| pack_meter::watch(live.limits.push_bytes_max));
    let too_large = watch.as_ref().map(|(meter, _)| meter.when_over(noting(&state, &live, &caller)));
    let (mut command, push) = prepare(&state, &live, caller, service, protocol.as_deref(), &head.headers);
    let mut companions: Vec<Companion> = vec![Box::new(turn)];
    if let Some(push) = push.as_ref().filter(|_| is_dry_run) {
        let scratch = Scratch::make(live.store.dir(), push.id()).map_err(|error| Failure::internal(&error))?;
        command = scratch.used_by(command, live.store.dir());
        companions.push(Box::new(scratch));
    }
    companions.push(Box::new(push));
    companions.push(Box::new(too_large));
    let mut exchange = Exchange::start(command, input, watch, companions).map_err(|error| Failure::internal(&error))?;
    // Git answers before it has read everything only to say that something is wrong; waiting for its first words lets
    // a child that cannot start be an error of HTTP.
    let first = exchange.next().await.unwrap_or_else(|| Ok(Bytes::new()));
    let body = Body::from_stream(stream::iter([first]).chain(exchange));
    let content_type = format!("application/x-{}-result", service.name());
    Ok(([(header::CONTENT_TYPE, content_type), (header::CACHE_CONTROL, "no-cache".into())], body).into_response())
}

/// Returns what writes down that a pack was too large.
fn noting(state: &GitState, live: &LiveNamespace, caller: &Caller) -> impl FnOnce() + Send + 'static {
    let reason = format!("the pack has more than {} bytes", live.limits.push_bytes_max);
    let record = change::refused(caller, &live.name, &reason, Vec::<String>::new());
    let (bus, record) = (Arc::clone(&state.bus), AuditRecord { action: Some("push".to_owned()), ..record });
    move || bus.audit.note(record)
}

/// Reads as much of a push as tells whether it is to land anything.
async fn announces_dry_run(input: &mut Input) -> Result<bool, GitRefusal> {
    loop {
        match push_request::read(input.beginning()) {
            Beginning::Complete { is_dry_run } => return Ok(is_dry_run),
            Beginning::Incomplete if input.beginning().len() > BEGINNING_BYTES_MAX => {
                let text =
                    format!("the references of this push take over {BEGINNING_BYTES_MAX} bytes: push fewer at once");
                return Err(Failure::new(ErrorKind::Invalid, text).into());
            }
            Beginning::Incomplete => {}
        }
        match input.read_more().await {
            Ok(true) => {}
            // Git says what it makes of it.
            Ok(false) => return Ok(false),
            Err(error) => return Err(Failure::invalid(error).into()),
        }
    }
}

/// Returns an object that is asked for and not to be had.
async fn first_withheld(live: &Arc<LiveNamespace>, input: &mut Input) -> Result<Option<ObjectId>, GitRefusal> {
    if !withheld::is_any(&live.store) {
        return Ok(None);
    }
    let mut request = FetchRequest::default();
    while !request.read(input.beginning()) {
        if input.beginning().len() > REQUEST_BYTES_MAX {
            let text = format!("this fetch asks for objects in over {REQUEST_BYTES_MAX} bytes: fetch fewer at once");
            return Err(Failure::new(ErrorKind::Invalid, text).into());
        }
        // Git says what it makes of one that ends too early.
        if !input.read_more().await.map_err(Failure::invalid)? {
            return Ok(None);
        }
    }
    let wants = request.into_wants();
    Ok(live.read(move |store| withheld::first_of(store, &wants).map_err(|error| Failure::internal(&error))).await?)
}

/// Says what Git says of objects that are not there.
fn not_there(object: ObjectId) -> Response {
    let mut body = Vec::new();
    let said = pkt_line::write(&mut body, format!("ERR upload-pack: not our ref {object}").as_bytes());
    said.expect("a short line fits a packet and memory takes it");
    let content_type = format!("application/x-{}-result", Service::UploadPack.name());
    ([(header::CONTENT_TYPE, content_type), (header::CACHE_CONTROL, "no-cache".into())], body).into_response()
}

fn check_content_type(service: Service, headers: &HeaderMap) -> Result<(), GitRefusal> {
    let expected = format!("application/x-{}-request", service.name());
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if given == expected {
        return Ok(());
    }
    let text = format!("content type {given:?} is not {expected}");
    Err(GitRefusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, Failure::invalid(text)))
}

fn decoder(headers: &HeaderMap) -> Result<BodyDecoder, GitRefusal> {
    let encoding = headers.get(header::CONTENT_ENCODING).map(|value| value.to_str().unwrap_or("?"));
    BodyDecoder::for_encoding(encoding).ok_or_else(|| {
        let text = format!("content encoding {:?} is not supported, send gzip or none", encoding.unwrap_or_default());
        GitRefusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, Failure::new(ErrorKind::Unsupported, text))
    })
}

fn prepare(
    state: &GitState,
    live: &LiveNamespace,
    caller: Caller,
    service: Service,
    protocol: Option<&str>,
    headers: &HeaderMap,
) -> (GitCommand, Option<crate::hook_socket::Registered>) {
    let file_bytes_max = live.gate.settings().file_size_bytes_max;
    let options = ServeOptions { hooks_dir: Some(&state.hooks), protocol, file_bytes_max };
    let mark = |command: GitCommand| command.env(data::DATA_MARK, state.data.as_os_str());
    match service {
        Service::UploadPack => (mark(upload_pack(live.store.dir(), &options)), None),
        Service::ReceivePack => {
            let given = headers.get("traceparent").and_then(|value| value.to_str().ok());
            let push = Push::new(live.name.clone(), caller, trace_context::adopt_or_create(given));
            let registered = state.pushes.register(push);
            let command = mark(receive_pack(live.store.dir(), &options))
                .env(SOCKET_VARIABLE, state.hook_socket.as_os_str())
                .env(PUSH_ID_VARIABLE, registered.id());
            (command, Some(registered))
        }
    }
}

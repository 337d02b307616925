//! `POST git-upload-pack` and `POST git-receive-pack`: one Git child per request, streamed both ways.

use super::exchange::{Companion, Exchange};
use super::gunzip::BodyDecoder;
use super::info_refs::protocol_of;
use super::routes::{GitRefusal, GitState, find, turn};
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
use configbus_hooks::wire::{PUSH_ID_VARIABLE, SOCKET_VARIABLE};
use configbus_model::ErrorKind;
use futures_util::{StreamExt as _, stream};

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
    let decoder = decoder(&head.headers)?;
    let turn = turn(&live, service).await?;
    let protocol = protocol_of(&head.headers);
    let (command, push) = prepare(&state, &live, caller, service, protocol.as_deref(), &head.headers);
    let companions: Vec<Companion> = vec![Box::new(turn), Box::new(push)];
    let mut exchange = Exchange::start(command, body.into_data_stream(), decoder, companions)
        .map_err(|error| Failure::internal(&error))?;
    // Git answers before it has read everything only to say that something is wrong; waiting for its first words lets
    // a child that cannot start be an error of HTTP.
    let first = exchange.next().await.unwrap_or_else(|| Ok(Bytes::new()));
    let body = Body::from_stream(stream::iter([first]).chain(exchange));
    let content_type = format!("application/x-{}-result", service.name());
    Ok(([(header::CONTENT_TYPE, content_type), (header::CACHE_CONTROL, "no-cache".into())], body).into_response())
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
    let options = ServeOptions { hooks_dir: Some(&state.hooks), protocol };
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

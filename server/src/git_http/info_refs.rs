//! `GET info/refs`: what the repository has.
//!
//! A pushing client is not shown `main` but what to build a small pack from, so that a stale clone may push (design,
//! landing: a client that sees a newer `main` refuses by itself).

use super::routes::{GitRefusal, GitState, dumb_protocol, find, turn};
use crate::auth::Caller;
use crate::failure::Failure;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use bytes::{BufMut as _, Bytes, BytesMut};
use configbus_gitstore::git::{ServeOptions, Service, advertise};
use configbus_gitstore::{advertisement, pkt_line};
use configbus_model::ErrorKind;
use serde::Deserialize;
use std::time::Duration;

/// Longest time to list references.
const ADVERTISE_WITHIN: Duration = Duration::from_secs(30);

#[derive(Debug, Deserialize)]
pub(super) struct Wanted {
    service: Option<String>,
}

/// Returns whether a request for references begins a push. Reads the query as the handler does.
pub(crate) fn announces_push(uri: &Uri) -> bool {
    let wanted = Query::<Wanted>::try_from_uri(uri).ok().and_then(|Query(wanted)| wanted.service);
    wanted.as_deref().and_then(Service::from_name) == Some(Service::ReceivePack)
}

pub(super) async fn answer(
    State(state): State<GitState>,
    caller: Caller,
    Path(repository): Path<String>,
    Query(wanted): Query<Wanted>,
    headers: HeaderMap,
) -> Result<Response, GitRefusal> {
    let live = find(&state.bus, &caller, &repository)?;
    let Some(name) = wanted.service else { return Err(dumb_protocol()) };
    let service = Service::from_name(&name).ok_or_else(|| {
        let text = format!("service {:?} does not exist", name.chars().take(40).collect::<String>());
        GitRefusal(StatusCode::FORBIDDEN, Failure::new(ErrorKind::Unsupported, text))
    })?;
    let protocol = protocol_of(&headers);
    let _turn = turn(&live, service).await?;
    let body = live.read(move |store| advertised(store, service, protocol.as_deref())).await?;
    let content_type = format!("application/x-{}-advertisement", service.name());
    let no_cache = [(header::CACHE_CONTROL, "no-cache"), (header::PRAGMA, "no-cache")];
    let content_type = [(header::CONTENT_TYPE, content_type)];
    Ok((no_cache, content_type, Body::from(body)).into_response())
}

/// Returns the client's wish for a protocol version.
pub(super) fn protocol_of(headers: &HeaderMap) -> Option<String> {
    headers.get("git-protocol").map(HeaderValue::to_str)?.ok().map(str::to_owned)
}

fn advertised(store: &configbus_gitstore::Store, service: Service, protocol: Option<&str>) -> Result<Bytes, Failure> {
    let internal = |error: &(dyn std::error::Error + 'static)| Failure::internal(error);
    let options = ServeOptions { protocol, ..ServeOptions::default() };
    let output = advertise(store.dir(), service, &options).run(ADVERTISE_WITHIN).map_err(|error| internal(&error))?;
    let output = Bytes::from(output.stdout);
    match service {
        Service::ReceivePack => {
            let rewritten =
                advertisement::rewrite(&output, &store.have_commits()?).map_err(|error| internal(&error))?;
            Ok(with_service_line(service, &rewritten))
        }
        Service::UploadPack if is_version_2(&output) => Ok(output),
        Service::UploadPack => Ok(with_service_line(service, &output)),
    }
}

fn is_version_2(output: &[u8]) -> bool {
    output.get(4..).is_some_and(|content| content.starts_with(b"version 2"))
}

fn with_service_line(service: Service, output: &[u8]) -> Bytes {
    let mut body = BytesMut::with_capacity(output.len() + 64).writer();
    let line = format!("# service={}\n", service.name());
    pkt_line::write(&mut body, line.as_bytes())
        .and_then(|()| pkt_line::write_flush(&mut body))
        .expect("a short line fits a packet and memory takes it");
    let mut body = body.into_inner();
    body.extend_from_slice(output);
    body.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_service_line_comes_first() {
        let body = with_service_line(Service::UploadPack, b"0000");
        assert_eq!(&body[..], b"001e# service=git-upload-pack\n00000000");
    }

    #[test]
    fn a_push_is_recognised_however_it_is_written() {
        let announces = |query: &str| announces_push(&format!("/git/main.git/info/refs?{query}").parse().unwrap());
        assert!(announces("service=git-receive-pack") && announces("a=b&service=git%2dreceive%2Dpack"));
        assert!(!announces("service=git-upload-pack") && !announces("") && !announces("Service=git-receive-pack"));
    }

    #[test]
    fn version_2_is_told_by_its_first_line() {
        assert!(is_version_2(b"000eversion 2\n"));
        assert!(!is_version_2(b"00aace01 HEAD\0caps"));
        assert!(!is_version_2(b""));
    }
}

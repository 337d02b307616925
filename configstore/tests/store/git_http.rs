//! Smart HTTP for `git fetch`, as little as stock Git needs.

use axum::{
    Router,
    body::Bytes,
    extract::{Path as UrlPath, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use configbus_gitstore::git::{ServeOptions, Service, advertise, upload_pack};
use std::{io::Read as _, path::PathBuf, sync::Arc, time::Duration};

const WITHIN: Duration = Duration::from_secs(30);

/// Returns the repository of this moment that a folder name of the path stands for.
pub(crate) type Repository = Arc<dyn Fn(&str) -> PathBuf + Send + Sync>;

pub(crate) fn routes(repository: Repository) -> Router {
    Router::new()
        .route("/git/{name}/info/refs", get(info_refs))
        .route("/git/{name}/git-upload-pack", post(rpc))
        .with_state(repository)
}

async fn info_refs(
    State(repository): State<Repository>,
    UrlPath(name): UrlPath<String>,
    headers: HeaderMap,
) -> Response {
    let dir = repository(&name);
    let options = ServeOptions { protocol: protocol(&headers), ..ServeOptions::default() };
    let command = advertise(&dir, Service::UploadPack, &options);
    let output = tokio::task::spawn_blocking(|| command.run(WITHIN)).await.unwrap().unwrap().stdout;
    let preamble: &[u8] =
        if output[4..].starts_with(b"version 2") { b"" } else { b"001e# service=git-upload-pack\n0000" };
    let content_type = [(header::CONTENT_TYPE, "application/x-git-upload-pack-advertisement")];
    (content_type, [preamble, &output].concat()).into_response()
}

async fn rpc(
    State(repository): State<Repository>,
    UrlPath(name): UrlPath<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let dir = repository(&name);
    let is_gzip = headers.get(header::CONTENT_ENCODING).is_some_and(|encoding| encoding == "gzip");
    let input = if is_gzip { gunzip(&body) } else { body.to_vec() };
    let command = upload_pack(&dir, &ServeOptions { protocol: protocol(&headers), ..ServeOptions::default() });
    let output = tokio::task::spawn_blocking(move || command.run_with_input(&input, WITHIN)).await.unwrap();
    let content_type = [(header::CONTENT_TYPE, "application/x-git-upload-pack-result")];
    match output {
        Ok(output) => (content_type, output.stdout).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

fn protocol(headers: &HeaderMap) -> Option<&str> {
    headers.get("git-protocol").and_then(|value| value.to_str().ok())
}

fn gunzip(body: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    flate2::read::MultiGzDecoder::new(body).read_to_end(&mut content).unwrap();
    content
}

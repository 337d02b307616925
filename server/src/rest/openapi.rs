//! `/openapi.json`.

use axum::http::{HeaderValue, header};
use axum::response::IntoResponse;

/// The document, kept as a file because people read it as well.
const DOCUMENT: &str = include_str!("openapi.json");

pub(super) async fn document() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], DOCUMENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_names_every_route() {
        let document: serde_json::Value = serde_json::from_str(DOCUMENT).unwrap();
        let paths: Vec<&String> = document["paths"].as_object().unwrap().keys().collect();
        let routes = [
            "/v1/blame/{path}",
            "/v1/commits",
            "/v1/diff",
            "/v1/files/{path}",
            "/v1/fleet",
            "/v1/list/{prefix}",
            "/v1/log",
            "/v1/namespaces",
            "/v1/namespaces/{namespace}",
            "/v1/revert",
            "/v1/storage",
            "/v1/watch",
        ];
        assert_eq!(paths, routes);
        for (status, path) in [("201", "put"), ("404", "delete"), ("304", "get")] {
            assert!(document["paths"]["/v1/files/{path}"][path]["responses"][status].is_object(), "{path} {status}");
        }
    }
}

//! `/`: head, recent commits, stores and hosts, for a person with a browser.

use axum::http::{HeaderValue, header};
use axum::response::{Html, IntoResponse};

const PAGE: &str = include_str!("page.html");

/// The page may run its own script and talk to its own server, and nothing else.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; \
     frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
);

/// Answers the page.
pub(crate) async fn page() -> impl IntoResponse {
    let no_sniffing = HeaderValue::from_static("nosniff");
    ([(header::CONTENT_SECURITY_POLICY, POLICY), (header::X_CONTENT_TYPE_OPTIONS, no_sniffing)], Html(PAGE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_needs_nothing_from_elsewhere_and_inserts_text_only() {
        for foreign in ["http://", "https://", "<link", "innerHTML", "document.write", "src="] {
            assert!(!PAGE.contains(foreign), "{foreign}");
        }
    }
}

//! `Idempotency-Key`: the id under which a request may be repeated.

use crate::failure::Failure;
use crate::requests::RequestId;
use axum::http::HeaderMap;

/// Name of the header, as the IETF's draft has it.
const HEADER: &str = "idempotency-key";

/// Reads the id from the header, where it may be quoted, or from the body; in both they must agree.
pub(super) fn read(headers: &HeaderMap, in_body: &str) -> Result<Option<RequestId>, Failure> {
    let mut values = headers.get_all(HEADER).iter();
    let in_header = match (values.next().map(|value| value.to_str()), values.next()) {
        (None, _) => "",
        (Some(Ok(text)), None) => unquoted(text.trim()),
        (Some(Err(_)), None) => return Err(Failure::invalid("Idempotency-Key is not text")),
        (Some(_), Some(_)) => return Err(Failure::invalid("Idempotency-Key is given twice")),
    };
    let given = match (in_header, in_body) {
        ("", text) | (text, "") => text,
        (header, body) if header == body => header,
        _ => return Err(Failure::invalid("Idempotency-Key and request_id differ: one of them is enough")),
    };
    RequestId::parse(given).map_err(Failure::invalid)
}

fn unquoted(text: &str) -> &str {
    text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(header: Option<&str>, in_body: &str) -> Result<Option<String>, Failure> {
        let headers = header.map(|value| (HEADER.parse().unwrap(), value.parse().unwrap())).into_iter().collect();
        read(&headers, in_body).map(|id| id.map(|id| id.to_string()))
    }

    #[test]
    fn an_id_comes_in_the_header_or_in_the_body() {
        assert_eq!(id(None, "").unwrap(), None);
        assert_eq!(id(Some("\"a-1\""), "").unwrap().as_deref(), Some("a-1"));
        assert_eq!(id(Some("a-1"), "a-1").unwrap().as_deref(), Some("a-1"));
        assert_eq!(id(None, "a-1").unwrap().as_deref(), Some("a-1"));
        assert!(id(Some("a-1"), "a-2").is_err() && id(Some("a b"), "").is_err());
    }
}

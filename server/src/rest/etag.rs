//! Entity tags: the quoted blob id, and the conditions made of them.

use crate::committer::Expected;
use crate::failure::Failure;
use axum::http::{HeaderMap, HeaderValue, header};
use configbus_model::{BlobId, ObjectId};

/// Returns the tag of a blob.
pub(crate) fn of(id: ObjectId) -> HeaderValue {
    of_text(&id.to_string()).expect("hex digits are valid in a header")
}

/// Returns the tag of an id in text.
pub(crate) fn of_text(id: &str) -> Option<HeaderValue> {
    HeaderValue::from_str(&format!("\"{id}\"")).ok()
}

/// Reads what a write expects from `If-Match` and `If-None-Match`.
pub(crate) fn expectation(headers: &HeaderMap) -> Result<Expected, Failure> {
    let matches = single(headers, &header::IF_MATCH)?;
    let none_matches = single(headers, &header::IF_NONE_MATCH)?;
    match (matches, none_matches) {
        (Some(_), Some(_)) => Err(Failure::invalid("If-Match and If-None-Match exclude each other")),
        (Some("*"), None) => Ok(Expected::Present),
        (Some(tag), None) => parse(tag).map(Expected::Blob),
        (None, Some("*")) => Ok(Expected::Absent),
        (None, Some(_)) => Err(Failure::invalid("If-None-Match of a write takes only *")),
        (None, None) => Ok(Expected::Any),
    }
}

/// Returns whether a reader already has this blob.
pub(crate) fn is_held(headers: &HeaderMap, id: ObjectId) -> bool {
    let lists = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let mut tags = lists.flat_map(|list| list.split(',')).map(str::trim);
    tags.any(|tag| tag == "*" || parse(tag).is_ok_and(|held| held.object_id() == id))
}

fn single<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> Result<Option<&'a str>, Failure> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => {
            value.to_str().map(|text| Some(text.trim())).map_err(|_| Failure::invalid(format!("{name} is not text")))
        }
        (Some(_), Some(_)) => Err(Failure::invalid(format!("{name} is given twice"))),
    }
}

/// Proxies that compress mark tags as weak; what is inside is still the id.
fn parse(tag: &str) -> Result<BlobId, Failure> {
    let quoted = tag.strip_prefix("W/").unwrap_or(tag);
    let id = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(quoted);
    id.parse().map_err(|error| Failure::invalid(format!("entity tag is not a blob id: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "ce013625030ba8dba906f756967f9e9ca394464a";

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn conditions_become_expectations() {
        let quoted = format!("\"{ID}\"");
        let blob = Expected::Blob(ID.parse().unwrap());
        for (given, expected) in [
            (headers(&[]), Expected::Any),
            (headers(&[("if-match", &quoted)]), blob.clone()),
            (headers(&[("if-match", ID)]), blob),
            (headers(&[("if-match", "*")]), Expected::Present),
            (headers(&[("if-none-match", "*")]), Expected::Absent),
        ] {
            assert_eq!(expectation(&given).unwrap(), expected);
        }
    }

    #[test]
    fn conditions_nobody_can_mean_are_refused() {
        for given in [
            headers(&[("if-match", "\"42\"")]),
            headers(&[("if-none-match", "\"ce01\"")]),
            headers(&[("if-match", "*"), ("if-none-match", "*")]),
        ] {
            assert!(expectation(&given).is_err(), "{given:?}");
        }
    }

    #[test]
    fn a_reader_holds_what_any_of_its_tags_names() {
        let id = ID.parse().unwrap();
        assert!(is_held(&headers(&[("if-none-match", &format!("\"{}\", W/\"{ID}\"", "0".repeat(40)))]), id));
        assert!(!is_held(&headers(&[("if-none-match", "\"x\"")]), id));
        assert!(!is_held(&headers(&[]), id));
    }
}

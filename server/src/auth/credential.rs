//! What a request offers as proof: `Authorization: Bearer …` or the password of `Basic`.
//!
//! The user name of `Basic` is not looked at. Git, browsers and proxies ask for one and people type all kinds of things;
//! the token alone says who it is.

use axum::http::{HeaderMap, HeaderValue, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use configbus_model::{Token, TokenError};

/// Longest header that is looked at.
const HEADER_BYTES_MAX: usize = 4_096;

/// A header that holds no token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum CredentialError {
    #[error("the Authorization header is neither Basic nor Bearer")]
    Scheme,
    #[error("the Authorization header is malformed")]
    Malformed,
    #[error("more than one Authorization header was sent")]
    Several,
    #[error(transparent)]
    Token(#[from] TokenError),
}

/// Reads the token of a request; `None` when there is no header, or one that says nothing, as Git sends it for a URL
/// with a user and no password.
pub(super) fn of_request(headers: &HeaderMap) -> Result<Option<Token>, CredentialError> {
    let mut given = headers.get_all(header::AUTHORIZATION).iter();
    match (given.next(), given.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => read(value),
        (Some(_), Some(_)) => Err(CredentialError::Several),
    }
}

fn read(value: &HeaderValue) -> Result<Option<Token>, CredentialError> {
    let text = value.to_str().ok().filter(|text| text.len() <= HEADER_BYTES_MAX).ok_or(CredentialError::Malformed)?;
    let (scheme, rest) = text.split_once(' ').ok_or(CredentialError::Malformed)?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Ok(Some(Token::parse(rest)?));
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(CredentialError::Scheme);
    }
    let decoded = STANDARD.decode(rest.trim()).map_err(|_| CredentialError::Malformed)?;
    let decoded = String::from_utf8(decoded).map_err(|_| CredentialError::Malformed)?;
    let (_, password) = decoded.split_once(':').ok_or(CredentialError::Malformed)?;
    if password.is_empty() { Ok(None) } else { Ok(Some(Token::parse(password)?)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(values: &[&str]) -> Result<Option<Token>, CredentialError> {
        let pairs = values.iter().map(|value| (header::AUTHORIZATION, HeaderValue::from_str(value).unwrap()));
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(name, value);
        }
        of_request(&headers)
    }

    #[test]
    fn the_token_is_the_bearer_or_the_password_of_anybody() {
        let token = Token::of([1; 5], [2; 32]);
        let basic = |user: &str| format!("basic {}", STANDARD.encode(format!("{user}:{}", token.expose())));
        for header in [format!("Bearer {}", token.expose()), basic("ada"), basic("")] {
            assert_eq!(given(&[&header]), Ok(Some(token.clone())), "{header}");
        }
        assert_eq!(given(&[]), Ok(None));
        assert_eq!(given(&[&format!("Basic {}", STANDARD.encode("ada:"))]), Ok(None));
    }

    #[test]
    fn anything_else_is_told_apart() {
        assert_eq!(given(&["Digest x"]), Err(CredentialError::Scheme));
        for malformed in ["Bearer", "Basic ???", "Basic YQ==", &format!("Bearer {}", "x".repeat(5_000))] {
            assert_eq!(given(&[malformed]), Err(CredentialError::Malformed), "{malformed}");
        }
        assert_eq!(given(&["Bearer secret"]), Err(CredentialError::Token(TokenError::Form)));
        assert_eq!(given(&["Bearer a", "Bearer b"]), Err(CredentialError::Several));
    }
}

//! Hiding what was found: a report that shows a key spreads it further.

use super::{Secret, secrets_in};

/// First characters that stay, so that an author recognises the token.
const SHOWN_BYTES: usize = 4;

/// What stands before and after the words that open a key.
const DASHES: &[u8] = b"-----";

/// Returns the content with every secret replaced by `x`, of the same length and form, so that everything else about the
/// file can still be checked and shown.
pub(crate) fn masked(content: &[u8], secrets: &[Secret]) -> Vec<u8> {
    let mut content = content.to_vec();
    for secret in secrets {
        hide(&mut content[secret.place.clone()]);
    }
    content
}

/// Returns a text of a report without the secrets that are in it; `None` where there is none.
pub(crate) fn redacted(text: &str) -> Option<String> {
    let secrets = secrets_in(text.as_bytes());
    (!secrets.is_empty()).then(|| String::from_utf8_lossy(&masked(text.as_bytes(), &secrets)).into_owned())
}

/// Returns the beginning and the length of a secret.
pub(super) fn hint(secret: &[u8]) -> String {
    let shown = secret.iter().take(shown_bytes(secret)).map(|byte| char::from(*byte));
    format!("{}… ({} characters)", shown.collect::<String>(), secret.len())
}

/// Escapes stay whole: half of one would be a syntax error nobody made.
fn hide(secret: &mut [u8]) {
    let shown = shown_bytes(secret);
    let mut is_escaped = false;
    for byte in secret.iter_mut().skip(shown) {
        if byte.is_ascii_alphanumeric() && !is_escaped {
            *byte = b'x';
        }
        is_escaped = *byte == b'\\' && !is_escaped;
    }
}

/// The line that opens a key is the same for all.
fn shown_bytes(secret: &[u8]) -> usize {
    let opened =
        secret.strip_prefix(DASHES).and_then(|rest| rest.windows(DASHES.len()).position(|part| part == DASHES));
    opened.map_or(SHOWN_BYTES, |at| at + 2 * DASHES.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_and_line_ends_survive() {
        let mut secret = br"-----BEGIN IT-----\nAb1/+=\nCd".to_vec();
        hide(&mut secret);
        assert_eq!(String::from_utf8(secret).unwrap(), r"-----BEGIN IT-----\nxxx/+=\nxx");
    }

    #[test]
    fn a_hint_is_no_secret() {
        assert_eq!(hint(b"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"), "ghp_… (40 characters)");
    }
}

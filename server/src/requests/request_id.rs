//! The name a caller gives to a request.

use configbus_model::Principal;
use sha2::{Digest as _, Sha256};
use std::fmt;

/// Longest id, in bytes. A UUID takes 36.
const BYTES_MAX: usize = 128;

/// The text is no id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("request id {text:?} is not usable, expected 1 to {BYTES_MAX} visible ASCII characters such as a UUID")]
pub(crate) struct RequestIdError {
    text: String,
}

/// A checked id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RequestId(String);

impl RequestId {
    /// Reads an id; nothing means that there is none.
    pub(crate) fn parse(text: &str) -> Result<Option<Self>, RequestIdError> {
        if text.is_empty() {
            return Ok(None);
        }
        if text.len() > BYTES_MAX || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(RequestIdError { text: text.chars().take(60).collect() });
        }
        Ok(Some(Self(text.to_owned())))
    }

    /// Returns what it is remembered by: ids of one principal do not meet those of another.
    pub(super) fn key(&self, principal: &str) -> Key {
        let mut hash = Sha256::new();
        hash.update(principal.as_bytes());
        hash.update([0]);
        hash.update(self.0.as_bytes());
        shortened(hash)
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A principal and an id of its, in sixteen bytes: memory holds many of them.
pub(super) type Key = [u8; 16];

/// Returns the name that a principal's ids are kept under. Where nobody is authenticated, everybody is one.
pub(super) fn owner(principal: &Principal) -> &str {
    principal.name.as_str()
}

/// Returns the first half of a hash: who wants two requests to meet in 128 bits can only fool himself.
pub(super) fn shortened(hash: Sha256) -> [u8; 16] {
    let hash: [u8; 32] = hash.finalize().into();
    *hash.first_chunk().expect("32 bytes hold 16")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_one_visible_word() {
        assert_eq!(RequestId::parse("").unwrap(), None);
        let id = RequestId::parse("deploy-4711/b").unwrap().unwrap();
        assert_eq!(id.to_string(), "deploy-4711/b");
        for wrong in ["a b", "a\nb", "ü", " ", &"x".repeat(129)] {
            let error = RequestId::parse(wrong).unwrap_err().to_string();
            assert!(error.contains("expected 1 to 128"), "{error}");
        }
    }

    #[test]
    fn principals_do_not_meet() {
        let id = |text: &str| RequestId::parse(text).unwrap().unwrap();
        assert_eq!(id("1").key("ada"), id("1").key("ada"));
        assert_ne!(id("1").key("ada"), id("1").key("bob"));
        assert_ne!(id("a1").key("ad"), id("1").key("ada"));
    }
}

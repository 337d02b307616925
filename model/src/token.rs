//! Access tokens as their holders have them.
//!
//! `cbt_<id>_<secret><checksum>`, all in lower-case hex. The id names the token in lists, logs and revocations and is no
//! secret. The secret has 256 random bits. The checksum tells a token from text that only looks like one, so that a
//! scanner may refuse it in a file without guessing, and a token that was cut off when it was copied is said to be one.
//!
//! What is kept of a token is its SHA-256. Slow password hashes exist because people choose words that can be tried; 256
//! random bits cannot, whatever one trial costs, and every request would pay for the slowness.

use sha2::{Digest as _, Sha256};
use std::fmt;

const PREFIX: &str = "cbt_";
const ID_BYTES: usize = 5;
const SECRET_BYTES: usize = 32;
const CHECKSUM_BYTES: usize = 4;

/// SHA-256 of a token.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// Reads 64 hex digits.
    pub fn parse(text: &str) -> Option<Self> {
        let mut hash = [0; 32];
        hex::decode_to_slice(text, &mut hash).ok().map(|()| Self(hash))
    }

    /// Compares in a time that does not depend on where two hashes differ.
    pub fn is(&self, other: &Self) -> bool {
        let differing = self.0.iter().zip(&other.0).fold(0, |differing, (a, b)| differing | (a ^ b));
        std::hint::black_box(differing) == 0
    }
}

impl fmt::Display for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(…)")
    }
}

/// Text that is no token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It does not look like one.
    #[error("this is not an access token, expected {PREFIX}… with {} characters", Token::LENGTH)]
    Form,
    /// It looks like one and is not whole.
    #[error("the access token is damaged: its checksum does not hold")]
    Checksum,
}

/// An access token. Prints as its id only; [`Token::expose`] gives the secret away.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// Characters of every token.
    pub const LENGTH: usize = PREFIX.len() + 2 * ID_BYTES + 1 + 2 * (SECRET_BYTES + CHECKSUM_BYTES);

    /// How every token begins.
    pub const PREFIX: &str = PREFIX;

    /// Makes a token of random bytes.
    pub fn of(id: [u8; ID_BYTES], secret: [u8; SECRET_BYTES]) -> Self {
        let body = format!("{PREFIX}{}_{}", hex::encode(id), hex::encode(secret));
        let checksum = checksum(&body);
        Self(body + &checksum)
    }

    /// Reads a token; white space around it is ignored.
    pub fn parse(text: &str) -> Result<Self, TokenError> {
        let text = text.trim();
        let rest = text.strip_prefix(PREFIX).filter(|_| text.len() == Self::LENGTH).ok_or(TokenError::Form)?;
        let is_hex = |text: &str| text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let (id, secret) = rest.split_once('_').ok_or(TokenError::Form)?;
        if id.len() != 2 * ID_BYTES || !is_hex(id) || !is_hex(secret) {
            return Err(TokenError::Form);
        }
        let (body, given) = text.split_at(Self::LENGTH - 2 * CHECKSUM_BYTES);
        if given == checksum(body) { Ok(Self(text.to_owned())) } else { Err(TokenError::Checksum) }
    }

    /// Returns the public part.
    pub fn id(&self) -> &str {
        &self.0[PREFIX.len()..PREFIX.len() + 2 * ID_BYTES]
    }

    /// Returns what may be kept of it.
    pub fn hash(&self) -> TokenHash {
        TokenHash(Sha256::digest(&self.0).into())
    }

    /// Returns the whole text, which must not be logged.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({})", self.id())
    }
}

fn checksum(body: &str) -> String {
    hex::encode(&Sha256::digest(body)[..CHECKSUM_BYTES])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token() -> Token {
        Token::of([0xab; ID_BYTES], [0x17; SECRET_BYTES])
    }

    #[test]
    fn a_token_is_read_back_and_shows_only_its_id() {
        let text = format!(" {}\n", token().expose());
        let read = Token::parse(&text).unwrap();
        assert_eq!((read.id(), read.expose().len()), ("ababababab", Token::LENGTH));
        assert_eq!(format!("{read:?} {:?}", read.hash()), "Token(ababababab) TokenHash(…)");
        assert!(read.hash().is(&token().hash()));
        assert_eq!(TokenHash::parse(&read.hash().to_string()), Some(read.hash()));
    }

    #[test]
    fn what_is_cut_off_altered_or_made_up_is_no_token() {
        let text = token().expose().to_owned();
        for wrong in ["", "cbt_", &text[1..], &text[..text.len() - 1], &text.to_uppercase(), &text.replace('_', "-")] {
            assert_eq!(Token::parse(wrong), Err(TokenError::Form), "{wrong}");
        }
        assert_eq!(Token::parse(&text.replacen("17", "18", 1)), Err(TokenError::Checksum));
        assert_eq!(Token::parse(&text.replace("\u{62}t_", "é")), Err(TokenError::Form));
    }

    #[test]
    fn hashes_of_different_tokens_differ() {
        let other = Token::of([0xab; ID_BYTES], [0x18; SECRET_BYTES]);
        assert!(!token().hash().is(&other.hash()));
    }
}

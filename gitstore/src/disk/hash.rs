//! Hashing of what this crate writes itself.

use configbus_model::{HashError, ObjectId};
use sha1_checked::{Digest as _, Sha1};

/// Returns the id Git gives an object, unless its content was made to collide with another.
pub(crate) fn object_id(kind: &str, content: &[u8]) -> Result<ObjectId, HashError> {
    let mut hasher = Sha1::new();
    hasher.update(format!("{kind} {}\0", content.len()));
    hasher.update(content);
    let result = hasher.try_finalize();
    let bytes: [u8; 20] = (*result.hash()).into();
    if result.has_collision() { Err(HashError) } else { Ok(ObjectId::from_bytes(bytes)) }
}

/// Returns the checksum that ends a pack or an index.
pub(crate) fn checksum(content: &[u8]) -> [u8; 20] {
    Checksum::default().and(content).finish()
}

/// A checksum of content that comes in parts.
pub(crate) struct Checksum(Sha1);

impl Default for Checksum {
    /// Checksums guard against damage, not against attackers: detection would only cost time.
    fn default() -> Self {
        Self(Sha1::builder().detect_collision(false).build())
    }
}

impl Checksum {
    pub(crate) fn and(mut self, content: &[u8]) -> Self {
        self.update(content);
        self
    }

    pub(crate) fn update(&mut self, content: &[u8]) {
        self.0.update(content);
    }

    pub(crate) fn finish(self) -> [u8; 20] {
        (*self.0.try_finalize().hash()).into()
    }
}

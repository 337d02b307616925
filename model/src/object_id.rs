//! Ids of Git objects: 20 bytes of SHA-1, printed as 40 lower-case hex digits.
//!
//! Three newtypes keep a commit from being passed where a tree is meant. Ids are identity: their order is only good
//! for maps, never for "newer".

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::{fmt, str::FromStr};

/// The text is not an object id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not an object id, expected 40 hex digits")]
pub struct IdError {
    text: String,
}

/// Id of any Git object.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId([u8; 20]);

impl ObjectId {
    /// The all-zero id with which Git says "no object".
    pub const ZERO: Self = Self([0; 20]);

    /// Wraps raw bytes.
    pub const fn from_bytes(bytes: [u8; 20]) -> Self {
        Self(bytes)
    }

    /// Wraps raw bytes if there are exactly twenty.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Returns the raw bytes.
    pub const fn as_bytes(&self) -> &[u8; 20] {
        &self.0
    }

    /// Returns whether this is the id that stands for "no object".
    pub fn is_zero(&self) -> bool {
        *self == Self::ZERO
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; 40];
        hex::encode_to_slice(self.0, &mut text).expect("40 digits hold 20 bytes");
        f.pad(std::str::from_utf8(&text).expect("hex is ASCII"))
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for ObjectId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let mut bytes = [0; 20];
        match hex::decode_to_slice(text, &mut bytes) {
            Ok(()) => Ok(Self(bytes)),
            Err(_) => Err(IdError { text: text.chars().take(60).collect() }),
        }
    }
}

impl Serialize for ObjectId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ObjectId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

macro_rules! object_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(ObjectId);

        impl $name {
            /// Wraps raw bytes.
            pub const fn from_bytes(bytes: [u8; 20]) -> Self {
                Self(ObjectId::from_bytes(bytes))
            }

            /// Returns the raw bytes.
            pub const fn as_bytes(&self) -> &[u8; 20] {
                self.0.as_bytes()
            }

            /// Returns the id without its kind.
            pub const fn object_id(self) -> ObjectId {
                self.0
            }
        }

        impl From<ObjectId> for $name {
            fn from(id: ObjectId) -> Self {
                Self(id)
            }
        }

        impl From<$name> for ObjectId {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                text.parse().map(Self)
            }
        }
    };
}

object_id!(
    /// Identity of a revision.
    CommitId
);
object_id!(
    /// Id of a directory's content.
    TreeId
);
object_id!(
    /// Id of a file's content; the `ETag` of the API.
    BlobId
);

impl TreeId {
    /// Id of the tree without entries.
    pub const EMPTY: Self = Self::from_bytes([
        0x4b, 0x82, 0x5d, 0xc6, 0x42, 0xcb, 0x6e, 0xb9, 0xa0, 0x60, 0xe5, 0x4b, 0xf8, 0xd6, 0x92, 0x88, 0xfb, 0xee,
        0x49, 0x04,
    ]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_bytes_round_trip() {
        let text = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";
        assert_eq!(TreeId::EMPTY.to_string(), text);
        assert_eq!(text.parse::<TreeId>(), Ok(TreeId::EMPTY));
        assert_eq!(serde_json_like(&TreeId::EMPTY), text);
    }

    #[test]
    fn wrong_text_names_the_value() {
        let error = "xyz".parse::<CommitId>().unwrap_err();
        assert_eq!(error.to_string(), "\"xyz\" is not an object id, expected 40 hex digits");
    }

    fn serde_json_like(id: &TreeId) -> String {
        id.object_id().to_string()
    }
}

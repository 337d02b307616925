//! What a request asked for, in sixteen bytes.

use super::request_id::shortened;
use crate::committer::{Edit, Expected, Wanted};
use configbus_model::EntryMode;
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::str::FromStr;

/// Two requests with the same fingerprint ask for the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Fingerprint([u8; 16]);

impl Fingerprint {
    /// Takes the fingerprint of edits and their message as the caller gave it.
    pub(crate) fn of_edits(edits: &[Edit], message: &str) -> Self {
        let mut print = Print(Sha256::new());
        print.field(b"edits");
        print.field(message.as_bytes());
        for edit in edits {
            print.field(edit.path.as_str().as_bytes());
            print.expected(&edit.expected);
            print.wanted(&edit.wanted);
        }
        Self(shortened(print.0))
    }

    /// Takes the fingerprint of anything else that can be asked for, field by field.
    pub(crate) fn of_fields<'a>(fields: impl IntoIterator<Item = &'a str>) -> Self {
        let mut print = Print(Sha256::new());
        print.field(b"fields");
        fields.into_iter().for_each(|field| print.field(field.as_bytes()));
        Self(shortened(print.0))
    }
}

struct Print(Sha256);

impl Print {
    /// Every field goes in with its length, so that no two sequences of fields read alike.
    fn field(&mut self, bytes: &[u8]) {
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    fn expected(&mut self, expected: &Expected) {
        match expected {
            Expected::Blob(id) => self.field(id.to_string().as_bytes()),
            Expected::Absent => self.field(b"absent"),
            Expected::Present => self.field(b"present"),
            Expected::Any => self.field(b"any"),
            Expected::UnchangedSince(revision) => self.field(format!("since {revision}").as_bytes()),
            Expected::TreeUnchangedSince(revision) => self.field(format!("tree since {revision}").as_bytes()),
        }
    }

    fn wanted(&mut self, wanted: &Wanted) {
        match wanted {
            Wanted::Deleted => self.field(b"delete"),
            Wanted::File { content, mode } => {
                self.field(match mode {
                    None => b"put",
                    Some(EntryMode::Executable) => b"put executable",
                    Some(_) => b"put plain",
                });
                self.field(content);
            }
        }
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl FromStr for Fingerprint {
    type Err = hex::FromHexError;

    fn from_str(text: &str) -> Result<Self, hex::FromHexError> {
        let mut bytes = [0; 16];
        hex::decode_to_slice(text, &mut bytes)?;
        Ok(Self(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use configbus_model::{ConfigPath, Revision};

    fn edit(path: &str, expected: Expected, content: &'static str) -> Edit {
        let wanted = Wanted::File { content: Bytes::from(content), mode: None };
        Edit { path: ConfigPath::parse(path).unwrap(), expected, wanted }
    }

    #[test]
    fn whatever_differs_shows() {
        let base = || vec![edit("a", Expected::Any, "1")];
        let of = Fingerprint::of_edits;
        let print = of(&base(), "why");
        assert_eq!(print, of(&base(), "why"));
        let others = [
            of(&base(), "why not"),
            of(&[edit("b", Expected::Any, "1")], "why"),
            of(&[edit("a", Expected::Absent, "1")], "why"),
            of(&[edit("a", Expected::UnchangedSince(Revision(1)), "1")], "why"),
            of(&[edit("a", Expected::TreeUnchangedSince(Revision(1)), "1")], "why"),
            of(&[edit("a", Expected::Any, "2")], "why"),
            of(&[edit("a", Expected::Any, "1"), edit("b", Expected::Any, "1")], "why"),
            of(&[Edit { wanted: Wanted::Deleted, ..base().remove(0) }], "why"),
            Fingerprint::of_fields(["a", "1"]),
        ];
        assert!(others.iter().all(|other| *other != print));
        assert_ne!(Fingerprint::of_fields(["ab", ""]), Fingerprint::of_fields(["a", "b"]));
        assert_eq!(print.to_string().parse(), Ok(print));
    }
}

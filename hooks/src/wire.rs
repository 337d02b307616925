//! What hook programs and the server say to each other over the server's Unix socket.
//!
//! One request and one response per connection, each a frame: the length as four bytes, most significant first, then
//! JSON. Both ends are the same program, so there is no version to negotiate; an unknown field is an error.

use configbus_model::{ErrorKind, ObjectId};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{
    io::{self, Read, Write},
    path::PathBuf,
};

/// Largest frame. A push of 60,000 references fits; nothing honest is larger.
pub const FRAME_BYTES_MAX: usize = 16 << 20;

/// Environment variable with the path of the server's socket.
pub const SOCKET_VARIABLE: &str = "CONFIGBUS_HOOK_SOCKET";

/// Environment variable with the id the server gave the push.
pub const PUSH_ID_VARIABLE: &str = "CONFIGBUS_PUSH_ID";

/// One reference a push wants to move. An absent object is the zero id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReferenceUpdate {
    /// What Git believes it is now.
    pub old: ObjectId,
    /// What it shall be.
    pub new: ObjectId,
    /// Its full name.
    pub reference: String,
}

/// Where Git keeps what was pushed until pre-receive accepts it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuarantinePaths {
    /// Folder of the quarantined objects.
    pub object_dir: PathBuf,
    /// Folders with the objects that were there before.
    pub alternates: Vec<PathBuf>,
}

/// A push asks for a verdict before its objects enter the repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PreReceive {
    /// Id the server gave the push.
    pub push_id: String,
    /// All of them, whatever the reference.
    pub updates: Vec<ReferenceUpdate>,
    /// As sent by the client.
    pub push_options: Vec<String>,
    /// Where the objects are; `None` if Git used no quarantine (a push that only deletes).
    pub quarantine: Option<QuarantinePaths>,
}

/// A push whose objects are in asks for its updates of `main` to land.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProcReceive {
    /// Id the server gave the push.
    pub push_id: String,
    /// Those of references that land through the committer.
    pub updates: Vec<ReferenceUpdate>,
    /// As sent by the client.
    pub push_options: Vec<String>,
}

/// A push is over: references may have moved, so look at them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PostReceive {
    /// Id the server gave the push.
    pub push_id: String,
}

/// What a hook program asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// Before the objects enter.
    PreReceive(PreReceive),
    /// To land.
    ProcReceive(ProcReceive),
    /// Afterwards.
    PostReceive(PostReceive),
}

/// Whether the push may go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verdict {
    /// It may.
    pub is_accepted: bool,
    /// Shown to the pusher either way; may be empty.
    pub text: String,
}

/// What the client shall believe about a reference that landed; every `None` leaves it with what it asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Landed {
    /// Name to report instead.
    pub reference: Option<String>,
    /// Old id to report instead.
    pub old: Option<ObjectId>,
    /// New id to report instead.
    pub new: Option<ObjectId>,
}

/// What became of one update.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeResult {
    /// It is on `main`.
    Landed(Landed),
    /// It is not; the reason is one line.
    Refused(String),
}

/// What became of one update, and what to tell the pusher about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// Reference as pushed.
    pub reference: String,
    /// What became of it.
    pub result: OutcomeResult,
    /// Lines the client prints after `remote:`.
    pub remote_lines: Vec<String>,
}

/// What the server answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Response {
    /// To [`Request::PreReceive`].
    Verdict(Verdict),
    /// To [`Request::ProcReceive`], one for each update.
    Outcomes(Vec<Outcome>),
    /// To [`Request::PostReceive`].
    Noted,
    /// The server could not answer; one line says why.
    Failed(String),
}

/// Why a message could not be exchanged.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WireError {
    /// Too large to be honest.
    #[error("hook message of {bytes} bytes is too long, at most {FRAME_BYTES_MAX} are allowed")]
    TooLong {
        /// Its size.
        bytes: usize,
    },
    /// Not one of ours.
    #[error("hook message is malformed")]
    Malformed(#[source] serde_json::Error),
    /// The connection broke.
    #[error("failed to exchange a hook message")]
    Io(#[from] io::Error),
}

impl WireError {
    /// Returns the kind of failure.
    pub const fn kind(&self) -> ErrorKind {
        match self {
            Self::TooLong { .. } | Self::Malformed(_) => ErrorKind::Invalid,
            Self::Io(_) => ErrorKind::Unavailable,
        }
    }
}

/// Returns a message as a frame.
pub fn encode_frame<T: Serialize>(message: &T) -> Result<Vec<u8>, WireError> {
    let mut frame = vec![0; 4];
    serde_json::to_writer(&mut frame, message).map_err(WireError::Malformed)?;
    let bytes = frame.len() - 4;
    let length = u32::try_from(bytes).ok().filter(|_| bytes <= FRAME_BYTES_MAX).ok_or(WireError::TooLong { bytes })?;
    frame[..4].copy_from_slice(&length.to_be_bytes());
    Ok(frame)
}

/// Returns how many bytes follow the four that begin a frame.
pub fn frame_length(prefix: [u8; 4]) -> Result<usize, WireError> {
    let bytes = u32::from_be_bytes(prefix) as usize;
    if bytes > FRAME_BYTES_MAX { Err(WireError::TooLong { bytes }) } else { Ok(bytes) }
}

/// Reads what follows the four bytes.
pub fn decode_body<T: DeserializeOwned>(body: &[u8]) -> Result<T, WireError> {
    serde_json::from_slice(body).map_err(WireError::Malformed)
}

/// Writes one frame.
pub fn write_frame<T: Serialize>(writer: &mut impl Write, message: &T) -> Result<(), WireError> {
    writer.write_all(&encode_frame(message)?)?;
    Ok(writer.flush()?)
}

/// Reads one frame.
pub fn read_frame<T: DeserializeOwned>(reader: &mut impl Read) -> Result<T, WireError> {
    let mut prefix = [0; 4];
    reader.read_exact(&mut prefix)?;
    let mut body = vec![0; frame_length(prefix)?];
    reader.read_exact(&mut body)?;
    decode_body(&body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_survive_the_wire() {
        let update = ReferenceUpdate {
            old: ObjectId::ZERO,
            new: ObjectId::from_bytes([7; 20]),
            reference: "refs/heads/ü".into(),
        };
        let quarantine =
            QuarantinePaths { object_dir: "/data/objects/incoming".into(), alternates: vec!["/data/objects".into()] };
        let sent = Request::PreReceive(PreReceive {
            push_id: "1".into(),
            updates: vec![update],
            push_options: vec!["dry-run".into()],
            quarantine: Some(quarantine),
        });
        let mut wire = Vec::new();
        write_frame(&mut wire, &sent).unwrap();
        write_frame(&mut wire, &Response::Noted).unwrap();
        let mut reader = &wire[..];
        assert_eq!(read_frame::<Request>(&mut reader).unwrap(), sent);
        assert_eq!(read_frame::<Response>(&mut reader).unwrap(), Response::Noted);
    }

    #[test]
    fn a_lying_length_costs_no_memory() {
        let error = read_frame::<Response>(&mut &[0xff, 0xff, 0xff, 0xff, 1][..]).unwrap_err();
        assert!(matches!(error, WireError::TooLong { bytes: 0xffff_ffff }));
    }

    #[test]
    fn what_is_not_ours_is_refused() {
        let body = br#"{"verdict":{"is_accepted":true,"text":"","more":1}}"#;
        assert!(matches!(decode_body::<Response>(body), Err(WireError::Malformed(_))));
    }
}

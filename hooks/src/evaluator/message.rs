//! What the gate and an evaluating child say to each other: frames as everywhere, contents as raw bytes behind them.

use crate::{
    cel::{CompileError, Outcome},
    wire::{WireError, encode_frame, read_frame},
};
use serde::{Deserialize, Serialize};
use std::io::Read;

/// One rule as it is evaluated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleText {
    /// The expression.
    pub expression: String,
    /// Whether documents that go away are judged as well.
    pub on_delete: bool,
}

/// One file with its contents before and after.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// Where it stands.
    pub path: &'a str,
    /// Its content; `None` if it is deleted.
    pub new: Option<&'a [u8]>,
    /// What it was; `None` if it was not there.
    pub old: Option<&'a [u8]>,
}

/// Who proposes a change, and when.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Occasion {
    /// Name of the principal.
    pub author: String,
    /// Its groups.
    pub groups: Vec<String>,
    /// Its teams.
    pub teams: Vec<String>,
    /// Milliseconds since the epoch.
    pub now_ms: i64,
}

/// What the child is asked.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Ask {
    /// Are these expressions?
    Compile {
        /// The texts.
        expressions: Vec<String>,
    },
    /// Does a file keep these rules? Its contents follow the frame.
    Judge {
        /// The rules.
        rules: Vec<RuleText>,
        /// Where the file stands.
        path: String,
        /// Length of the new content.
        new_bytes: Option<usize>,
        /// Length of the old content.
        old_bytes: Option<usize>,
        /// Who and when.
        occasion: Occasion,
    },
}

/// One rule that one document does not keep.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Breach {
    /// Which rule, by its position in the question.
    pub rule: usize,
    /// Which document of the file, counted from 0.
    pub document: usize,
    /// How.
    pub outcome: Outcome,
}

/// What the child answers.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Answer {
    /// Unasked, when it is confined and ready.
    Ready,
    /// To [`Ask::Compile`], one for each text.
    Compiled(Vec<Option<CompileError>>),
    /// To [`Ask::Judge`].
    Judged(Vec<Breach>),
}

impl Ask {
    /// Returns a question about a file as it travels.
    pub(super) fn judging(
        rules: &[RuleText],
        subject: &Subject<'_>,
        occasion: &Occasion,
    ) -> Result<Vec<u8>, WireError> {
        let mut bytes = encode_frame(&Self::Judge {
            rules: rules.to_vec(),
            path: subject.path.to_owned(),
            new_bytes: subject.new.map(<[u8]>::len),
            old_bytes: subject.old.map(<[u8]>::len),
            occasion: occasion.clone(),
        })?;
        bytes.extend([subject.new, subject.old].into_iter().flatten().flatten());
        Ok(bytes)
    }
}

/// Reads a question and the contents that follow it; `None` when nobody will ask any more.
#[allow(clippy::type_complexity, reason = "new and old content, each as present as the question says")]
pub(super) fn read_ask(from: &mut impl Read) -> Option<(Ask, Option<Vec<u8>>, Option<Vec<u8>>)> {
    let ask = read_frame(from).ok()?;
    let Ask::Judge { new_bytes, old_bytes, .. } = &ask else { return Some((ask, None, None)) };
    let mut content = |length: &Option<usize>| {
        let Some(length) = length else { return Some(None) };
        let mut bytes = vec![0; *length];
        from.read_exact(&mut bytes).ok()?;
        Some(Some(bytes))
    };
    let (new, old) = (content(new_bytes)?, content(old_bytes)?);
    Some((ask, new, old))
}

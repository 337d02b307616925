//! Options of one push, as `git push -o` sends them. What is not understood is refused, never ignored.

use configbus_model::ErrorKind;

/// Longest reason in bytes; it becomes a line of a commit message or of the landing log.
const REASON_BYTES_MAX: usize = 1_000;

/// What the pusher asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PushOptions {
    /// Why, in the pusher's words.
    pub reason: Option<String>,
    /// Check everything, land nothing.
    pub dry_run: bool,
}

/// Why the options of a push are refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PushOptionError {
    /// A later release has it.
    #[error("push option {option:?} is not supported by this release; it is refused rather than ignored")]
    Unsupported {
        /// As sent.
        option: String,
    },
    /// Nobody knows it.
    #[error("push option {option:?} is unknown, expected reason=TEXT or dry-run")]
    Unknown {
        /// As sent.
        option: String,
    },
    /// Which of the two is meant?
    #[error("push option {name:?} is given twice")]
    Repeated {
        /// Its name.
        name: &'static str,
    },
    /// The text does not fit a line.
    #[error("push option \"reason\" needs 1 to {REASON_BYTES_MAX} bytes of text without control characters")]
    Reason,
}

impl PushOptionError {
    /// Returns the kind of failure.
    pub const fn kind(&self) -> ErrorKind {
        match self {
            Self::Unsupported { .. } => ErrorKind::Unsupported,
            Self::Unknown { .. } | Self::Repeated { .. } | Self::Reason => ErrorKind::Invalid,
        }
    }
}

impl PushOptions {
    /// Reads the options of one push.
    pub fn parse<S: AsRef<str>>(options: &[S]) -> Result<Self, PushOptionError> {
        options.iter().try_fold(Self::default(), |parsed, option| parsed.with(option.as_ref()))
    }

    fn with(mut self, option: &str) -> Result<Self, PushOptionError> {
        let (name, value) = option.split_once('=').map_or((option, None), |(name, value)| (name, Some(value)));
        match (name, value) {
            ("reason", _) if self.reason.is_some() => return Err(PushOptionError::Repeated { name: "reason" }),
            ("reason", value) => self.reason = Some(checked_reason(value.unwrap_or_default())?),
            ("dry-run", None) if self.dry_run => return Err(PushOptionError::Repeated { name: "dry-run" }),
            ("dry-run", None) => self.dry_run = true,
            ("rollout", _) => return Err(PushOptionError::Unsupported { option: quoted(option) }),
            _ => return Err(PushOptionError::Unknown { option: quoted(option) }),
        }
        Ok(self)
    }
}

fn checked_reason(text: &str) -> Result<String, PushOptionError> {
    let text = text.trim();
    let fits = (1..=REASON_BYTES_MAX).contains(&text.len()) && !text.chars().any(char::is_control);
    fits.then(|| text.to_owned()).ok_or(PushOptionError::Reason)
}

fn quoted(option: &str) -> String {
    option.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_options_are_read() {
        let none: [&str; 0] = [];
        assert_eq!(PushOptions::parse(&none), Ok(PushOptions::default()));
        let parsed = PushOptions::parse(&["reason=raise a=b for EU", "dry-run"]).unwrap();
        assert_eq!(parsed, PushOptions { reason: Some("raise a=b for EU".into()), dry_run: true });
    }

    #[test]
    fn everything_else_is_refused() {
        use ErrorKind::{Invalid, Unsupported};
        let long = format!("reason={}", "x".repeat(1_001));
        let cases: [(&[&str], ErrorKind); 11] = [
            (&["rollout=canary"], Unsupported),
            (&["rollout"], Unsupported),
            (&["dryrun"], Invalid),
            (&["dry-run=false"], Invalid),
            (&["Reason=x"], Invalid),
            (&["reason"], Invalid),
            (&["reason="], Invalid),
            (&["reason=a\u{1b}[2J"], Invalid),
            (&["reason=a", "reason=b"], Invalid),
            (&["dry-run", "dry-run"], Invalid),
            (&[&long], Invalid),
        ];
        for (options, kind) in cases {
            assert_eq!(PushOptions::parse(options).map_err(|error| error.kind()), Err(kind), "{options:?}");
        }
    }
}

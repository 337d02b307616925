//! The answer to "what is this flag for this context".

use serde_json::{Map, Value};

/// Why a value is what it is, in the words of OpenFeature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// It has no rules.
    Static,
    /// A rule matched.
    TargetingMatch,
    /// No rule matched.
    Default,
    /// It is turned off; the caller's default counts.
    Disabled,
    /// It cannot be told; the caller's default counts.
    Error,
}

impl Reason {
    /// Returns the word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Static => "STATIC",
            Self::TargetingMatch => "TARGETING_MATCH",
            Self::Default => "DEFAULT",
            Self::Disabled => "DISABLED",
            Self::Error => "ERROR",
        }
    }
}

/// What went wrong, in the words of OpenFeature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorCode {
    /// Nobody has the flag.
    FlagNotFound,
    /// Its rules give a variant that it does not have.
    ParseError,
    /// Its value is of another type than the one asked for.
    TypeMismatch,
    /// Anything else, such as prerequisites in a circle.
    General,
}

impl ErrorCode {
    /// Returns the word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FlagNotFound => "FLAG_NOT_FOUND",
            Self::ParseError => "PARSE_ERROR",
            Self::TypeMismatch => "TYPE_MISMATCH",
            Self::General => "GENERAL",
        }
    }
}

/// An answer, borrowed from the flag.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Resolution<'a> {
    /// The value; absent where the caller's default counts.
    pub value: Option<&'a Value>,
    /// Which of its variants, by name.
    pub variant: Option<&'a str>,
    /// Why.
    pub reason: Reason,
    /// What went wrong, with [`Reason::Error`].
    pub error: Option<ErrorCode>,
    /// What the set and the flag say about themselves.
    pub metadata: Option<&'a Map<String, Value>>,
}

impl<'a> Resolution<'a> {
    /// Returns the answer for something that went wrong.
    pub const fn failed(error: ErrorCode, metadata: Option<&'a Map<String, Value>>) -> Self {
        Self { value: None, variant: None, reason: Reason::Error, error: Some(error), metadata }
    }

    /// Returns the truth value, the caller's default where it counts, or that it is of another type.
    pub fn bool_or(&self, default: bool) -> Result<bool, ErrorCode> {
        self.typed(default, Value::as_bool)
    }

    /// Returns the text.
    pub fn text_or(&self, default: &'a str) -> Result<&'a str, ErrorCode> {
        self.typed(default, Value::as_str)
    }

    /// Returns the whole number; a number with a fraction is of another type.
    pub fn int_or(&self, default: i64) -> Result<i64, ErrorCode> {
        let whole = |value: &Value| {
            let float = value.as_f64().filter(|float| float.fract() == 0.0 && float.abs() <= 9_007_199_254_740_991.0);
            value.as_i64().or_else(|| float.map(|float| float as i64))
        };
        self.typed(default, whole)
    }

    /// Returns the number.
    pub fn float_or(&self, default: f64) -> Result<f64, ErrorCode> {
        self.typed(default, Value::as_f64)
    }

    fn typed<T>(&self, default: T, read: impl FnOnce(&'a Value) -> Option<T>) -> Result<T, ErrorCode> {
        match (self.error, self.value) {
            (Some(error), _) => Err(error),
            (None, None) => Ok(default),
            (None, Some(value)) => read(value).ok_or(ErrorCode::TypeMismatch),
        }
    }
}

//! Names of toggles and of libraries.

use configbus_model::ErrorKind;

/// Shortest name.
const LENGTH_MIN: usize = 3;

/// A text cannot be the name of a toggle or a library.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} is no name of a toggle: {reason}")]
pub struct ToggleNameError {
    name: String,
    reason: &'static str,
}

impl ToggleNameError {
    /// Returns the kind of failure.
    pub const fn kind(&self) -> ErrorKind {
        ErrorKind::Invalid
    }
}

/// Checks a name: letters, digits, `_`, `-` and `.`, at least three of them, with a dot after the first.
pub fn check_name(name: &str) -> Result<(), ToggleNameError> {
    let reason = if let Some(_odd) = name.chars().find(|c| !(c.is_ascii_alphanumeric() || "_-.".contains(*c))) {
        "only letters, digits, '_', '-' and '.' may occur"
    } else if name.len() < LENGTH_MIN {
        "it has fewer than 3 characters"
    } else if name.find('.').is_none_or(|dot| dot == 0) {
        "it needs a package before a dot, as in com.example"
    } else {
        return Ok(());
    };
    Err(ToggleNameError { name: name.to_owned(), reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_finagle_takes() {
        for name in ["com.toggle.some", "a.b", "a-b_c.D9", "com.toggle..", "com.toggle.-"] {
            assert_eq!(check_name(name), Ok(()), "{name}");
        }
        for name in ["", "a.", "abc", ".abc", "com.tög", "com.a b", "com/a.b"] {
            assert!(check_name(name).is_err(), "{name}");
        }
    }
}

//! How an error and its causes are printed.

use std::{error::Error, fmt::Write as _};

/// Returns the error and each of its causes on one line, separated by `: `. A cause that the text before it already
/// repeats is left out.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.ends_with(&next) {
            write!(text, ": {next}").expect("writing to a string cannot fail");
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("failed to read settings")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn causes_follow_on_the_same_line() {
        let error = Outer(std::io::Error::other("no such file"));
        assert_eq!(chain(&error), "failed to read settings: no such file");
    }
}

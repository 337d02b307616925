//! JSON pointers (RFC 6901) to the place a parser is at.

use std::fmt::Write as _;

/// One step into a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step<K> {
    /// The value of a key.
    Key(K),
    /// An element.
    Index(usize),
}

/// Writes a path of steps as a pointer.
pub(super) fn pointer_text<K: AsRef<str>>(steps: impl IntoIterator<Item = Step<K>>) -> String {
    let mut text = String::new();
    for step in steps {
        text.push('/');
        match step {
            Step::Key(key) => text.push_str(&key.as_ref().replace('~', "~0").replace('/', "~1")),
            Step::Index(index) => {
                let _ = write!(text, "{index}");
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slashes_and_tildes_are_escaped() {
        assert_eq!(pointer_text([Step::Key("a/b~"), Step::Index(3)]), "/a~1b~0/3");
        assert_eq!(pointer_text::<&str>([]), "");
    }
}

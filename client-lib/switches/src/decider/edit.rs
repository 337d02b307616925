//! Changes one value in the text of a decider file and leaves the rest as its authors wrote it, comments and all.
//!
//! Writing the parsed file anew would lose comments, order and quoting. So the line is looked for, in the two forms in
//! which such files are written: a block of lines below the key, and braces. Whoever calls parses the result and compares:
//! a text that is written otherwise is refused, never damaged.

use configbus_model::ErrorKind;

const MEMBER: &str = "default_availability";

/// The text cannot be changed by itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key} is written in a form that cannot be changed without the rest; edit the file by hand")]
pub struct EditError {
    key: String,
}

impl EditError {
    /// Says so of a key.
    pub fn of(key: &str) -> Self {
        Self { key: key.to_owned() }
    }

    /// Returns the kind of failure.
    pub const fn kind(&self) -> ErrorKind {
        ErrorKind::Invalid
    }
}

/// Returns the text with another value for a key; a key that is not there is added at the end.
///
/// ```
/// use configbus_switches::decider::with_value;
/// let text = "new_db: # the big one\n  default_availability: 100  # careful\n";
/// assert_eq!(with_value(text, "new_db", 250)?, "new_db: # the big one\n  default_availability: 250  # careful\n");
/// # Ok::<(), configbus_switches::decider::EditError>(())
/// ```
pub fn with_value(text: &str, key: &str, value: i64) -> Result<String, EditError> {
    let Some((start, end)) = block_of(text, key) else { return Ok(with_key(text, key, value)) };
    let number = number_in(&text[start..end]).ok_or_else(|| EditError::of(key))?;
    let (from, to) = (start + number.0, start + number.1);
    Ok(format!("{}{value}{}", &text[..from], &text[to..]))
}

fn with_key(text: &str, key: &str, value: i64) -> String {
    let is_empty = text.lines().all(|line| line.trim().is_empty() || line.starts_with('#') || line == "{}");
    let kept = if is_empty { text.trim_end().trim_end_matches("{}").trim_end() } else { text.trim_end_matches('\n') };
    let kept = if kept.is_empty() { String::new() } else { format!("{kept}\n") };
    let plain = key.chars().all(|c| c.is_ascii_alphanumeric() || "_-./".contains(c))
        && key.starts_with(|c: char| c.is_ascii_alphabetic());
    // Words like these would be read as something else than text.
    let is_word =
        ["true", "false", "null", "yes", "no", "on", "off", "y", "n"].contains(&key.to_ascii_lowercase().as_str());
    let written = if plain && !is_word { key.to_owned() } else { serde_json::Value::from(key).to_string() };
    format!("{kept}{written}:\n  {MEMBER}: {value}\n")
}

/// Returns from where to where a key of the outermost mapping reaches: its line and all that are indented below it.
fn block_of(text: &str, key: &str) -> Option<(usize, usize)> {
    let (mut start, mut offset) = (None, 0);
    for line in text.split_inclusive('\n') {
        let is_inside = line.starts_with([' ', '\t', '#', '\n', '\r', '}']);
        if let Some(start) = start.filter(|_| !is_inside) {
            return Some((start, offset));
        }
        if start.is_none() {
            start = after_key(line, key).map(|length| offset + length);
        }
        offset += line.len();
    }
    start.map(|start| (start, text.len()))
}

/// Returns how long the key with its colon is, if the line begins with it.
fn after_key(line: &str, key: &str) -> Option<usize> {
    let quoted = [key.to_owned(), serde_json::Value::from(key).to_string(), format!("'{}'", key.replace('\'', "''"))];
    quoted.iter().find_map(|written| {
        let rest = line.strip_prefix(written.as_str())?;
        let colon = rest.trim_start_matches(' ').strip_prefix(':')?;
        let ends = colon.is_empty() || colon.starts_with([' ', '\n', '\r', '\t']);
        ends.then(|| line.len() - colon.len())
    })
}

/// Returns where the number stands: on a line of its own, or as a member in braces.
fn number_in(block: &str) -> Option<(usize, usize)> {
    let mut offset = 0;
    for line in block.split_inclusive('\n') {
        // A comment may well name the member.
        let code = line.split(" #").next().unwrap_or_default();
        let member = code.find(MEMBER).filter(|at| {
            let before = code[..*at].trim_matches([' ', '\t', '"', '\'']);
            before.is_empty() || before.ends_with(['{', ','])
        });
        if let Some(at) = member.filter(|_| !code.trim_start().starts_with('#')) {
            let rest = &code[at + MEMBER.len()..];
            let value = rest.trim_start_matches(['"', '\'', ' ']).strip_prefix(':')?.trim_start_matches([' ', '\t']);
            let from = offset + code.len() - value.len();
            let length = value.find(|c: char| !(c.is_ascii_digit() || c == '-' || c == '+')).unwrap_or(value.len());
            return (length > 0).then_some((from, from + length));
        }
        offset += line.len();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decider::DeciderFile;

    fn check_edited(text: &str, key: &str, expected: &str) {
        let edited = with_value(text, key, 77).unwrap();
        assert_eq!(edited, expected);
        let parse = |text: &str| DeciderFile::parse(&serde_saphyr::from_str(text).unwrap()).usable().unwrap();
        assert_eq!(parse(&edited).records[key].value, 77);
    }

    #[test]
    fn only_the_number_changes() {
        let text = "# top\na:\n  # default_availability: 5\n  comment: 'the default_availability, e.g. default_availability: 3'\n  default_availability: 10 # why\n\nb: {default_availability: 20, comment: x}\n";
        check_edited(text, "a", &text.replace(": 10 #", ": 77 #"));
        check_edited(text, "b", &text.replace(": 20,", ": 77,"));
        let text = "a-b:\r\n  default_availability: 0\r\n\"quoted-key/x\":\n  \"default_availability\": 1\n'it':\n  owner: me\n  default_availability:   10000\n";
        check_edited(text, "a-b", &text.replace(": 0\r", ": 77\r"));
        check_edited(text, "it", &text.replace("  10000", "  77"));
    }

    #[test]
    fn keys_that_begin_alike_are_not_mixed_up() {
        let text = "new:\n  default_availability: 1\nnew_db:\n  default_availability: 2\n";
        check_edited(text, "new", &text.replace(": 1\n", ": 77\n"));
        check_edited(text, "new_db", &text.replace(": 2\n", ": 77\n"));
    }

    #[test]
    fn a_new_key_is_added_at_the_end() {
        check_edited(
            "a: {default_availability: 1}\n\n",
            "b",
            "a: {default_availability: 1}\nb:\n  default_availability: 77\n",
        );
        check_edited("", "no", "\"no\":\n  default_availability: 77\n");
        check_edited("# none yet\n{}\n", "b", "# none yet\nb:\n  default_availability: 77\n");
    }

    #[test]
    fn another_form_is_refused() {
        for text in ["a: &x\n  default_availability: !!int 5\n", "a: *b\n", "a:\n  default_availability: *x\n"] {
            assert_eq!(with_value(text, "a", 1), Err(EditError::of("a")), "{text}");
        }
    }
}

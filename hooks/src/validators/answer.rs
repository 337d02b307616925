//! Output of a validator as findings.
//!
//! Understood are a JSON document `{"findings": [{"path", "line", "column", "pointer", "message", "found",
//! "expected"}]}` on standard output, of which only `message` is needed, lines of the form `path:line:column: message` as
//! compilers write them, and any other text.

use crate::{Finding, Rule};
use serde::Deserialize;

/// Lines of text that become findings.
const LINES_MAX: usize = 20;

/// Longest text taken over, in characters.
const TEXT_CHARS_MAX: usize = 400;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    findings: Vec<Said>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    message: String,
    path: Option<String>,
    line: Option<usize>,
    column: Option<usize>,
    pointer: Option<String>,
    found: Option<String>,
    expected: Option<String>,
}

/// Returns the findings of a JSON answer; `None` if it is none.
pub(super) fn from_json(validator: &str, stdout: &[u8]) -> Option<Vec<Finding>> {
    let answer: Answer = serde_json::from_slice(stdout).ok()?;
    Some(answer.findings.into_iter().map(|said| said.into_finding(validator)).collect())
}

/// Returns a finding for each of the first lines, standard output before standard error.
pub(super) fn from_lines(validator: &str, stdout: &[u8], stderr: &[u8]) -> Vec<Finding> {
    let text = [stdout, stderr].map(String::from_utf8_lossy);
    let lines = text.iter().flat_map(|text| text.lines()).map(str::trim_end).filter(|line| !line.is_empty());
    lines.take(LINES_MAX).map(|line| Said::of_line(line).into_finding(validator)).collect()
}

impl Said {
    fn of_line(line: &str) -> Self {
        let mut parts = line.splitn(4, ':');
        let (path, line_number) = (parts.next(), parts.next().and_then(|part| part.parse().ok()));
        let (column, rest) = (parts.next(), parts.next());
        let plain = Self {
            message: line.to_owned(),
            path: None,
            line: None,
            column: None,
            pointer: None,
            found: None,
            expected: None,
        };
        let (Some(path), Some(line_number), Some(column)) = (path, line_number, column) else { return plain };
        let (column, message) = match (column.parse().ok(), rest) {
            (Some(column), Some(rest)) => (Some(column), rest.to_owned()),
            (_, rest) => (None, rest.map_or_else(|| column.to_owned(), |rest| format!("{column}:{rest}"))),
        };
        Self {
            message: message.trim().to_owned(),
            path: Some(path.to_owned()),
            line: Some(line_number),
            column,
            ..plain
        }
    }

    fn into_finding(self, validator: &str) -> Finding {
        let message = format!("{validator}: {}", cropped(&self.message));
        let path = self.path.as_deref().map(|path| path.strip_prefix("files/").unwrap_or(path));
        let mut finding = Finding::new(Rule::ValidatorRefused, &cropped(path.unwrap_or_default()), message);
        (finding.line, finding.column) = (self.line, self.line.and(self.column));
        if let Some(pointer) = self.pointer {
            finding = finding.pointing(cropped(&pointer));
        }
        if let Some(found) = self.found {
            finding = finding.found(found);
        }
        match self.expected {
            Some(expected) => finding.expected(crate::finding::printable(&cropped(&expected))),
            None => finding,
        }
    }
}

fn cropped(text: &str) -> String {
    match text.char_indices().nth(TEXT_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_answers_are_taken_over() {
        let said = br#"{"findings": [{"message": "port is taken", "path": "a.json", "line": 3, "column": 7,
            "pointer": "/port", "found": "80", "expected": "above 1024"}, {"message": "odd\u001b[2J"}]}"#;
        let findings = from_json("ports", said).unwrap();
        assert_eq!(findings[0].location(), "a.json:3:7");
        assert_eq!(findings[0].sentence(), "ports: port is taken: found 80, expected above 1024");
        assert_eq!((&*findings[1].path, &*findings[1].message), (".", "ports: odd\\u{1b}[2J"));
        assert_eq!(from_json("ports", b"{\"findings\": []}").unwrap(), []);
        assert_eq!(from_json("ports", b"{\"problems\": []}"), None);
    }

    #[test]
    fn lines_are_placed_where_they_say_so() {
        let findings =
            from_lines("lint", b"files/a/b.json:3:7: too hot\n\nno place: here\n", b"c.yaml:9: and: so on\n");
        let found: Vec<_> = findings.iter().map(|finding| (finding.location(), finding.message.as_str())).collect();
        let expected =
            [("a/b.json:3:7", "lint: too hot"), (".", "lint: no place: here"), ("c.yaml:9", "lint: and: so on")];
        assert_eq!(found, expected.map(|(place, message)| (place.to_owned(), message)));
        assert_eq!(from_lines("lint", "x\n".repeat(100).as_bytes(), b"").len(), LINES_MAX);
    }
}

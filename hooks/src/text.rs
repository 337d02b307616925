//! From byte offsets to lines and columns.

use crate::finding::{Excerpt, is_hazardous};
use std::cell::OnceCell;

/// Characters shown on each side of the place.
const EXCERPT_CHARS: usize = 60;

/// Line and column, both counted from 1; columns are characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    /// Line.
    pub line: usize,
    /// Column.
    pub column: usize,
}

/// Content that may be invalid UTF-8 with an index of its lines, made when first needed.
#[derive(Debug)]
pub(crate) struct Text<'a> {
    content: &'a [u8],
    line_starts: OnceCell<Vec<usize>>,
}

impl<'a> Text<'a> {
    /// Wraps content.
    pub(crate) fn new(content: &'a [u8]) -> Self {
        Self { content, line_starts: OnceCell::new() }
    }

    /// Returns the place of a byte; past the end counts as the end.
    pub(crate) fn place(&self, offset: usize) -> Place {
        let offset = offset.min(self.content.len());
        let starts = self.line_starts();
        let line = starts.partition_point(|start| *start <= offset);
        let start = starts[line - 1];
        Place { line, column: count_chars(&self.content[start..offset]) + 1 }
    }

    /// Returns the byte at which a place is, as far as the line reaches.
    pub(crate) fn offset_of(&self, line: usize, column: usize) -> usize {
        let starts = self.line_starts();
        let start = starts[line.clamp(1, starts.len()) - 1];
        let rest = &self.content[start..];
        let mut chars = 0;
        let past = rest.iter().position(|byte| {
            chars += usize::from(begins_char(*byte));
            chars >= column.max(1)
        });
        start + past.unwrap_or(rest.len())
    }

    /// Returns the surroundings of a byte within its line.
    pub(crate) fn excerpt(&self, offset: usize) -> Excerpt {
        let offset = offset.min(self.content.len());
        let starts = self.line_starts();
        let start = starts[starts.partition_point(|start| *start <= offset) - 1];
        let before =
            String::from_utf8_lossy(&self.content[start.max(offset.saturating_sub(4 * EXCERPT_CHARS))..offset]);
        let skipped = before.chars().count().saturating_sub(EXCERPT_CHARS);
        let cropped = skipped > 0 || offset.saturating_sub(4 * EXCERPT_CHARS) > start;
        let mut text = String::from(if cropped { "…" } else { "" });
        text.extend(before.chars().skip(skipped).map(shown));
        let caret = text.chars().count();
        let after = &self.content[offset..self.content.len().min(offset + 4 * EXCERPT_CHARS)];
        let line = after.split(|byte| matches!(byte, b'\n' | b'\r')).next().unwrap_or_default();
        text.extend(String::from_utf8_lossy(line).chars().take(EXCERPT_CHARS).map(shown));
        Excerpt { text, caret }
    }

    fn line_starts(&self) -> &[usize] {
        self.line_starts.get_or_init(|| {
            let ends = self.content.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
            std::iter::once(0).chain(ends.map(|(at, _)| at + 1)).collect()
        })
    }
}

fn shown(c: char) -> char {
    match c {
        '\t' => ' ',
        c if is_hazardous(c) => '\u{fffd}',
        c => c,
    }
}

fn begins_char(byte: u8) -> bool {
    byte & 0xc0 != 0x80
}

fn count_chars(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| begins_char(**byte)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters() {
        let text = Text::new("ab\nüx\n".as_bytes());
        for (offset, line, column) in [(0, 1, 1), (2, 1, 3), (3, 2, 1), (5, 2, 2), (7, 3, 1), (99, 3, 1)] {
            assert_eq!(text.place(offset), Place { line, column }, "{offset}");
        }
        assert_eq!(text.offset_of(2, 2), 5);
        assert_eq!(text.offset_of(9, 9), 7);
    }

    #[test]
    fn excerpts_of_long_lines_are_cropped_around_the_place() {
        let line = format!("{}X{}", "a".repeat(1_000), "b".repeat(1_000));
        let excerpt = Text::new(line.as_bytes()).excerpt(1_000);
        assert_eq!(excerpt.text.chars().nth(excerpt.caret), Some('X'));
        assert!(excerpt.text.starts_with('…') && excerpt.text.chars().count() < 130);
    }

    #[test]
    fn excerpts_end_with_their_line_and_survive_bad_bytes() {
        assert_eq!(Text::new(b"a\tb\r\nc").excerpt(2), Excerpt { text: "a b".into(), caret: 2 });
        assert_eq!(Text::new(b"a\xff\n").excerpt(1).caret, 1);
        assert_eq!(Text::new(b"").excerpt(0), Excerpt { text: String::new(), caret: 0 });
    }
}

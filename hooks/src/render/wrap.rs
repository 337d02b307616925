//! Breaking lines where words end.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// What continued lines begin with.
pub(super) const INDENT: &str = "    ";

/// Returns the columns a text takes on a terminal.
pub(super) fn width(text: &str) -> usize {
    text.width()
}

/// Breaks a text into lines of at most `columns`, continued ones indented. A word that is longer than a line is kept
/// whole: paths are copied from reports.
pub(super) fn wrap(text: &str, columns: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let (mut line, mut used) = (String::new(), 0);
    for word in text.split(' ') {
        let word_width = word.width();
        if used > 0 && used + 1 + word_width > columns {
            lines.push(std::mem::replace(&mut line, INDENT.to_owned()));
            used = INDENT.len();
        } else if used > 0 {
            line.push(' ');
            used += 1;
        }
        line.push_str(word);
        used += word_width;
    }
    lines.push(line);
    lines
}

/// Cuts a line down to `columns` around the character at `caret`; returns it with the columns before the caret.
pub(super) fn crop(line: &str, caret: usize, columns: usize) -> (String, usize) {
    let chars: Vec<(char, usize)> = line.chars().map(|c| (c, c.width().unwrap_or(0))).collect();
    let caret = caret.min(chars.len());
    let total: usize = chars.iter().map(|(_, width)| width).sum();
    let before = |from: usize| chars[from..caret].iter().map(|(_, width)| width).sum::<usize>();
    if total <= columns {
        return (line.to_owned(), before(0));
    }
    let start = (0..=caret).find(|from| before(*from) <= columns * 2 / 3).unwrap_or(caret);
    let mut text = String::from(if start > 0 { "…" } else { "" });
    let offset = text.width();
    let mut used = offset + 1;
    for (c, width) in &chars[start..] {
        if used + width > columns {
            text.push('…');
            break;
        }
        text.push(*c);
        used += width;
    }
    (text, offset + before(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words_and_never_in_a_path() {
        let lines = wrap("a/long/path/of/a/file.json:1:2: it is too wide", 20);
        assert_eq!(lines, ["a/long/path/of/a/file.json:1:2:", "    it is too wide"]);
        assert_eq!(wrap("short", usize::MAX), ["short"]);
        assert_eq!(wrap("", 10), [""]);
    }

    #[test]
    fn long_lines_are_cut_around_the_caret() {
        let line: String = ('a'..='z').cycle().take(100).collect();
        let (text, caret) = crop(&line, 50, 30);
        assert_eq!(text.chars().nth(caret), line.chars().nth(50));
        assert!(width(&text) <= 30 && text.starts_with('…') && text.ends_with('…'), "{text}");
        assert_eq!(crop("abc", 1, 30), ("abc".to_owned(), 1));
        assert_eq!(crop("abc", 9, 30), ("abc".to_owned(), 3));
    }

    #[test]
    fn wide_characters_take_two_columns() {
        assert_eq!(crop("配置: x", 4, 80).1, 6);
    }
}

//! Text: in colour for a terminal, plain for the `remote:` lines of a push.

use crate::{Finding, Report};
use std::fmt::Write as _;

/// Whether escape sequences may be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// For a terminal.
    On,
    /// For everything else.
    Off,
}

/// Meanings of text that have a look.
#[derive(Clone, Copy)]
enum Look {
    Place,
    Problem,
    Quiet,
    Caret,
    Good,
}

impl Colour {
    fn paint(self, look: Look, text: &str) -> String {
        let code = match look {
            Look::Place => "1",
            Look::Problem => "1;31",
            Look::Quiet => "2",
            Look::Caret => "31",
            Look::Good => "32",
        };
        match self {
            Self::On => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            Self::Off => text.to_owned(),
        }
    }
}

impl Report {
    /// Returns the report for a terminal, with the lines in question and a caret under each place.
    pub fn render_terminal(&self, colour: Colour) -> String {
        let mut out = String::new();
        for finding in &self.findings {
            write_finding(&mut out, finding, colour);
        }
        if self.findings_unlisted() > 0 {
            let more = format!("… and {} more", self.findings_unlisted());
            let _ = writeln!(out, "{}", colour.paint(Look::Quiet, &more));
        }
        let look = if self.is_accepted() { Look::Good } else { Look::Problem };
        let _ = writeln!(out, "{}", colour.paint(look, &self.summary()));
        out
    }

    /// Returns the report without escape sequences, fit for `remote:` lines.
    pub fn render_plain(&self) -> String {
        self.render_terminal(Colour::Off)
    }
}

fn write_finding(out: &mut String, finding: &Finding, colour: Colour) {
    let place = colour.paint(Look::Place, &finding.location());
    let rule = colour.paint(Look::Quiet, &format!("[{}]", finding.rule));
    let _ = writeln!(out, "{place}: {} {rule}", colour.paint(Look::Problem, &finding.sentence()));
    if let (Some(excerpt), Some(line)) = (&finding.excerpt, finding.line) {
        let number = line.to_string();
        let margin = " ".repeat(number.len());
        let caret = format!("{}{}", " ".repeat(excerpt.caret), colour.paint(Look::Caret, "^"));
        let _ = writeln!(out, "  {} {}", colour.paint(Look::Quiet, &format!("{number} |")), excerpt.text);
        let _ = writeln!(out, "  {} {caret}", colour.paint(Look::Quiet, &format!("{margin} |")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Rule, finding::Excerpt, report::ReportBuilder, text::Place};

    fn report() -> Report {
        let mut builder = ReportBuilder::default();
        let excerpt = Excerpt { text: "  \"a\": 2".into(), caret: 2 };
        builder.add([
            Finding::new(Rule::JsonDuplicateKey, "b.json", "key \"a\" is there twice")
                .at(Place { line: 12, column: 3 }, excerpt),
            Finding::new(Rule::Symlink, "a", "is a symbolic link"),
        ]);
        builder.finish()
    }

    #[test]
    fn plain_text_shows_the_line_and_a_caret() {
        let expected = "\
a: is a symbolic link [shape/symlink]
b.json:12:3: key \"a\" is there twice [json/duplicate-key]
  12 |   \"a\": 2
     |   ^
2 problems in 2 files
";
        assert_eq!(report().render_plain(), expected);
    }

    #[test]
    fn colour_only_adds_escape_sequences() {
        let coloured = report().render_terminal(Colour::On);
        let mut plain = String::new();
        for part in coloured.split('\u{1b}') {
            plain.push_str(part.strip_prefix('[').and_then(|p| p.split_once('m')).map_or(part, |(_, text)| text));
        }
        assert_eq!(plain, report().render_plain());
        assert!(coloured.contains("\u{1b}[1;31m"));
    }

    #[test]
    fn what_is_not_listed_is_counted() {
        let mut builder = ReportBuilder::default();
        builder.add((0..60).map(|n| Finding::new(Rule::Symlink, &format!("{n:02}"), "is a symbolic link")));
        let text = builder.finish().render_plain();
        assert!(text.ends_with("… and 10 more\n60 problems in at least 50 files\n"), "{text}");
    }
}

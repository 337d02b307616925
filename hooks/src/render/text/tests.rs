//! What people see.

use super::*;
use crate::{Rule, finding::Excerpt, report::ReportBuilder, text::Place};

fn report() -> Report {
    let mut builder = ReportBuilder::new(&crate::GateSettings::default());
    let excerpt = Excerpt { text: "  \"a\": 2".into(), caret: 2 };
    builder.add([
        Finding::new(Rule::JsonDuplicateKey, "b.json", "key \"a\" is there twice")
            .at(Place { line: 12, column: 3 }, excerpt.clone()),
        Finding::new(Rule::JsonNumber, "c.json", "integer does not fit 64 bits")
            .at(Place { line: 3, column: 3 }, excerpt)
            .pointing("/limits/max")
            .found("18446744073709551616")
            .expected("at most 18446744073709551615"),
        Finding::new(
            Rule::Symlink,
            "a",
            "is a symbolic link, which hosts do not deliver; commit the file it points to",
        ),
    ]);
    builder.finish()
}

fn without_escapes(text: &str) -> String {
    let mut parts = text.split('\u{1b}');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |plain, part| plain + part.split_once('m').map_or(part, |(_, text)| text))
}

#[test]
fn plain_text_shows_the_line_the_caret_and_the_pointer() {
    let expected = "\
a: is a symbolic link, which hosts do not deliver; commit the file it points to [shape/symlink]
b.json:12:3: key \"a\" is there twice [json/duplicate-key]
  12 |   \"a\": 2
     |   ^
c.json:3:3: integer does not fit 64 bits: found 18446744073709551616, expected at most 18446744073709551615 [json/number]
  3 |   \"a\": 2
    |   ^ /limits/max
3 problems in 3 files
";
    assert_eq!(report().render_plain(), expected);
}

#[test]
fn lines_of_a_push_fit_a_terminal_of_80_columns() {
    let expected = "\
a: is a symbolic link, which hosts do not deliver; commit the file it
    points to [shape/symlink]
b.json:12:3: key \"a\" is there twice [json/duplicate-key]
  12 |   \"a\": 2
     |   ^
c.json:3:3: integer does not fit 64 bits: found 18446744073709551616,
    expected at most 18446744073709551615 [json/number]
  3 |   \"a\": 2
    |   ^ /limits/max
3 problems in 3 files
";
    assert_eq!(report().render(Style::REMOTE), expected);
}

#[test]
fn colour_only_adds_escape_sequences() {
    for columns in [40, 72, usize::MAX] {
        let coloured = report().render(Style::terminal(Colour::On, columns));
        let plain = report().render(Style::terminal(Colour::Off, columns));
        assert_eq!(without_escapes(&coloured), plain);
        assert!(coloured.contains("\u{1b}[1;31m"));
    }
}

#[test]
fn what_is_not_listed_is_counted() {
    let mut builder = ReportBuilder::new(&crate::GateSettings::default());
    builder.add((0..60).map(|n| Finding::new(Rule::Symlink, &format!("{n:02}"), "is a symbolic link")));
    let text = builder.finish().render_plain();
    assert!(text.ends_with("… and 10 more\n60 problems in at least 50 files\n"), "{text}");
}

#[test]
fn a_pointer_without_a_line_stands_in_the_sentence() {
    let mut builder = ReportBuilder::new(&crate::GateSettings::default());
    builder.add([Finding::new(Rule::JsonNumber, "a.json", "too large").pointing("/a")]);
    assert!(builder.finish().render_plain().starts_with("a.json: too large at /a [json/number]\n"));
}

//! TOML 1, by the parser that Rust hosts use, with every integer and the depth checked where it stands.

mod values;

use super::{
    DocumentBounds,
    bounds::TOO_DEEP,
    pointer::{Step, pointer_text},
};
use crate::{
    Finding, Rule,
    check::{Check, Document, Findings},
};
use serde::Deserialize as _;
use toml::{
    Spanned,
    de::{DeFloat, DeInteger, DeTable, DeValue, Error},
};

/// Files up to which all errors are looked for instead of the first: every line of a large file that is no TOML at all
/// would be one.
const RECOVERED_BYTES_MAX: usize = 256 << 10;

/// Brackets and parts of a key that the parser takes in one value.
const LEVELS_OF_READERS_MAX: usize = 80;

/// Checks `.toml`.
#[derive(Debug)]
pub(crate) struct Toml {
    /// What a document may be like.
    pub(crate) bounds: DocumentBounds,
}

impl Check for Toml {
    fn applies_to(&self, path: &str) -> bool {
        super::has_extension(path, &["toml"])
    }

    fn check(&self, document: &Document<'_>, findings: &mut Findings) {
        let Some(text) = document.unmarked_utf8(findings) else { return };
        if let Some(offset) = values::end_of_bound(text, self.bounds.values_max) {
            return findings.add(self.bounds.too_many_values(document, offset));
        }
        let table = match DeTable::parse(text) {
            Ok(table) => table,
            Err(first) => return Reporter { document, bounds: &self.bounds }.report_all(text, first, findings),
        };
        let mut walk = Walk { document, bounds: &self.bounds, steps: Vec::new(), findings };
        walk.table(table.get_ref());
        if findings.is_empty()
            && let Err(error) = toml::Table::deserialize(toml::Deserializer::from(table))
        {
            Reporter { document, bounds: &self.bounds }.report(&error, findings);
        }
    }
}

/// Tells the parser's errors.
struct Reporter<'d> {
    document: &'d Document<'d>,
    bounds: &'d DocumentBounds,
}

impl Reporter<'_> {
    fn report_all(&self, text: &str, first: Error, findings: &mut Findings) {
        let mut errors =
            if text.len() > RECOVERED_BYTES_MAX { vec![first] } else { DeTable::parse_recoverable(text).1 };
        let start = |error: &Error| error.span().map_or(text.len(), |span| span.start).min(text.len());
        errors.sort_by_key(start);
        let mut reported_to = None;
        for error in errors {
            // What follows an error within its line is mostly its echo.
            let offset = start(&error);
            let line_end =
                text.as_bytes()[offset..].iter().position(|byte| *byte == b'\n').map_or(text.len(), |at| offset + at);
            if reported_to.is_none_or(|end| offset > end) {
                self.report(&error, findings);
                reported_to = Some(line_end);
            }
        }
    }

    /// The parser gives up on its own bound, whatever is set.
    fn too_deep(&self, error: &Error) -> Finding {
        let offset = error.span().map_or(0, |span| span.start);
        let finding = self.document.finding_at(Rule::TomlDepth, offset, TOO_DEEP);
        let finding = finding.found(format!("more than {LEVELS_OF_READERS_MAX} levels in one value"));
        finding.expected(match self.bounds.depth_max < LEVELS_OF_READERS_MAX {
            true => self.bounds.depth_expected(),
            false => format!("at most {LEVELS_OF_READERS_MAX} levels, which readers of TOML take"),
        })
    }

    fn report(&self, error: &Error, findings: &mut Findings) {
        let (document, message) = (self.document, error.message());
        let rule = match message {
            "duplicate key" => Rule::TomlDuplicateKey,
            _ if message.contains("recurs") => return findings.add(self.too_deep(error)),
            _ if message.contains("overflow") => Rule::TomlNumber,
            _ => Rule::TomlSyntax,
        };
        findings.add(match error.span() {
            Some(span) => document.finding_at(rule, span.start, message),
            None => document.finding(rule, message),
        });
    }
}

struct Walk<'a, 'd> {
    document: &'d Document<'d>,
    bounds: &'d DocumentBounds,
    steps: Vec<Step<&'a str>>,
    findings: &'d mut Findings,
}

impl<'a> Walk<'a, '_> {
    fn table(&mut self, table: &'a DeTable<'_>) {
        for (key, value) in table {
            self.member(Step::Key(key.get_ref()), value);
        }
    }

    fn member(&mut self, step: Step<&'a str>, value: &'a Spanned<DeValue<'_>>) {
        self.steps.push(step);
        let offset = value.span().start;
        match value.get_ref() {
            DeValue::Table(table) if self.may_descend(offset) => self.table(table),
            DeValue::Array(array) if self.may_descend(offset) => {
                for (index, value) in array.iter().enumerate() {
                    self.member(Step::Index(index), value);
                }
            }
            DeValue::Integer(_) | DeValue::Float(_) if self.is_long(value) => {}
            DeValue::Integer(integer) => self.integer(offset, integer),
            DeValue::Float(float) => self.float(offset, float),
            _ => {}
        }
        self.steps.pop();
    }

    /// Returns whether a number is over its limit, and tells it.
    fn is_long(&mut self, value: &Spanned<DeValue<'_>>) -> bool {
        let Some(finding) = self.bounds.long_number(self.document, value.span().start, value.span().len()) else {
            return false;
        };
        let pointer = pointer_text(self.steps.iter().cloned());
        self.findings.add(finding.pointing(pointer));
        true
    }

    fn integer(&mut self, offset: usize, integer: &DeInteger<'_>) {
        if i64::from_str_radix(integer.as_str(), integer.radix()).is_err() {
            let Self { document, steps, findings, .. } = self;
            findings.add_with(|| {
                let finding = document.finding_at(Rule::TomlNumber, offset, "integer does not fit 64 bits");
                let expected = "an integer from -2^63 to 2^63-1, as TOML has them, or a string";
                let pointer = pointer_text(steps.iter().cloned());
                finding.found(integer.to_string()).expected(expected).pointing(pointer)
            });
        }
    }

    fn float(&mut self, offset: usize, float: &DeFloat<'_>) {
        if !float.as_str().parse().is_ok_and(f64::is_finite) {
            let Self { document, steps, findings, .. } = self;
            findings.add_with(|| {
                let message = "number is not finite, and schemas, rules and JSON know no such number";
                let finding = document.finding_at(Rule::TomlNumber, offset, message).found(float.to_string());
                finding.expected("a finite number, or a string").pointing(pointer_text(steps.iter().cloned()))
            });
        }
    }

    fn may_descend(&mut self, offset: usize) -> bool {
        let fits = self.steps.len() < self.bounds.depth_max;
        if !fits {
            let Self { document, bounds, findings, .. } = self;
            findings.add_with(|| bounds.too_deep(document, Rule::TomlDepth, offset));
        }
        fits
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check_found(text: &[u8]) -> Vec<crate::Finding> {
        let mut findings = Findings::default();
        Toml { bounds: DocumentBounds::with_depth(128) }.check(&Document::new("a.toml", text), &mut findings);
        findings.into_parts().0
    }

    fn check_places(text: &str, expected: &[(Rule, usize, usize)]) {
        let found = check_found(text.as_bytes());
        let places: Vec<_> = found.iter().map(|f| (f.rule, f.line.unwrap(), f.column.unwrap())).collect();
        assert_eq!(places, expected, "{text}\n{found:?}");
    }

    #[test]
    fn toml_is_accepted() {
        for text in [
            "",
            "a = 1\n[b.c]\nd = [1, 2.5, 'x']\n[[e]]\nf = { g = 1979-05-27T07:32:00Z }\n",
            "a = 9223372036854775807\nb = -9223372036854775808\nc = 0xff_ff\nd = 1e308",
            "\"ü\" = '''\nraw'''\r\n",
        ] {
            check_places(text, &[]);
        }
    }

    #[test]
    fn what_json_lacks_is_told() {
        let text = "a = nan\nb = [1.5, -inf]\n[c]\nd = 1e999\n";
        check_places(text, &[(Rule::TomlNumber, 1, 5), (Rule::TomlNumber, 2, 11), (Rule::TomlNumber, 4, 5)]);
        assert_eq!(check_found(text.as_bytes())[1].pointer.as_deref(), Some("/b/1"));
    }

    #[test]
    fn every_error_has_its_place() {
        check_places("a = 1\nb = \n[c\nd = 1", &[(Rule::TomlSyntax, 2, 5), (Rule::TomlSyntax, 3, 3)]);
        check_places("d = 'x\n\n", &[(Rule::TomlSyntax, 1, 7)]);
        check_places(
            "a = 1\n[t]\nx = 1\nx = 2\n[t]\n",
            &[(Rule::TomlDuplicateKey, 4, 1), (Rule::TomlDuplicateKey, 5, 2)],
        );
        check_places("ü = 1", &[(Rule::TomlSyntax, 1, 1)]);
    }

    #[test]
    fn numbers_beyond_64_bits_are_told_with_their_pointer() {
        let text = "[a]\nb = [1, 9223372036854775808]\nc = 0xffffffffffffffff\n";
        check_places(text, &[(Rule::TomlNumber, 2, 9), (Rule::TomlNumber, 3, 5)]);
        assert_eq!(check_found(text.as_bytes())[0].pointer.as_deref(), Some("/a/b/1"));
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |depth: usize| format!("a = {}{}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(check_found(nested(70).as_bytes()), []);
        assert_eq!(check_found(nested(129).as_bytes())[0].rule, Rule::TomlDepth);
        assert_eq!(check_found(nested(100_000).as_bytes())[0].rule, Rule::TomlDepth);
        let headers = format!("[{}]\nx = {}1{}", vec!["a"; 70].join("."), "[".repeat(70), "]".repeat(70));
        check_places(&headers, &[(Rule::TomlDepth, 2, 62)]);
    }

    #[test]
    fn a_large_file_of_nonsense_is_refused_at_its_first_error() {
        check_places(&"=\n".repeat(200_000), &[(Rule::TomlSyntax, 1, 1)]);
    }

    fn nearly_toml() -> impl Strategy<Value = String> {
        let part = prop_oneof![
            Just("a"),
            Just("b"),
            Just("a.b"),
            Just(" = "),
            Just("="),
            Just("1"),
            Just("0x"),
            Just("'x'"),
            Just("\""),
            Just("'''"),
            Just("["),
            Just("]"),
            Just("[["),
            Just("]]"),
            Just("{"),
            Just("}"),
            Just(","),
            Just("\n"),
            Just("\r"),
            Just("#"),
            Just("1979-05-27"),
            Just("T07:32:00"),
            Just("1e999"),
            Just("99999999999999999999"),
            Just("true"),
            Just("ü"),
            Just(" "),
        ];
        prop::collection::vec(part, 0..40).prop_map(|parts| parts.concat())
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            check_found(&bytes);
        }

        #[test]
        fn what_is_accepted_the_usual_parser_accepts(text in nearly_toml()) {
            let usual = toml::from_str::<toml::Table>(&text);
            prop_assert_eq!(check_found(text.as_bytes()).is_empty(), usual.is_ok(), "{}\n{:?}", text, usual);
        }
    }
}

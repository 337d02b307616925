//! CSV as RFC 4180 has it: commas, double quotes, the same number of fields in every record.
//!
//! The usual parsers take almost anything; what they make of a stray quote differs, so the gate is stricter than they
//! are. Lines may end with or without a carriage return.

use super::describe;
use crate::{
    Finding, Rule,
    check::{Check, Document, Findings},
};

/// Checks `.csv`.
#[derive(Debug)]
pub(crate) struct Csv;

impl Check for Csv {
    fn applies_to(&self, path: &str) -> bool {
        super::has_extension(path, &["csv"])
    }

    fn check(&self, document: &Document<'_>, findings: &mut Findings) {
        let Some(text) = document.unmarked_utf8(findings) else { return };
        let mut scanner = Scanner { document, text, at: 0, findings };
        let mut fields_expected = None;
        while scanner.at < text.len() {
            let start = scanner.at;
            let fields = scanner.record();
            let expected = *fields_expected.get_or_insert(fields);
            if fields != expected {
                scanner.report_field_count(start, fields, expected);
            }
        }
    }
}

struct Scanner<'a, 'd> {
    document: &'d Document<'d>,
    text: &'a str,
    at: usize,
    findings: &'d mut Findings,
}

impl Scanner<'_, '_> {
    /// Goes over a record with its line end and returns how many fields it has.
    fn record(&mut self) -> usize {
        let mut fields = 1;
        loop {
            match self.peek() {
                Some(b'"') => self.quoted(),
                _ => self.plain(),
            }
            match self.peek() {
                Some(b',') => {
                    self.at += 1;
                    fields += 1;
                }
                Some(b'\r') => {
                    self.at += 2;
                    return fields;
                }
                _ => {
                    self.at += 1;
                    return fields;
                }
            }
        }
    }

    /// Goes over a field without quotes.
    fn plain(&mut self) {
        while let Some(byte) = self.peek() {
            if self.ends_field(byte) {
                return;
            }
            match byte {
                b'"' => self
                    .report("quote inside a field without quotes", "quotes around the field, and \"\" for one in it"),
                b'\t' => {}
                0..=0x1f | 0x7f => self.report("control character", "text"),
                _ => {}
            }
            self.at += 1;
        }
    }

    /// Goes over a field in quotes.
    fn quoted(&mut self) {
        let start = self.at;
        self.at += 1;
        loop {
            match self.peek() {
                Some(b'"') if self.text.as_bytes().get(self.at + 1) == Some(&b'"') => self.at += 1,
                Some(b'"') => break,
                Some(b'\t' | b'\r' | b'\n') => {}
                Some(0..=0x1f | 0x7f) => self.report("control character", "text"),
                Some(_) => {}
                None => {
                    self.at = start;
                    self.report("quote is never closed", "a closing quote");
                    self.at = self.text.len();
                    return;
                }
            }
            self.at += 1;
        }
        self.at += 1;
        if self.peek().is_some_and(|byte| !self.ends_field(byte)) {
            self.report(
                "text after the closing quote",
                "a comma or the end of the line, and \"\" for a quote in a field",
            );
            self.skip_field();
        }
    }

    fn skip_field(&mut self) {
        while self.peek().is_some_and(|byte| !self.ends_field(byte)) {
            self.at += 1;
        }
    }

    fn ends_field(&self, byte: u8) -> bool {
        match byte {
            b',' | b'\n' => true,
            b'\r' => self.text.as_bytes().get(self.at + 1) == Some(&b'\n'),
            _ => false,
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn report(&mut self, message: &'static str, expected: &'static str) {
        let (document, text, at) = (self.document, self.text, self.at);
        self.findings.add_with(|| finding(document, text, at, message).expected(expected));
    }

    fn report_field_count(&mut self, start: usize, fields: usize, expected: usize) {
        let (document, is_empty_line) = (self.document, matches!(self.text.as_bytes()[start], b'\n' | b'\r'));
        self.findings.add_with(|| {
            let found = if is_empty_line { "an empty line".to_owned() } else { format!("{fields}") };
            let finding = document.finding_at(Rule::CsvFieldCount, start, "record has another number of fields");
            finding.found(found).expected(format!("{expected}, as in the first record"))
        });
    }
}

fn finding(document: &Document<'_>, text: &str, at: usize, message: &'static str) -> Finding {
    document.finding_at(Rule::CsvSyntax, at, message).found(describe(&text[at..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzzing::usual_csv;
    use proptest::prelude::*;

    fn check_found(text: &[u8]) -> Vec<(Rule, usize, usize)> {
        let mut findings = Findings::default();
        Csv.check(&Document::new("a.csv", text), &mut findings);
        findings.into_parts().0.into_iter().map(|f| (f.rule, f.line.unwrap(), f.column.unwrap())).collect()
    }

    #[test]
    fn csv_is_accepted() {
        for text in [
            "",
            "one",
            "a,b\n1,2\n",
            "a,b\r\n1,2\r\n",
            "a,\"b\"\"c\"\n\"x,\r\ny\",\"\"\n",
            ",\n,",
            "ü,\t\n1,2",
            "one column\n\nthree",
        ] {
            assert_eq!(check_found(text.as_bytes()), [], "{text:?}");
        }
    }

    #[test]
    fn every_problem_has_its_place() {
        use Rule::{CsvFieldCount, CsvSyntax};
        let cases = [
            ("a,b\n1\n1,2,3\n1,2\n", vec![(CsvFieldCount, 2, 1), (CsvFieldCount, 3, 1)]),
            ("a,b\n\n1,2\n", vec![(CsvFieldCount, 2, 1)]),
            ("a,ü\"b\n1,2\n", vec![(CsvSyntax, 1, 4)]),
            ("a,\"b\" c\n1,2\n", vec![(CsvSyntax, 1, 6)]),
            ("a,b\n1,\"2\n3,4\n", vec![(CsvSyntax, 2, 3)]),
            ("a\rb\n", vec![(CsvSyntax, 1, 2)]),
            ("a\0,\"\u{1}\"\n", vec![(CsvSyntax, 1, 2), (CsvSyntax, 1, 5)]),
            ("a,b\r\n\"x\"y,2\r\n3\r\n", vec![(CsvSyntax, 2, 4), (CsvFieldCount, 3, 1)]),
        ];
        for (text, expected) in cases {
            assert_eq!(check_found(text.as_bytes()), expected, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            check_found(&bytes);
        }

        #[test]
        fn what_is_accepted_the_usual_parser_accepts(text in "[ab,\"\n\rü ]{0,40}") {
            if check_found(text.as_bytes()).is_empty() {
                prop_assert!(usual_csv(&text).is_some(), "{text:?}");
            }
        }

        #[test]
        fn what_the_usual_writer_writes_is_accepted(
            records in (1usize..5).prop_flat_map(|width| {
                prop::collection::vec(prop::collection::vec("[ab,\"\n\rü ]{0,6}", width), 0..8)
            }),
        ) {
            let mut writer = csv::Writer::from_writer(Vec::new());
            for record in &records {
                writer.write_record(record).unwrap();
            }
            let text = String::from_utf8(writer.into_inner().unwrap()).unwrap();
            prop_assert_eq!(check_found(text.as_bytes()), []);
            prop_assert_eq!(usual_csv(&text), Some(records));
        }
    }
}

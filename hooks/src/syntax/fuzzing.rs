//! What must hold for any XML and CSV: nothing is accepted that a usual parser refuses.

use super::{Csv, Xml};
use crate::{
    Finding,
    check::{Check, Document, Findings},
    fuzzing::{DEPTH_MAX, check_told, usual_csv, usual_xml},
};

/// Holds the check of XML to what a usual parser says.
pub fn xml(data: &[u8]) {
    if let Some(text) = accepted(&Xml { bounds: crate::syntax::DocumentBounds::with_depth(DEPTH_MAX) }, "a.xml", data) {
        assert_eq!(usual_xml(text), Ok(()), "{text:?}");
    }
}

/// Holds the check of CSV to what a usual parser says.
pub fn csv(data: &[u8]) {
    if let Some(text) = accepted(&Csv, "a.csv", data) {
        let records = usual_csv(text).unwrap_or_else(|| panic!("{text:?} is refused elsewhere"));
        let mut written = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
        for record in &records {
            written.write_record(record).expect("memory takes all writes");
        }
        let written = written.into_inner().expect("memory takes all writes");
        let (found, _) = found(&Csv, "a.csv", &written);
        assert!(found.is_empty(), "{text:?} is accepted, and as it is usually written not: {found:?}");
    }
}

fn accepted<'d>(check: &dyn Check, path: &str, data: &'d [u8]) -> Option<&'d str> {
    let (findings, unlisted) = found(check, path, data);
    check_told(data, &findings);
    assert!(unlisted == 0 || !findings.is_empty());
    findings.is_empty().then(|| std::str::from_utf8(data).expect("what is accepted is text"))
}

fn found(check: &dyn Check, path: &str, data: &[u8]) -> (Vec<Finding>, usize) {
    let mut findings = Findings::default();
    check.check(&Document::new(path, data), &mut findings);
    findings.into_parts()
}

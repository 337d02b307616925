//! What holds for every finding: its place is in the file, its text is fit for a terminal.

use crate::{Colour, FINDINGS_LISTED_MAX, Finding, Report, Style, finding::is_hazardous};

/// Holds findings about one file to what reports promise.
pub(crate) fn check_told(content: &[u8], findings: &[Finding]) {
    assert!(findings.len() <= FINDINGS_LISTED_MAX, "{} findings are kept", findings.len());
    let lines: Vec<&[u8]> = content.split(|byte| *byte == b'\n').collect();
    for finding in findings {
        check_place(&lines, finding);
        check_printable(finding);
    }
    check_rendered(findings);
}

fn check_place(lines: &[&[u8]], finding: &Finding) {
    assert_eq!(finding.line.is_some(), finding.column.is_some(), "{finding:?}");
    let (Some(line), Some(column)) = (finding.line, finding.column) else { return };
    let text = line.checked_sub(1).and_then(|at| lines.get(at)).unwrap_or_else(|| panic!("no such line: {finding:?}"));
    let chars = text.iter().filter(|byte| **byte & 0xc0 != 0x80).count();
    assert!((1..=chars + 1).contains(&column), "no such column: {finding:?}");
    let excerpt = finding.excerpt.as_ref().expect("a finding with a place shows it");
    assert!(excerpt.caret <= excerpt.text.chars().count(), "caret is outside: {finding:?}");
}

fn check_printable(finding: &Finding) {
    let Finding { path, pointer, message, found, expected, excerpt, .. } = finding;
    let excerpt = excerpt.as_ref().map(|excerpt| &excerpt.text);
    let texts = [Some(path), pointer.as_ref(), Some(message), found.as_ref(), expected.as_ref(), excerpt];
    for text in texts.into_iter().flatten() {
        assert!(!text.chars().any(is_hazardous), "not printable: {text:?} in {finding:?}");
    }
}

fn check_rendered(findings: &[Finding]) {
    let report = Report { findings: findings.to_vec(), findings_total: findings.len(), ..Report::default() };
    let plain = report.render_plain();
    assert!(!plain.chars().any(|c| c != '\n' && is_hazardous(c)), "{plain:?}");
    assert!(findings.iter().all(|finding| plain.contains(finding.rule.as_str())), "{plain}");
    report.render(Style::terminal(Colour::On, 40));
    let read: Report = serde_json::from_value(report.to_json()).expect("a report reads its own JSON");
    assert_eq!(read.findings, report.findings);
    report.to_sarif();
}

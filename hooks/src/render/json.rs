//! JSON as REST and `--output json` show it.

use crate::Report;
use serde_json::{Value, json};

impl Report {
    /// Returns the report as JSON: the fields of the report, and whether it accepts.
    pub fn to_json(&self) -> Value {
        let mut json = json!({
            "accepted": self.is_accepted(),
            "findings": self.findings,
            "findings_total": self.findings_total,
            "files_checked": self.files_checked,
        });
        if self.overridden_total > 0 {
            json["overridden"] = json!(self.overridden);
            json["overridden_total"] = json!(self.overridden_total);
        }
        json
    }
}

#[cfg(test)]
mod tests {
    use crate::{Finding, Report, Rule};

    #[test]
    fn absent_parts_are_left_out() {
        let finding = Finding::new(Rule::Symlink, "a", "is a symbolic link");
        let report = Report { findings: vec![finding], findings_total: 1, files_checked: 3, ..Report::default() };
        let expected = r#"{"accepted":false,"files_checked":3,"findings":[{"message":"is a symbolic link","path":"a","rule":"shape/symlink"}],"findings_total":1}"#;
        assert_eq!(report.to_json().to_string(), expected);
        let back: Report = serde_json::from_value(report.to_json()).unwrap();
        assert_eq!(back, report);
    }
}

//! SARIF 2.1.0, which code review sites and editors read.

use crate::{Finding, Report, Rule};
use serde_json::{Value, json};

impl Report {
    /// Returns the report as a SARIF log with one run.
    pub fn to_sarif(&self) -> Value {
        let rules: Vec<_> = Rule::ALL
            .iter()
            .map(|rule| json!({ "id": rule.as_str(), "shortDescription": { "text": rule.help() } }))
            .collect();
        json!({
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
            "version": "2.1.0",
            "runs": [{
                "tool": { "driver": {
                    "name": "configbus",
                    "semanticVersion": env!("CARGO_PKG_VERSION"),
                    "rules": rules,
                } },
                "columnKind": "unicodeCodePoints",
                "results": self.findings.iter().map(result).collect::<Vec<_>>(),
                "properties": { "findingsTotal": self.findings_total, "filesChecked": self.files_checked },
            }],
        })
    }
}

fn result(finding: &Finding) -> Value {
    let mut physical = json!({ "artifactLocation": { "uri": uri(&finding.path) } });
    if let Some(line) = finding.line {
        physical["region"] = json!({ "startLine": line });
        if let Some(column) = finding.column {
            physical["region"]["startColumn"] = column.into();
        }
        if let Some(excerpt) = &finding.excerpt {
            physical["contextRegion"] = json!({ "startLine": line, "snippet": { "text": excerpt.text } });
        }
    }
    let mut location = json!({ "physicalLocation": physical });
    if let Some(pointer) = &finding.pointer {
        location["logicalLocations"] = json!([{ "fullyQualifiedName": pointer }]);
    }
    json!({
        "ruleId": finding.rule.as_str(),
        "ruleIndex": Rule::ALL.iter().position(|rule| *rule == finding.rule),
        "level": "error",
        "message": { "text": finding.sentence() },
        "locations": [location],
    })
}

/// A relative URI reference: everything but unreserved characters and slashes is percent-encoded.
fn uri(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => uri.push(byte.into()),
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{finding::Excerpt, text::Place};

    #[test]
    fn results_name_rule_place_and_pointer() {
        let excerpt = Excerpt { text: "{\"x\": 1}".into(), caret: 0 };
        let finding = Finding::new(Rule::JsonDuplicateKey, "a b/ü.json", "twice")
            .at(Place { line: 2, column: 5 }, excerpt)
            .pointing("/x");
        let report = Report { findings: vec![finding], findings_total: 1, files_checked: 1, ..Report::default() };
        let sarif = report.to_sarif();
        let result = &sarif["runs"][0]["results"][0];
        let location = &result["locations"][0];
        assert_eq!(sarif["version"], "2.1.0");
        assert_eq!(location["physicalLocation"]["artifactLocation"]["uri"], "a%20b/%C3%BC.json");
        assert_eq!(location["physicalLocation"]["region"], json!({ "startLine": 2, "startColumn": 5 }));
        assert_eq!(location["physicalLocation"]["contextRegion"]["snippet"]["text"], "{\"x\": 1}");
        assert_eq!(location["logicalLocations"][0]["fullyQualifiedName"], "/x");
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(sarif["runs"][0]["tool"]["driver"]["rules"][index]["id"], result["ruleId"]);
    }
}

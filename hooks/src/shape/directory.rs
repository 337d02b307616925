//! One directory of the landing tree: how wide it is, and whether every file system can tell its names apart.

use super::join;
use crate::{Finding, Rule};
use configbus_model::at_most;
use std::collections::HashMap;
use unicase::UniCase;
use unicode_normalization::{UnicodeNormalization as _, is_nfc_quick};

/// Returns what is wrong with the names of `directory`.
pub(crate) fn check_directory(directory: &str, names: &[&str], entries_max: usize) -> Vec<Finding> {
    // To look for twins among millions would cost more than the answer is worth.
    let mut findings = twins(directory, &names[..names.len().min(entries_max.saturating_mul(2))]);
    if names.len() > entries_max {
        let message = "directory is too wide, and every change in it costs its width; spread the entries over \
                       sub-directories, for example by the first letters of their names";
        let finding = Finding::new(Rule::DirectoryWidth, directory, message)
            .found(format!("{} entries", names.len()))
            .expected(at_most(entries_max, "entries", "gate.directory_entries_max"));
        findings.push(finding);
    }
    findings
}

fn twins(directory: &str, names: &[&str]) -> Vec<Finding> {
    let mut seen: HashMap<String, &str> = HashMap::with_capacity(names.len());
    let mut findings = Vec::new();
    for name in names {
        let Some(twin) = seen.insert(folded(name), name) else { continue };
        let message = format!("name differs from {twin:?} only in case or Unicode composition; rename one of them");
        findings.push(Finding::new(Rule::Twins, &join(directory, name), message));
    }
    findings
}

/// The name as a file system that ignores case and composition sees it.
fn folded(name: &str) -> String {
    if name.is_ascii() {
        return name.to_ascii_lowercase();
    }
    let composed: String = name.nfc().collect();
    let folded = UniCase::unicode(composed).to_folded_case();
    let is_composed = is_nfc_quick(folded.chars()) == unicode_normalization::IsNormalized::Yes;
    if is_composed { folded } else { folded.nfc().collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_rules(names: &[&str], entries_max: usize) -> Vec<Rule> {
        check_directory("d", names, entries_max).into_iter().map(|finding| finding.rule).collect()
    }

    #[test]
    fn names_that_some_file_system_confuses_are_refused() {
        for pair in [["a", "A"], ["ü", "Ü"], ["ü", "u\u{308}"], ["straße", "STRASSE"], ["ſ", "s"], ["Σ", "ς"]] {
            assert_eq!(check_rules(&pair, 10), [Rule::Twins], "{pair:?}");
        }
        assert_eq!(check_rules(&["a", "b", "ab", "a b", "ä", "a-"], 10), []);
    }

    #[test]
    fn twins_name_each_other() {
        let finding = &check_directory("", &["Readme", "README"], 10)[0];
        assert_eq!(finding.path, "README");
        assert!(finding.message.contains("\"Readme\""), "{}", finding.message);
    }

    #[test]
    fn width_is_bounded() {
        assert_eq!(check_rules(&["a", "b"], 2), []);
        assert_eq!(check_rules(&["a", "b", "c"], 2), [Rule::DirectoryWidth]);
    }
}

//! Files that are right by themselves and wrong together: experiments of one place and their layers.

use super::reading::{finding, is_meant, read};
use crate::{
    PathGlob, Rule,
    candidate::{CandidateError, LandingFile},
    check::{Document, Findings},
    document::Format,
    policy::{Case, SwitchEntry},
};
use bytes::Bytes;
use configbus_switches::experiment::{ExperimentDocument, ExperimentSet};
use std::collections::HashSet;

/// Files of one place.
struct Company<'f> {
    place: &'f PathGlob,
    files: Vec<(&'f LandingFile, &'f SwitchEntry)>,
}

/// Adds which files cannot be together. All files of each place are there, as each change of one reopens the others.
pub(super) fn check_company(
    case: &Case<'_>,
    files: &[(&LandingFile, SwitchEntry)],
    findings: &mut Findings,
) -> Result<(), CandidateError> {
    let there: HashSet<&str> = files.iter().map(|(file, _)| file.path.as_str()).collect();
    for company in companies(files) {
        let switches = &case.after().policy.switches;
        let is_of = |path: &str| switches.company(path) == Some(company.place) && Format::of(path).is_some();
        let changed: HashSet<_> = case
            .changes
            .iter()
            .filter(|change| is_of(&change.path))
            .map(|change| (change.path.as_str(), change.after.is_some()))
            .collect();
        // Something is wrong with a file that is held back: what others would lack by that is no news.
        if changed.iter().all(|(path, stays)| !stays || there.contains(path)) {
            let changed = changed.into_iter().map(|(path, _)| path).collect();
            compose(case, company, &changed, findings)?;
        }
    }
    Ok(())
}

fn companies<'f>(files: &'f [(&LandingFile, SwitchEntry)]) -> Vec<Company<'f>> {
    let mut companies: Vec<Company<'f>> = Vec::new();
    for (file, entry) in files {
        let Some(place) = entry.company(&file.path) else { continue };
        match companies.iter_mut().find(|company| company.place == place) {
            Some(company) => company.files.push((file, entry)),
            None => companies.push(Company { place, files: vec![(file, entry)] }),
        }
    }
    companies
}

fn compose(
    case: &Case<'_>,
    mut company: Company<'_>,
    changed: &HashSet<&str>,
    findings: &mut Findings,
) -> Result<(), CandidateError> {
    // Of two files that cannot be together the later is told, and that should be the author's.
    company.files.sort_by_key(|(file, _)| (changed.contains(file.path.as_str()), file.path.as_str()));
    let (mut documents, mut contents) = (Vec::new(), Vec::new());
    for (file, entry) in company.files {
        let content = case.candidate.content(file)?;
        match document(&file.path, &content, entry) {
            Some(Read::Usable(document)) => {
                documents.push(document);
                contents.push((file.path.as_str(), content));
            }
            Some(Read::Other) => {}
            // It is told where that was found.
            None => return Ok(()),
        }
    }
    for (at, problem) in ExperimentSet::compose(&documents).problems {
        let (path, content): &(&str, Bytes) = &contents[at];
        match read(path, content) {
            Some(read) => findings.add(finding(problem, &Document::new(path, content), &read)),
            None => findings.add(Document::new(path, content).finding(Rule::SwitchInvalid, problem.message)),
        }
    }
    Ok(())
}

enum Read {
    Usable(ExperimentDocument),
    /// It stands where experiments stand and is none.
    Other,
}

/// Returns what a file says; `None` when it is not usable.
fn document(path: &str, content: &[u8], entry: &SwitchEntry) -> Option<Read> {
    let content = read(path, content)?;
    let Some((value, others)) = content.values().split_first() else { return Some(Read::Other) };
    if !is_meant(path, entry, value) {
        return Some(Read::Other);
    }
    let usable = ExperimentDocument::parse(entry.key(path), value).usable().ok()?;
    others.is_empty().then_some(Read::Usable(usable))
}

#[cfg(test)]
mod tests {
    use crate::{Context, Gate, GateSettings, Mounts, Recheck, testing::MemoryCandidate};
    use configbus_model::{Namespace, Principal};

    const LAYERS: &str = "layers:\n  checkout: {unit: user}\n";

    fn experiment(layer: &str, range: &str) -> String {
        format!(
            "owner: ada\nlayer:\n  name: {layer}\n  range: {range}\nvariants:\n  old: {{range: [0, 50]}}\n  new: {{range: [50, 100]}}\n"
        )
    }

    fn check_told(candidate: &MemoryCandidate, expected: &[&str]) {
        let context = Context {
            principal: &Principal::open(),
            namespace: &Namespace::main(),
            now_ms: 0,
            mounts: Mounts::default(),
        };
        let report = Gate::new(GateSettings::default()).unwrap().check(candidate, &context).unwrap();
        let told = report.findings.iter().map(|finding| format!("{} {}", finding.location(), finding.sentence()));
        assert_eq!(told.collect::<Vec<_>>(), expected);
    }

    fn one() -> MemoryCandidate {
        MemoryCandidate::default()
            .put("experiments/layers.yaml", LAYERS)
            .put("experiments/a.yaml", experiment("checkout", "[0, 60]"))
            .put("experiments/README.md", "who does what")
    }

    #[test]
    fn experiments_are_read_alone_and_together() {
        check_told(&one(), &[]);
        check_told(
            &one().put("experiments/b.yaml", experiment("checkout", "[50, 100]").replace("[50, 100]}", "[40, 100]}")),
            &["experiments/b.yaml:6:16 range overlaps 40 to 100 of variant 'new': 0 to 50"],
        );
        let overlap = "experiments/b.yaml:4:10 range overlaps 0 to 60 of experiment 'a' in layer 'checkout': 50 to 100";
        check_told(&one().put("experiments/b.yaml", experiment("checkout", "[50, 100]")), &[overlap]);
        check_told(&one().put("experiments/b.yaml", experiment("checkout", "[60, 100]")), &[]);
        let unknown = "experiments/b.yaml:3:9 there is no such layer: found chekout, expected checkout";
        check_told(&one().put("experiments/b.yaml", experiment("chekout", "[60, 100]")), &[unknown]);
    }

    #[test]
    fn files_that_did_not_change_are_looked_at_with_those_that_did() {
        let b = experiment("checkout", "[50, 100]");
        let later = "experiments/a.yaml:4:10 range overlaps 50 to 100 of experiment 'b' in layer 'checkout': 0 to 60";
        let landed =
            one().put("experiments/a.yaml", experiment("checkout", "[0, 50]")).put("experiments/b.yaml", b).land();
        check_told(&landed.clone().put("experiments/a.yaml", experiment("checkout", "[0, 60]")), &[later]);
        check_told(&landed.clone().put("experiments/README.md", "who did what"), &[]);
        let gone = "there is no such layer: found checkout, expected a layer of the file 'layers' beside experiments";
        let told = ["a", "b"].map(|key| format!("experiments/{key}.yaml:3:9 {gone}"));
        check_told(&landed.clone().delete("experiments/layers.yaml"), &told.each_ref().map(String::as_str));
        let broken = landed.put("experiments/layers.yaml", "layers: {checkout: 3}\n");
        check_told(&broken, &["experiments/layers.yaml:1:20 value is of another kind: found 3, expected a mapping"]);
    }

    #[test]
    fn each_pattern_is_a_place_of_its_own() {
        let two = MemoryCandidate::default()
            .put(".configbus/switches.yaml", "experiments: [shop/tests/**, search/tests/**]\n")
            .put("shop/tests/layers.yaml", LAYERS)
            .put("shop/tests/a.yaml", experiment("checkout", "[0, 60]"))
            .put("experiments/a.yaml", "owner: 3\nvariants: 4\n");
        check_told(&two, &[]);
        let other = two.put("search/tests/a.yaml", experiment("checkout", "[0, 60]"));
        let gone = "there is no such layer: found checkout, expected a layer of the file 'layers' beside experiments";
        check_told(&other, &[&format!("search/tests/a.yaml:3:9 {gone}")]);
    }

    #[test]
    fn a_verdict_ends_when_others_land_beside_it() {
        let change = one().land().put("experiments/b.yaml", experiment("checkout", "[60, 100]"));
        let context = Context {
            principal: &Principal::open(),
            namespace: &Namespace::main(),
            now_ms: 0,
            mounts: Mounts::default(),
        };
        let gate = Gate::new(GateSettings::default()).unwrap();
        let is_outdated = |moved: &str| matches!(gate.recheck(&change, &context, &[moved]).unwrap(), Recheck::Outdated);
        assert!(is_outdated("experiments/c.yaml") && is_outdated("experiments/layers.yaml"));
        assert!(!is_outdated("web/decider.yml"));
    }
}

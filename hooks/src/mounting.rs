//! Files where another namespace is mounted, and the table that says where. Pure but for asking what the landing tree has.
//!
//! A path belongs to the namespace of the longest mount above it. A file of an outer namespace there would be in the
//! repository and seen by nobody, so it is refused. The table of mounts is a file of `main` that the bus alone writes: what
//! it says has to fit what else there is of namespaces.

use crate::{
    Finding, Rule,
    candidate::{CandidateError, FileChange},
    policy::Case,
};
use configbus_model::{ConfigPath, EntryMode, MOUNTS, MountTable, Namespace};

/// A directory of the namespace that is checked, and who is mounted there.
struct Closed {
    prefix: ConfigPath,
    holder: Namespace,
}

/// Returns what the candidate has where others are mounted, and whether it changes what only the bus may.
pub(crate) fn judge(case: &Case<'_>) -> Result<Vec<Finding>, CandidateError> {
    let (context, before, after) = (case.context, case.before(), &case.after().policy.mounts);
    let mut findings = Vec::new();
    if !context.mounts.are_changed && case.changes.iter().any(|change| change.path == MOUNTS && change.is_certain()) {
        let message =
            "the bus writes this file; `configbus namespace` changes what is mounted where, so leave it as it is";
        findings.push(Finding::new(Rule::MountsReserved, MOUNTS, message));
    }
    let is_main = *context.namespace == Namespace::main();
    let closed = match (is_main, context.mounts.table) {
        (true, _) => of_main(after),
        (false, Some(table)) => inside(table, context.namespace),
        (false, None) => Vec::new(),
    };
    for change in case.changes.iter().filter(|change| change.after.is_some()) {
        findings.extend(closed.iter().find_map(|closed| closed.refuse(change)));
    }
    if is_main && findings.is_empty() {
        let known = |closed: &&Closed| before.is_none_or(|policy| policy.mounts.mount_of(&closed.holder).is_none());
        for closed in closed.iter().filter(known) {
            findings.extend(occupied(case, closed)?);
        }
    }
    Ok(findings)
}

fn of_main(table: &MountTable) -> Vec<Closed> {
    table.iter().map(|mount| Closed { prefix: mount.prefix.clone(), holder: mount.namespace.clone() }).collect()
}

/// Returns the mounts inside a namespace, by its own paths.
fn inside(table: &MountTable, namespace: &Namespace) -> Vec<Closed> {
    let Some(outer) = table.mount_of(namespace) else { return Vec::new() };
    let below = table.iter().filter(|mount| mount.namespace != *namespace);
    let inner = below.filter_map(|mount| {
        let inner = mount.prefix.as_str().strip_prefix(outer.prefix.as_str())?.strip_prefix('/')?;
        Some(Closed { prefix: ConfigPath::parse(inner).ok()?, holder: mount.namespace.clone() })
    });
    inner.collect()
}

impl Closed {
    fn refuse(&self, change: &FileChange) -> Option<Finding> {
        let (path, prefix, holder) = (change.path.as_str(), self.prefix.as_str(), &self.holder);
        if is_at_or_below(path, prefix) {
            let message = format!("{prefix} is where the namespace {holder} is mounted; push to /git/{holder}.git");
            return Some(Finding::new(Rule::MountsOccupied, path, message));
        }
        let message = format!("the namespace {holder} is mounted at {prefix}, so {path} has to be a directory");
        is_at_or_below(prefix, path).then(|| Finding::new(Rule::MountsOccupied, path, message))
    }
}

/// Returns what is where a namespace is to be mounted.
fn occupied(case: &Case<'_>, closed: &Closed) -> Result<Option<Finding>, CandidateError> {
    let prefix = closed.prefix.as_str();
    if case.candidate.landing_mode(prefix)?.is_some() {
        let message = format!(
            "{} cannot be mounted where files are; `configbus namespace split {prefix}` moves them to a namespace",
            closed.holder
        );
        return Ok(Some(Finding::new(Rule::MountsOccupied, prefix, message)));
    }
    for (end, _) in prefix.match_indices('/') {
        let above = &prefix[..end];
        if case.candidate.landing_mode(above)?.is_some_and(|mode| mode != EntryMode::Directory) {
            let message = format!("{} cannot be mounted at {prefix}: this is a file", closed.holder);
            return Ok(Some(Finding::new(Rule::MountsOccupied, above, message)));
        }
    }
    Ok(None)
}

fn is_at_or_below(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use crate::{Context, Gate, GateSettings, Mounts, testing::MemoryCandidate};
    use configbus_model::{MOUNTS, Mount, MountTable, Namespace, Principal};

    fn table(mounts: &[(&str, &str)]) -> MountTable {
        mounts.iter().fold(MountTable::default(), |table, (prefix, name)| {
            let (prefix, namespace) = (prefix.parse().unwrap(), name.parse().unwrap());
            table.with(Mount { prefix, namespace, since: None }).unwrap()
        })
    }

    fn text(mounts: &[(&str, &str)]) -> String {
        serde_json::to_string(&table(mounts)).unwrap()
    }

    fn told(candidate: &MemoryCandidate, namespace: &str, mounts: Mounts<'_>) -> Vec<String> {
        let (principal, namespace) = (Principal::open(), Namespace::parse(namespace).unwrap());
        let context = Context { principal: &principal, namespace: &namespace, now_ms: 0, mounts };
        let gate = Gate::new(GateSettings::default()).unwrap();
        let report = gate.check(candidate, &context).unwrap();
        report.findings.iter().map(|finding| format!("{} {}", finding.rule.as_str(), finding.path)).collect()
    }

    #[test]
    fn nobody_but_the_bus_changes_the_mounts() {
        let change = MemoryCandidate::on([("a", "")]).put(MOUNTS, text(&[("traffic", "traffic")]));
        let by_bus = Mounts { are_changed: true, ..Mounts::default() };
        assert_eq!(told(&change, "main", Mounts::default()), ["mounts/reserved .configbus/mounts.json"]);
        assert_eq!(told(&change, "traffic", Mounts::default()), ["mounts/reserved .configbus/mounts.json"]);
        assert_eq!(told(&change, "main", by_bus), [""; 0]);
        let broken = MemoryCandidate::on([("a", "")]).put(MOUNTS, "{\"version\": 2, \"mounts\": []}");
        assert_eq!(told(&broken, "main", by_bus), ["policy/invalid .configbus/mounts.json"]);
    }

    #[test]
    fn files_where_another_namespace_is_mounted_are_refused() {
        let mounts = text(&[("ads/web", "ads"), ("traffic", "traffic")]);
        let on = [(MOUNTS, mounts.as_str()), ("ads/x", "")];
        let candidate = || MemoryCandidate::on(on);
        let main = |candidate| told(&candidate, "main", Mounts::default());
        assert_eq!(main(candidate().put("traffic/x", "1")), ["mounts/occupied traffic/x"]);
        assert_eq!(main(candidate().put("traffic", "1")), ["mounts/occupied traffic"]);
        assert_eq!(main(candidate().put("trafficker/x", "1").put("ads/y", "1")), [""; 0]);
        let inner = table(&[("traffic", "traffic"), ("traffic/eu", "europe")]);
        let mounts = Mounts { table: Some(&inner), are_changed: false };
        let nested = MemoryCandidate::on([("a", "")]).put("eu/x", "1").put("eux", "1");
        assert_eq!(told(&nested, "traffic", mounts), ["mounts/occupied eu/x"]);
        assert_eq!(told(&nested, "europe", mounts), [""; 0]);
    }

    #[test]
    fn nothing_is_mounted_where_files_are() {
        let by_bus = Mounts { are_changed: true, ..Mounts::default() };
        let mount = |prefix| MemoryCandidate::on([("ads/x", "")]).put(MOUNTS, text(&[(prefix, "traffic")]));
        assert_eq!(told(&mount("ads"), "main", by_bus), ["mounts/occupied ads"]);
        assert_eq!(told(&mount("ads/x"), "main", by_bus), ["mounts/occupied ads/x"]);
        assert_eq!(told(&mount("ads/x/y"), "main", by_bus), ["mounts/occupied ads/x"]);
        assert_eq!(told(&mount("ads/y"), "main", by_bus), [""; 0]);
    }
}

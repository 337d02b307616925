//! Principals × paths × operations, through the gate.

use super::*;
use crate::{Gate, GateSettings, Report, testing::MemoryCandidate};
use configbus_model::{EntryMode, Namespace, Principal, Roles};

const OWNERS_FILE: &str = "\
*.md        docs@example.com
/pay/       @payments bob@example.com
/pay/open   # anybody's
/infra/     @infra
/.configbus/teams.yaml  ada
";

const TEAMS_FILE: &str = "payments: [ada]\ninfra: ['group:sre', '@payments']\n";

const PATHS: [&str; 7] =
    ["free/x", "pay/x", "pay/open", "infra/x", "notes.md", ".configbus/owners", ".configbus/teams.yaml"];

/// Name, roles, groups, and whether they may change each of [`PATHS`].
const PRINCIPALS: [(&str, &str, &str, [bool; 7]); 10] = [
    ("nora", "", "", [false; 7]),
    ("rita", "reader", "", [false; 7]),
    ("ada", "reader", "", [false; 7]),
    ("eve", "writer", "", [true, false, true, false, false, false, false]),
    ("ada", "writer", "", [true, true, true, true, false, false, true]),
    ("bob@example.com", "writer@main", "", [true, true, true, false, false, false, false]),
    ("sid", "writer", "sre", [true, false, true, true, false, false, false]),
    ("docs@example.com", "writer", "", [true, false, true, false, true, false, false]),
    ("tom", "reader admin@traffic", "", [false; 7]),
    ("amy", "admin", "", [true; 7]),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    Create,
    Change,
    Delete,
    MakeExecutable,
    RenameAway,
    RenameInto,
}

const OPERATIONS: [Operation; 6] = [
    Operation::Create,
    Operation::Change,
    Operation::Delete,
    Operation::MakeExecutable,
    Operation::RenameAway,
    Operation::RenameInto,
];

fn principal(name: &str, roles: &str, groups: &str) -> Principal {
    let roles: Roles = roles.split_whitespace().map(|role| role.parse::<configbus_model::Grant>().unwrap()).collect();
    let mut principal = Principal::new(PrincipalName::parse(name).unwrap(), roles);
    principal.groups = groups.split_whitespace().map(|group| PrincipalName::parse(group).unwrap()).collect();
    principal
}

fn check(candidate: &MemoryCandidate, principal: &Principal) -> Report {
    let context = Context { principal, namespace: &Namespace::main(), now_ms: 0, mounts: crate::Mounts::default() };
    Gate::new(GateSettings::default()).unwrap().check(candidate, &context).unwrap()
}

fn policy() -> Vec<(&'static str, &'static str)> {
    vec![(".configbus/owners", OWNERS_FILE), (".configbus/teams.yaml", TEAMS_FILE)]
}

/// Returns the operation on a path, or `None` where it means nothing. The other end of a rename is anybody's.
fn candidate(operation: Operation, path: &str) -> Option<MemoryCandidate> {
    let content = policy().into_iter().find(|(policy, _)| *policy == path).map_or("1", |(_, content)| content);
    let is_policy = path.starts_with(".configbus/");
    let with = policy().into_iter().chain([(path, content)]);
    let without = policy().into_iter().filter(|(policy, _)| *policy != path).chain([("free/other", content)]);
    let longer = format!("{content}\n# more\n");
    Some(match operation {
        Operation::Create if path == ".configbus/teams.yaml" => return None,
        Operation::Create => MemoryCandidate::on(without).put(path, content.to_owned()),
        Operation::Change => MemoryCandidate::on(with).put(path, longer),
        // Without its teams the owners would not be valid, whoever asks.
        Operation::Delete | Operation::RenameAway if path == ".configbus/teams.yaml" => return None,
        Operation::Delete => MemoryCandidate::on(with).delete(path),
        Operation::MakeExecutable => MemoryCandidate::on(with).put_as(EntryMode::Executable, path, content.to_owned()),
        Operation::RenameAway => MemoryCandidate::on(with).delete(path).put("free/new", content.to_owned()),
        Operation::RenameInto if is_policy => return None,
        Operation::RenameInto => MemoryCandidate::on(without).delete("free/other").put(path, content.to_owned()),
    })
}

#[test]
fn each_principal_may_do_each_operation_where_it_may_and_nowhere_else() {
    let mut tried = 0;
    for (name, roles, groups, rights) in PRINCIPALS {
        let principal = principal(name, roles, groups);
        for (path, may) in PATHS.into_iter().zip(rights) {
            for operation in OPERATIONS {
                let Some(candidate) = candidate(operation, path) else { continue };
                // Without the owners file nothing says whose the policy is.
                let may =
                    if (operation, path) == (Operation::Create, ".configbus/owners") { name == "amy" } else { may };
                let report = check(&candidate, &principal);
                let told = report.render_plain();
                assert_eq!(report.is_accepted(), may, "{operation:?} {path} by {name} ({roles}): {told}");
                assert!(may || report.kind() == configbus_model::ErrorKind::Denied, "{told}");
                tried += 1;
            }
        }
    }
    assert_eq!(tried, 10 * (5 * 6 + 5 + 2));
}

#[test]
fn a_rename_needs_the_right_at_both_ends() {
    let base = || MemoryCandidate::on(policy().into_iter().chain([("pay/x", "1"), ("notes.md", "2")]));
    let ada = principal("ada", "writer", "");
    let denied = |candidate: &MemoryCandidate| {
        let report = check(candidate, &ada);
        report.findings.into_iter().map(|finding| finding.path).collect::<Vec<_>>()
    };
    assert_eq!(denied(&base().delete("pay/x").put("infra/x", "1")), [] as [&str; 0]);
    assert_eq!(denied(&base().delete("pay/x").put("new.md", "1")), ["new.md"]);
    assert_eq!(denied(&base().delete("notes.md").put("pay/notes", "2")), ["notes.md"]);
}

#[test]
fn ownership_is_judged_by_the_policy_before_the_change() {
    let grab =
        MemoryCandidate::on(policy()).put(".configbus/teams.yaml", "payments: [ada, eve]\ninfra: ['group:sre']\n");
    let both = grab.clone().put("pay/x", "1");
    let ada = principal("ada", "writer", "");
    assert!(check(&both, &ada).is_accepted(), "ada owns teams.yaml and pay/");
    let eve = principal("eve", "writer", "");
    let paths: Vec<_> = check(&both, &eve).findings.into_iter().map(|finding| finding.path).collect();
    assert_eq!(paths, [".configbus/teams.yaml", "pay/x"], "not even together with the change that would allow it");
    let give = MemoryCandidate::on(policy()).put(".configbus/teams.yaml", "payments: []\ninfra: ['group:sre']\n");
    assert!(check(&give.put("pay/x", "1"), &ada).is_accepted(), "what one gives away one still owned");
}

#[test]
fn a_denial_says_who_what_where_and_whom_to_ask() {
    let candidate = MemoryCandidate::on(policy().into_iter().chain([("pay/x", "1")])).delete("pay/x");
    let report = check(&candidate.put(".configbus/owners", ""), &principal("eve", "writer", ""));
    let told: Vec<_> =
        report.findings.iter().map(|finding| format!("{}: {}", finding.path, finding.sentence())).collect();
    let expected = [
        ".configbus/owners: eve may not change policy that .configbus/owners gives to nobody; ask an admin to push it: \
         found eve, expected an admin",
        "pay/x: eve may not delete this file, line 2 of .configbus/owners says whose it is; ask one of them to push it: \
         found eve, expected @payments or bob@example.com",
    ];
    assert_eq!(told, expected);
}

#[test]
fn denials_come_before_everything_else() {
    let mut candidate = MemoryCandidate::on(policy());
    for n in 0..60 {
        candidate = candidate.put(&format!("free/{n:02}.json"), "{");
    }
    let report = check(&candidate.put("zzz.md", "1"), &principal("eve", "writer", ""));
    assert_eq!((report.findings.len(), report.findings_total), (50, 61));
    assert_eq!((report.findings[0].rule, report.kind()), (Rule::NotOwner, configbus_model::ErrorKind::Denied));
}

#[test]
fn an_admin_passes_visibly() {
    let amy = principal("amy", "admin", "");
    let report = check(&MemoryCandidate::on(policy()).put("pay/x", "1").put("notes.md", "2").put("free", "3"), &amy);
    assert!(report.is_accepted());
    assert_eq!((report.overridden, report.overridden_total), (vec!["notes.md".to_owned(), "pay/x".to_owned()], 2));
    let own = check(&MemoryCandidate::on(policy()).put(".configbus/owners", "* amy\n"), &amy);
    assert_eq!((own.is_accepted(), own.overridden_total), (true, 0), "policy that is nobody's is an admin's");
}

#[test]
fn a_policy_that_cannot_be_read_is_refused_and_one_in_force_leaves_only_admins() {
    let (amy, eve) = (principal("amy", "admin", ""), principal("eve", "writer", ""));
    let broken = check(&MemoryCandidate::on(policy()).put(".configbus/owners", "* @nobody-knows\n"), &amy);
    assert_eq!(broken.findings.iter().map(|finding| finding.rule).collect::<Vec<_>>(), [Rule::UnknownTeam]);
    let in_force = || MemoryCandidate::on([(".configbus/owners", "!x\n")]);
    let denied = check(&in_force().put("free", "1"), &eve);
    assert_eq!(denied.findings[0].rule, Rule::NotOwner);
    assert!(denied.findings[0].message.contains("while .configbus/owners cannot be read"));
    assert!(check(&in_force().put(".configbus/owners", "x eve\n"), &amy).is_accepted());
}

#[test]
fn an_owner_that_nobody_is_locks_out_and_is_refused() {
    let amy = principal("amy", "admin", "");
    let report = check(&MemoryCandidate::on(policy()).put(".configbus/teams.yaml", "payments: []\ninfra: []\n"), &amy);
    let found: Vec<_> = report.findings.iter().map(|finding| (finding.location(), finding.rule)).collect();
    assert_eq!(found, [(".configbus/owners:4:1".to_owned(), Rule::NobodyOwns)], "bob still owns /pay/");
}

use super::*;
use crate::delivery::fixture;
use configbus_model::{ConfigPath, Epoch, Mount, Revision, TreeId};

fn head(revision: u64) -> Head {
    fixture::head(revision, TreeId::from_bytes([u8::try_from(revision).unwrap(); 20]))
}

fn name(name: &str) -> Namespace {
    Namespace::parse(name).unwrap()
}

fn table(mounts: &[(&str, Option<u64>)]) -> MountTable {
    let mount = |(name, since): &(&str, Option<u64>)| Mount {
        prefix: ConfigPath::parse(name).unwrap(),
        namespace: self::name(name),
        since: since.map(|revision| Position { epoch: Epoch::FIRST, revision: Revision(revision) }),
    };
    mounts.iter().fold(MountTable::default(), |table, entry| table.with(mount(entry)).unwrap())
}

/// Shows what is next; returns the revisions, that of `main` first.
fn check_shows(assembly: &mut Assembly, expected: Option<&[(&str, u64)]>) {
    let next = assembly.next();
    let seen = next.as_ref().map(|vector| {
        let all = vector.heads().map(|(name, head)| (name.to_string(), head.revision.0));
        all.collect::<Vec<_>>()
    });
    let expected = expected.map(|all| all.iter().map(|(name, n)| ((*name).to_owned(), *n)).collect::<Vec<_>>());
    assert_eq!(seen, expected, "{assembly:#?}");
    next.into_iter().for_each(|vector| drop(assembly.shown(vector)));
    assert_eq!(assembly.next(), None);
}

/// A host that shows `main` at a revision, without mounts.
fn at(revision: u64) -> Assembly {
    let mut assembly = Assembly::default();
    assembly.park(Namespace::main(), head(revision), Some(MountTable::default()));
    check_shows(&mut assembly, Some(&[("main", revision)]));
    assembly
}

#[test]
fn a_revision_that_mounts_is_shown_together_with_the_namespace() {
    let mut assembly = at(1);
    assembly.park(Namespace::main(), head(2), Some(table(&[("traffic", Some(7))])));
    check_shows(&mut assembly, None);
    assert_eq!(assembly.awaited()[0].to_string(), "traffic from r7 on");
    assert_eq!(assembly.wanted(), BTreeSet::from([name("traffic")]));
    assembly.park(name("traffic"), head(6), None);
    check_shows(&mut assembly, None);
    assembly.park(name("traffic"), head(9), None);
    check_shows(&mut assembly, Some(&[("main", 2), ("traffic", 9)]));
    assert!(assembly.parked().is_empty() && assembly.awaited().is_empty());
    assembly.park(name("traffic"), head(10), None);
    check_shows(&mut assembly, Some(&[("main", 2), ("traffic", 10)]));
    assembly.park(Namespace::main(), head(3), Some(MountTable::default()));
    check_shows(&mut assembly, Some(&[("main", 3)]));
    assert!(assembly.wanted().is_empty());
}

#[test]
fn others_move_on_while_a_revision_of_main_waits() {
    let mut assembly = at(1);
    assembly.set_scope(Scope { empty: [name("ads")].into(), ..Scope::default() });
    assembly.park(Namespace::main(), head(2), Some(table(&[("ads", None)])));
    check_shows(&mut assembly, Some(&[("main", 2)]));
    assembly.park(Namespace::main(), head(3), Some(table(&[("ads", None), ("traffic", Some(1))])));
    assembly.park(name("ads"), head(4), None);
    check_shows(&mut assembly, Some(&[("main", 2), ("ads", 4)]));
    assert_eq!(assembly.parked().keys().collect::<Vec<_>>(), [&Namespace::main()]);
    assembly.park(name("ads"), head(5), None);
    assembly.park(name("traffic"), head(1), None);
    check_shows(&mut assembly, Some(&[("main", 3), ("ads", 5), ("traffic", 1)]));
}

#[test]
fn what_may_not_be_read_is_left_out_until_it_may() {
    let mut assembly = at(1);
    assembly.park(Namespace::main(), head(2), Some(table(&[("traffic", Some(1))])));
    assembly.set_scope(Scope { denied: [name("traffic"), name("other")].into(), ..Scope::default() });
    check_shows(&mut assembly, Some(&[("main", 2)]));
    assert_eq!(assembly.denied(), [name("traffic")].into());
    assembly.set_scope(Scope::default());
    check_shows(&mut assembly, None);
    assembly.park(name("traffic"), head(1), None);
    check_shows(&mut assembly, Some(&[("main", 2), ("traffic", 1)]));
    assembly.set_scope(Scope { denied: [name("traffic")].into(), ..Scope::default() });
    check_shows(&mut assembly, Some(&[("main", 2)]));
}

#[test]
fn nobody_is_waited_for_forever() {
    let mut assembly = at(1);
    assembly.park(Namespace::main(), head(2), Some(table(&[("ads", None), ("traffic", Some(1))])));
    assert_eq!(assembly.awaited().len(), 2);
    assembly.expire();
    check_shows(&mut assembly, None);
    assert_eq!(assembly.awaited().len(), 1, "a namespace that had content is not left out");
    assembly.unpark(&Namespace::main());
    assert!(assembly.awaited().is_empty() && assembly.wanted().is_empty());
    assembly.park(Namespace::main(), head(3), Some(table(&[("ads", None)])));
    check_shows(&mut assembly, None);
    assembly.expire();
    check_shows(&mut assembly, Some(&[("main", 3)]));
}

#[test]
fn what_is_doubted_is_not_built_upon() {
    let mut assembly = at(1);
    assembly.park(Namespace::main(), head(2), Some(table(&[("traffic", Some(1))])));
    assembly.park(name("traffic"), head(1), None);
    check_shows(&mut assembly, Some(&[("main", 2), ("traffic", 1)]));
    assert!(assembly.doubt().is_empty());
    assert_eq!(assembly.next(), None);
    assembly.park(name("traffic"), head(1), None);
    assert_eq!(assembly.next(), None);
    assembly.park(Namespace::main(), head(2), Some(table(&[("traffic", Some(1))])));
    check_shows(&mut assembly, Some(&[("main", 2), ("traffic", 1)]));
    assembly.park(Namespace::main(), head(3), Some(table(&[("new", Some(1))])));
    assert_eq!(assembly.doubt().len(), 1);
}

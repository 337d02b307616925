//! What one caller may know of the fleet: of namespaces that they may not read neither heads nor hosts.

use super::board::FleetBoard;
use super::host::Host;
use super::roster::{Progress, Tally};
use configbus_model::{Head, Member, Namespace, Roles};
use std::collections::BTreeMap;

/// The fleet as the holder of some roles sees it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sight<'a> {
    roles: &'a Roles,
    /// They may read every namespace that is served, which is the usual case and costs no copies.
    sees_all: bool,
}

impl<'a> Sight<'a> {
    /// Judges roles against the namespaces that are served.
    pub(crate) fn new<'n>(roles: &'a Roles, mut served: impl Iterator<Item = &'n Namespace>) -> Self {
        Self { roles, sees_all: served.all(|namespace| roles.sees(namespace)) }
    }

    /// Returns whether a namespace may be told of.
    pub(crate) fn sees(&self, namespace: &Namespace) -> bool {
        self.roles.sees(namespace)
    }

    /// Leaves out heads of other namespaces.
    pub(crate) fn heads(&self, mut heads: BTreeMap<Namespace, Head>) -> BTreeMap<Namespace, Head> {
        heads.retain(|namespace, _| self.sees(namespace));
        heads
    }

    /// Leaves out what a store has of other namespaces.
    pub(crate) fn member(&self, member: &Member) -> Member {
        Member { heads: self.heads(member.heads.clone()), ..member.clone() }
    }

    /// Counts hosts against heads that are seen.
    pub(crate) fn tally(&self, board: &FleetBoard, heads: &BTreeMap<Namespace, Head>) -> Tally {
        if self.sees_all {
            return board.tally(heads);
        }
        Tally::of(self.hosts(board, None).iter(), heads)
    }

    /// Returns hosts by name, all of them or only those that do not show these heads.
    pub(crate) fn hosts(&self, board: &FleetBoard, behind: Option<&BTreeMap<Namespace, Head>>) -> Vec<Host> {
        if self.sees_all {
            return board.hosts(behind);
        }
        let hosts = board.hosts(None).into_iter().filter_map(|host| self.host(host));
        hosts.filter(|host| behind.is_none_or(|heads| !host.is_current(heads))).collect()
    }

    /// Leaves out of a waiter's answer who is not seen; the counts are of hosts of the namespace that is waited for.
    pub(crate) fn progress(&self, progress: Progress) -> Progress {
        if self.sees_all {
            return progress;
        }
        let behind = progress.behind.into_iter().filter_map(|host| self.host(host)).collect();
        Progress { behind, ..progress }
    }

    /// Returns what may be told of a host. One that has nothing of what is seen is none of their business; one that has
    /// nothing yet may be about to take anything.
    fn host(&self, mut host: Host) -> Option<Host> {
        let all = host.applied.len() + host.refusals.len();
        host.applied.retain(|namespace, _| self.sees(namespace));
        host.refusals.retain(|refusal| self.sees(&refusal.namespace));
        host.carried.retain(|namespace| self.sees(namespace));
        let seen = host.applied.len() + host.refusals.len();
        if seen < all {
            // It is made of everything the host shows.
            host.effective_tree = None;
        }
        (seen > 0).then_some(host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::Refusal;
    use configbus_model::{CommitId, Epoch, Grant, MemberRole, Revision, TreeId};
    use std::collections::BTreeSet;

    fn head(revision: u64) -> Head {
        Head {
            epoch: Epoch::FIRST,
            revision: Revision(revision),
            commit: CommitId::from_bytes([1; 20]),
            tree: TreeId::EMPTY,
            time_ms: 0,
            traceparent: None,
        }
    }

    fn namespace(name: &str) -> Namespace {
        Namespace::parse(name).unwrap()
    }

    fn heads(names: &[&str]) -> BTreeMap<Namespace, Head> {
        names.iter().map(|name| (namespace(name), head(1))).collect()
    }

    fn host(name: &str, applied: &[&str]) -> Host {
        Host {
            name: name.into(),
            incarnation: "1".into(),
            labels: BTreeMap::new(),
            store: "a".into(),
            applied: heads(applied),
            effective_tree: Some(TreeId::EMPTY),
            applied_ms: 0,
            refusals: Vec::new(),
            connected: true,
            version: String::new(),
            carried: BTreeSet::new(),
        }
    }

    fn roles(grants: &[&str]) -> Roles {
        grants.iter().map(|grant| grant.parse::<Grant>().unwrap()).collect()
    }

    const SERVED: [&str; 2] = ["main", "secret"];

    fn names(hosts: &[Host]) -> Vec<&str> {
        hosts.iter().map(|host| host.name.as_str()).collect()
    }

    /// A fleet of a host for each namespace, one with both and one with nothing yet.
    fn board() -> FleetBoard {
        let board = FleetBoard::new(10);
        let refusal = Refusal { namespace: namespace("secret"), head: head(2), reason: "disk full".into(), time_ms: 0 };
        let both = Host { refusals: vec![refusal], ..host("both", &SERVED) };
        let hosts = vec![host("m", &["main"]), host("s", &["secret"]), both, host("new", &[])];
        let mut report = board.open_report();
        report.take("a", hosts, &[], 1);
        // The hosts stay connected while the report is open.
        std::mem::forget(report);
        board
    }

    #[test]
    fn of_other_namespaces_neither_heads_nor_hosts_are_told() {
        let (board, served) = (board(), SERVED.map(namespace));
        let reader = roles(&["admin@main"]);
        let sight = Sight::new(&reader, served.iter());
        assert_eq!(sight.heads(heads(&SERVED)), heads(&["main"]));
        let hosts = sight.hosts(&board, None);
        assert_eq!(names(&hosts), ["both", "m"]);
        assert!(hosts[0].refusals.is_empty() && hosts[0].effective_tree.is_none());
        assert_eq!(hosts[0].applied, heads(&["main"]));
        assert_eq!(hosts[1].effective_tree, Some(TreeId::EMPTY));
        let tally = sight.tally(&board, &heads(&["main"]));
        assert_eq!(tally, Tally { total: 2, connected: 2, current: 2, refusing: 0 });
        assert_eq!(names(&sight.hosts(&board, Some(&heads(&["main"])))), [""; 0]);
        let progress = Progress { applied: 2, total: 4, behind: board.hosts(None) };
        assert_eq!(names(&sight.progress(progress).behind), ["both", "m"]);
        let member = Member {
            role: MemberRole::Store,
            id: "a".into(),
            incarnation: "1".into(),
            url: "http://a".into(),
            heads: heads(&SERVED),
            subscribers: 4,
        };
        assert_eq!(sight.member(&member).heads, heads(&["main"]));
    }

    #[test]
    fn readers_of_everything_and_the_processes_of_the_bus_see_everything() {
        let (board, served) = (board(), SERVED.map(namespace));
        for grants in [&["reader"][..], &["reader@main", "reader@secret"], &["store"]] {
            let roles = roles(grants);
            let sight = Sight::new(&roles, served.iter());
            assert_eq!(sight.heads(heads(&SERVED)), heads(&SERVED));
            assert_eq!(names(&sight.hosts(&board, None)), ["both", "m", "new", "s"], "{grants:?}");
            assert_eq!(sight.tally(&board, &heads(&SERVED)).total, 4);
        }
        let elsewhere = roles(&["reader@elsewhere"]);
        assert_eq!(names(&Sight::new(&elsewhere, served.iter()).hosts(&board, None)), [""; 0]);
    }
}

//! Every host of the bus, as the stores report them. Pure.
//!
//! A host belongs to the report that described it last. When it moves to another store, the old store's news of it is
//! late by nature: it may neither take the host away nor move it back.

use super::host::Host;
use configbus_model::{Head, Namespace, Revision};
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

/// How long a host that left is shown before it is forgotten.
pub(crate) const FORGOTTEN_AFTER: Duration = Duration::from_secs(3600);

/// One report stream of one store; a new one after each reconnection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ReportId(pub(crate) u64);

#[derive(Debug)]
struct Known {
    host: Host,
    source: ReportId,
    heard_ms: u64,
}

/// All hosts, by name.
#[derive(Debug)]
pub(crate) struct Roster {
    hosts: HashMap<String, Known>,
    hosts_max: usize,
}

/// How far the hosts are, counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) total: u64,
    pub(crate) connected: u64,
    pub(crate) current: u64,
    pub(crate) refusing: u64,
}

/// How many connected hosts have applied a revision, and some that have not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    pub(crate) applied: u64,
    pub(crate) total: u64,
    pub(crate) behind: Vec<Host>,
}

impl Roster {
    pub(crate) fn new(hosts_max: usize) -> Self {
        Self { hosts: HashMap::new(), hosts_max }
    }

    /// Takes a store's description of some hosts. Returns the heads they have applied since the last description.
    pub(crate) fn describe(&mut self, source: ReportId, hosts: Vec<Host>, now_ms: u64) -> Vec<(Namespace, Head)> {
        hosts.into_iter().flat_map(|host| self.describe_one(source, host, now_ms)).collect()
    }

    fn describe_one(&mut self, source: ReportId, mut host: Host, now_ms: u64) -> Vec<(Namespace, Head)> {
        let known = self.hosts.get(&host.name);
        if known.is_none() && self.hosts.len() >= self.hosts_max {
            metrics::counter!("configbus_server_hosts_dropped_total").increment(1);
            return Vec::new();
        }
        let is_late = |known: &Known| known.source != source && known.host.connected && known.host.is_ahead_of(&host);
        if known.is_some_and(is_late) {
            return Vec::new();
        }
        let before = known.map(|known| &known.host);
        let applied: Vec<_> = host
            .applied
            .iter()
            .filter(|(namespace, head)| before.and_then(|host| host.applied.get(namespace)) != Some(head))
            .map(|(namespace, head)| (namespace.clone(), head.clone()))
            .collect();
        host.applied_ms = match before {
            _ if host.applied.is_empty() => 0,
            Some(before) if applied.is_empty() => before.applied_ms,
            _ => now_ms,
        };
        self.hosts.insert(host.name.clone(), Known { host, source, heard_ms: now_ms });
        applied
    }

    /// Marks every host of the report that `names` lacks as gone: the list is complete.
    pub(crate) fn keep_only(&mut self, source: ReportId, store: &str, names: &[String]) {
        let listed: std::collections::HashSet<&String> = names.iter().collect();
        for (name, known) in &mut self.hosts {
            let is_theirs = known.source == source || known.host.store == store;
            if is_theirs && !listed.contains(name) {
                known.host.connected = false;
            }
        }
    }

    /// Marks hosts as gone, unless another report has them by now.
    pub(crate) fn mark_gone(&mut self, source: ReportId, names: &[String]) {
        for name in names {
            if let Some(known) = self.hosts.get_mut(name).filter(|known| known.source == source) {
                known.host.connected = false;
            }
        }
    }

    /// Marks all hosts of a report that ended as gone: nobody vouches for them.
    pub(crate) fn report_ended(&mut self, source: ReportId) {
        for known in self.hosts.values_mut().filter(|known| known.source == source) {
            known.host.connected = false;
        }
    }

    /// Forgets hosts that left long ago. Returns whether there were any.
    pub(crate) fn forget_gone(&mut self, now_ms: u64) -> bool {
        let before = self.hosts.len();
        let age_max = u64::try_from(FORGOTTEN_AFTER.as_millis()).unwrap_or(u64::MAX);
        self.hosts.retain(|_, known| known.host.connected || now_ms.saturating_sub(known.heard_ms) < age_max);
        self.hosts.len() < before
    }

    /// Counts hosts against the server's heads.
    pub(crate) fn tally(&self, heads: &BTreeMap<Namespace, Head>) -> Tally {
        Tally::of(self.hosts.values().map(|known| &known.host), heads)
    }

    /// Counts connected hosts that have applied a revision, of those that carry the namespace, and names at most
    /// `behind_max` that have not.
    pub(crate) fn progress(&self, namespace: &Namespace, revision: Revision, behind_max: usize) -> Progress {
        let mut progress = Progress::default();
        let carries = |host: &&Host| host.connected && host.carries(namespace);
        for host in self.hosts.values().map(|known| &known.host).filter(carries) {
            progress.total += 1;
            if host.has_applied(namespace, revision) {
                progress.applied += 1;
            } else if progress.behind.len() < behind_max {
                progress.behind.push(host.clone());
            }
        }
        progress.behind.sort_by(|a, b| a.name.cmp(&b.name));
        progress
    }

    /// Returns hosts by name, all of them or only those that do not show the server's heads.
    pub(crate) fn hosts(&self, behind: Option<&BTreeMap<Namespace, Head>>) -> Vec<Host> {
        let wanted = |host: &&Host| behind.is_none_or(|heads| !host.is_current(heads));
        let mut hosts: Vec<Host> = self.hosts.values().map(|known| &known.host).filter(wanted).cloned().collect();
        hosts.sort_by(|a, b| a.name.cmp(&b.name));
        hosts
    }
}

impl Tally {
    /// Counts hosts against heads.
    pub(super) fn of<'a>(hosts: impl Iterator<Item = &'a Host>, heads: &BTreeMap<Namespace, Head>) -> Self {
        hosts.fold(Self::default(), |sum, host| Self {
            total: sum.total + 1,
            connected: sum.connected + u64::from(host.connected),
            current: sum.current + u64::from(host.connected && host.is_current(heads)),
            refusing: sum.refusing + u64::from(host.is_refusing()),
        })
    }
}

impl Progress {
    /// Returns whether the share is reached. Without any host it is not: nothing is live anywhere.
    pub(crate) fn has_reached(&self, percent: f64) -> bool {
        #[allow(clippy::cast_precision_loss, reason = "host counts are far below 2^52")]
        let share = self.applied as f64 * 100.0 / (self.total.max(1)) as f64;
        self.total > 0 && share >= percent
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use configbus_model::{CommitId, Epoch, TreeId};
    use std::collections::BTreeSet;

    const A: ReportId = ReportId(1);
    const B: ReportId = ReportId(2);

    fn head(revision: u64) -> Head {
        Head {
            epoch: Epoch::FIRST,
            revision: Revision(revision),
            commit: CommitId::from_bytes([u8::try_from(revision).unwrap(); 20]),
            tree: TreeId::EMPTY,
            time_ms: 0,
            traceparent: None,
        }
    }

    fn heads(revision: u64) -> BTreeMap<Namespace, Head> {
        BTreeMap::from([(Namespace::main(), head(revision))])
    }

    fn host(name: &str, store: &str, revision: u64) -> Host {
        Host {
            name: name.into(),
            incarnation: "1".into(),
            labels: BTreeMap::new(),
            store: store.into(),
            applied: heads(revision),
            effective_tree: None,
            applied_ms: 0,
            refusals: Vec::new(),
            connected: true,
            version: String::new(),
            carried: BTreeSet::new(),
        }
    }

    fn connected(roster: &Roster) -> Vec<String> {
        let progress = roster.progress(&Namespace::main(), Revision(u64::MAX), 10);
        progress.behind.into_iter().map(|host| host.name).collect()
    }

    #[test]
    fn an_applied_head_is_news_once() {
        let mut roster = Roster::new(10);
        assert_eq!(roster.describe(A, vec![host("h", "a", 1)], 5).len(), 1);
        assert_eq!(roster.describe(A, vec![host("h", "a", 1)], 9), vec![]);
        assert_eq!(roster.hosts(None)[0].applied_ms, 5);
        assert_eq!(roster.describe(A, vec![host("h", "a", 2)], 11), vec![(Namespace::main(), head(2))]);
        assert_eq!(roster.hosts(None)[0].applied_ms, 11);
    }

    #[test]
    fn a_host_that_moved_is_neither_taken_away_nor_moved_back_by_its_old_store() {
        let mut roster = Roster::new(10);
        roster.describe(A, vec![host("h", "a", 1)], 1);
        roster.describe(B, vec![host("h", "b", 2)], 2);
        roster.describe(A, vec![host("h", "a", 1)], 3);
        roster.mark_gone(A, &["h".into()]);
        roster.report_ended(A);
        let hosts = roster.hosts(None);
        assert_eq!((hosts[0].store.as_str(), hosts[0].connected), ("b", true));
        assert!(hosts[0].has_applied(&Namespace::main(), Revision(2)));
    }

    #[test]
    fn hosts_leave_with_their_report_or_when_a_complete_list_lacks_them() {
        let mut roster = Roster::new(10);
        roster.describe(A, vec![host("h", "a", 1), host("i", "a", 1)], 1);
        roster.describe(B, vec![host("j", "b", 1)], 1);
        roster.report_ended(A);
        assert_eq!(connected(&roster), ["j"]);
        let again = ReportId(3);
        roster.describe(again, vec![host("i", "a", 1)], 2);
        roster.keep_only(again, "a", &["i".into()]);
        assert_eq!(connected(&roster), ["i", "j"]);
    }

    #[test]
    fn hosts_that_left_are_forgotten_later() {
        let mut roster = Roster::new(10);
        roster.describe(A, vec![host("h", "a", 1)], 1_000);
        roster.report_ended(A);
        assert!(!roster.forget_gone(2_000));
        assert!(roster.forget_gone(1_000 + 3_600_000));
        assert_eq!(roster.hosts(None), vec![]);
    }

    #[test]
    fn the_number_of_hosts_is_bounded() {
        let mut roster = Roster::new(1);
        roster.describe(A, vec![host("h", "a", 1), host("i", "a", 1)], 1);
        assert_eq!(roster.hosts(None).len(), 1);
    }

    #[test]
    fn a_share_counts_connected_hosts_and_none_is_not_all() {
        let mut roster = Roster::new(10);
        let reached =
            |roster: &Roster, percent| roster.progress(&Namespace::main(), Revision(2), 5).has_reached(percent);
        assert!(!reached(&roster, 100.0));
        roster.describe(A, vec![host("h", "a", 2), host("i", "a", 1)], 1);
        assert!(reached(&roster, 50.0));
        assert!(!reached(&roster, 99.9));
        roster.mark_gone(A, &["i".into()]);
        assert!(reached(&roster, 100.0));
    }

    #[test]
    fn a_refusal_counts_until_something_newer_is_applied() {
        let mut roster = Roster::new(10);
        let refusal = super::super::host::Refusal {
            namespace: Namespace::main(),
            head: head(2),
            reason: "disk full".into(),
            time_ms: 0,
        };
        let refusing = Host { refusals: vec![refusal.clone()], ..host("h", "a", 1) };
        roster.describe(A, vec![refusing], 1);
        assert_eq!(roster.tally(&heads(2)), Tally { total: 1, connected: 1, current: 0, refusing: 1 });
        roster.describe(A, vec![Host { refusals: vec![refusal], ..host("h", "a", 2) }], 1);
        assert_eq!(roster.tally(&heads(2)), Tally { total: 1, connected: 1, current: 1, refusing: 0 });
    }
}

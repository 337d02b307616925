//! Which store to try next. Pure.
//!
//! Stores that are known to hold the newest head come first; among equals each host prefers another one (rendezvous
//! hashing), so that hosts spread evenly and only those of a lost store move.

use configbus_model::{Member, MemberRole, Namespace, Position};
use configbus_runtime::Backoff;
use std::{
    collections::{BTreeMap, hash_map::DefaultHasher},
    hash::{Hash as _, Hasher as _},
    time::Duration,
};

/// Most stores remembered.
const KNOWN_MAX: usize = 256;

const RETRY_MIN: Duration = Duration::from_millis(200);
const RETRY_MAX: Duration = Duration::from_secs(10);

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Choice {
    /// Try this one.
    Try(String),
    /// All failed lately; this one is the first to be tried again, then.
    Wait(Duration),
    /// None is known.
    Nobody,
}

/// The stores a host knows of.
#[derive(Debug)]
pub(crate) struct Stores {
    host: String,
    known: BTreeMap<String, Known>,
}

#[derive(Debug)]
struct Known {
    /// Named in the settings, so never forgotten.
    configured: bool,
    head: Option<Position>,
    backoff: Backoff,
    not_before: Duration,
}

impl Known {
    fn new(configured: bool) -> Self {
        let backoff = Backoff::new(RETRY_MIN, RETRY_MAX);
        Self { configured, head: None, backoff, not_before: Duration::ZERO }
    }
}

fn normalised(url: &str) -> String {
    url.trim_end_matches('/').to_owned()
}

impl Stores {
    pub(crate) fn new(host: &str, configured: &[String]) -> Self {
        let known = configured.iter().map(|url| (normalised(url), Known::new(true))).collect();
        Self { host: host.to_owned(), known }
    }

    /// Takes the list of members that a server or a store gave.
    pub(crate) fn learn(&mut self, members: &[Member]) {
        let stores = members.iter().filter(|member| member.role == MemberRole::Store).take(KNOWN_MAX);
        let alive: BTreeMap<_, _> = stores
            .map(|member| (normalised(&member.url), member.heads.get(&Namespace::main()).map(|head| head.position())))
            .collect();
        self.known.retain(|url, known| known.configured || alive.contains_key(url));
        for (url, head) in alive {
            self.known.entry(url).or_insert_with(|| Known::new(false)).head = head;
        }
    }

    /// Chooses the best of those that did not fail lately.
    pub(crate) fn choose(&self, now: Duration) -> Choice {
        let ready = self.known.iter().filter(|(_, known)| known.not_before <= now);
        let best = ready.max_by_key(|(url, known)| (known.head, self.preference(url)));
        match (best, self.known.values().map(|known| known.not_before).min()) {
            (Some((url, _)), _) => Choice::Try(url.clone()),
            (None, Some(soonest)) => Choice::Wait(soonest),
            (None, None) => Choice::Nobody,
        }
    }

    fn preference(&self, url: &str) -> u64 {
        let mut hasher = DefaultHasher::new();
        (&self.host, url).hash(&mut hasher);
        hasher.finish()
    }

    /// Notes that a store did not serve.
    pub(crate) fn failed(&mut self, url: &str, now: Duration) {
        if let Some(known) = self.known.get_mut(url) {
            known.not_before = now + known.backoff.next();
        }
    }

    /// Notes that a store serves.
    pub(crate) fn worked(&mut self, url: &str) {
        if let Some(known) = self.known.get_mut(url) {
            known.backoff.reset();
            known.not_before = Duration::ZERO;
        }
    }

    /// Returns the newest position another store than `url` is known to hold, and which one, if it may be tried.
    pub(crate) fn newest_besides(&self, url: &str, now: Duration) -> Option<(String, Position)> {
        let others = self.known.iter().filter(|(other, known)| *other != url && known.not_before <= now);
        let held = others.filter_map(|(other, known)| Some((other.clone(), known.head?)));
        held.max_by_key(|(other, head)| (*head, self.preference(other)))
    }

    /// Returns every known URL.
    pub(crate) fn urls(&self) -> Vec<String> {
        self.known.keys().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use configbus_model::{CommitId, Epoch, Head, Revision, TreeId};

    fn member(url: &str, revision: u64) -> Member {
        let head = Head {
            epoch: Epoch::FIRST,
            revision: Revision(revision),
            commit: CommitId::from_bytes([1; 20]),
            tree: TreeId::EMPTY,
            time_ms: 0,
            traceparent: None,
        };
        Member {
            role: MemberRole::Store,
            id: url.to_owned(),
            incarnation: String::new(),
            url: url.to_owned(),
            heads: BTreeMap::from([(Namespace::main(), head)]),
            subscribers: 0,
        }
    }

    #[test]
    fn hosts_spread_over_stores_and_stay_when_another_leaves() {
        let urls = ["http://a", "http://b", "http://c"].map(str::to_owned);
        let chosen = |host: usize, urls: &[String]| Stores::new(&format!("host-{host}"), urls).choose(Duration::ZERO);
        let mut moved = 0;
        for host in 0..300 {
            let (all, two) = (chosen(host, &urls), chosen(host, &urls[..2]));
            moved += usize::from(all != two);
            assert!(all == two || all == Choice::Try("http://c".into()));
        }
        assert!((50..150).contains(&moved), "{moved}");
    }

    #[test]
    fn a_failed_store_is_left_alone_for_a_while() {
        let mut stores = Stores::new("h", &["http://a".to_owned(), "http://b/".to_owned()]);
        let Choice::Try(first) = stores.choose(Duration::ZERO) else { panic!() };
        stores.failed(&first, Duration::ZERO);
        let Choice::Try(second) = stores.choose(Duration::ZERO) else { panic!() };
        assert_ne!(first, second);
        stores.failed(&second, Duration::ZERO);
        let Choice::Wait(until) = stores.choose(Duration::ZERO) else { panic!() };
        assert!(until <= RETRY_MIN);
        assert!(matches!(stores.choose(until), Choice::Try(_)));
        assert_eq!(Stores::new("h", &[]).choose(Duration::ZERO), Choice::Nobody);
    }

    #[test]
    fn the_newest_head_comes_first_and_members_that_left_are_forgotten() {
        let mut stores = Stores::new("h", &["http://a".to_owned()]);
        stores.learn(&[member("http://a/", 3), member("http://b", 5), member("http://c", 4)]);
        assert_eq!(stores.choose(Duration::ZERO), Choice::Try("http://b".into()));
        let newest = stores.newest_besides("http://a", Duration::ZERO).unwrap();
        assert_eq!((newest.0.as_str(), newest.1.revision), ("http://b", Revision(5)));
        stores.learn(&[member("http://c", 4)]);
        assert_eq!(stores.urls(), ["http://a", "http://c"]);
    }
}

//! How sure a reader can be that nothing is newer. Pure, but for the clock.

use configbus_model::{AgentState, Freshness, MountRecord, Namespace, Position, Revision, UpstreamRecord};
use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// Age after which a confirmation no longer counts when the agent does not say.
const FRESH_FOR_DEFAULT: Duration = Duration::from_secs(10);

/// What a reader knows of what it reads.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// Revision of `main` that is read.
    pub revision: Revision,
    /// Whether it was confirmed lately that nothing is newer. Of several namespaces, the worst.
    pub freshness: Freshness,
    /// Time since the last confirmation of `main`.
    pub age: Option<Duration>,
    /// Revisions of `main` that are known upstream and not here.
    pub lag: u64,
}

impl Status {
    pub(crate) fn unknown(revision: Revision) -> Self {
        Self { revision, freshness: Freshness::Unknown, age: None, lag: 0 }
    }
}

pub(crate) fn now_ms() -> u64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX)
}

/// Compares what is read with what the agent last heard.
pub(crate) fn judge(
    revision: Revision,
    mounts: &BTreeMap<Namespace, MountRecord>,
    state: &AgentState,
    now_ms: u64,
) -> Status {
    let each = mounts.iter().map(|(namespace, mount)| freshness_of(namespace, mount, state, now_ms));
    let main = state.upstream.get(&Namespace::main());
    Status {
        revision,
        freshness: each.reduce(Freshness::or_worse).unwrap_or(Freshness::Unknown),
        age: main.map(|main| Duration::from_millis(now_ms.saturating_sub(main.confirmed_ms))),
        lag: main.map_or(0, |main| main.position.revision.0.saturating_sub(revision.0)),
    }
}

fn freshness_of(namespace: &Namespace, mount: &MountRecord, state: &AgentState, now_ms: u64) -> Freshness {
    let Some(UpstreamRecord { position, confirmed_ms }) = state.upstream.get(namespace) else {
        return Freshness::Unknown;
    };
    let here = Position { epoch: mount.epoch, revision: mount.revision };
    if *position > here {
        return Freshness::Stale { since_ms: refused_since(namespace, here, state).unwrap_or(*confirmed_ms) };
    }
    let fresh_for = Duration::from_millis(state.fresh_for_ms);
    let fresh_for = if fresh_for.is_zero() { FRESH_FOR_DEFAULT } else { fresh_for };
    Freshness::of(Some(*confirmed_ms), now_ms, fresh_for)
}

/// Returns when the host first refused something newer than what it has.
fn refused_since(namespace: &Namespace, here: Position, state: &AgentState) -> Option<u64> {
    let newer = state.refusals.iter().filter(|r| r.namespace == *namespace && r.revision > here.revision);
    newer.map(|refusal| refusal.time_ms).min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use configbus_model::{CommitId, Epoch, RefusalRecord, TreeId};

    const NOW: u64 = 1_000_000;

    fn mounts(revision: u64) -> BTreeMap<Namespace, MountRecord> {
        let mount = MountRecord {
            prefix: String::new(),
            epoch: Epoch::FIRST,
            revision: Revision(revision),
            commit: CommitId::from_bytes([1; 20]),
            source_tree: TreeId::EMPTY,
            effective_tree: TreeId::EMPTY,
            landed_ms: 0,
            traceparent: None,
        };
        BTreeMap::from([(Namespace::main(), mount)])
    }

    fn state(upstream: u64, confirmed_ms: u64) -> AgentState {
        let position = Position { epoch: Epoch::FIRST, revision: Revision(upstream) };
        let upstream = BTreeMap::from([(Namespace::main(), UpstreamRecord { position, confirmed_ms })]);
        AgentState { upstream, fresh_for_ms: 5_000, ..AgentState::default() }
    }

    fn status(state: &AgentState) -> Status {
        judge(Revision(7), &mounts(7), state, NOW)
    }

    #[test]
    fn a_recent_confirmation_is_fresh_and_an_old_one_stale() {
        let fresh = status(&state(7, NOW - 1_000));
        assert_eq!((fresh.freshness, fresh.age, fresh.lag), (Freshness::Fresh, Some(Duration::from_secs(1)), 0));
        let since_ms = NOW - 6_000;
        assert_eq!(status(&state(7, since_ms)).freshness, Freshness::Stale { since_ms });
    }

    #[test]
    fn a_newer_head_that_is_not_here_is_stale_however_recent_the_confirmation() {
        let mut behind = state(9, NOW - 10);
        assert_eq!(status(&behind).freshness, Freshness::Stale { since_ms: NOW - 10 });
        assert_eq!(status(&behind).lag, 2);
        let refused = |revision, time_ms| RefusalRecord {
            namespace: Namespace::main(),
            revision: Revision(revision),
            reason: "disk is full".to_owned(),
            time_ms,
        };
        behind.refusals = vec![refused(5, 100), refused(8, 600_000), refused(9, 700_000)];
        assert_eq!(status(&behind).freshness, Freshness::Stale { since_ms: 600_000 });
    }

    #[test]
    fn without_a_word_from_the_agent_nothing_is_known() {
        assert_eq!(status(&AgentState::default()).freshness, Freshness::Unknown);
        assert_eq!(judge(Revision(1), &BTreeMap::new(), &state(1, NOW), NOW).freshness, Freshness::Unknown);
    }
}

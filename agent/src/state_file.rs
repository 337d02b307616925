//! `state.json`: liveness for client libraries.
//!
//! Every program on the host that watches the root wakes up when it is renamed into place, so that happens at most once
//! a second, and when only a confirmation is younger, once in five.

use crate::{Root, status::StatusBoard};
use configbus_model::AgentState;
use configbus_runtime::{BlockingPool, CancellationToken};
use std::{convert::Infallible, fs, io, os::unix::fs::PermissionsExt as _, time::Duration};
use tokio::time::{Instant, timeout};

/// Least time between two writes.
const WRITE_MIN: Duration = Duration::from_secs(1);

/// Longest time for which a younger confirmation is kept to itself.
const WRITE_MAX: Duration = Duration::from_secs(5);

/// Whether a state is worth waking everybody at once, later or not at all. Pure.
fn urgency(written: Option<&AgentState>, now: &AgentState) -> Option<Duration> {
    let Some(written) = written else { return Some(Duration::ZERO) };
    let positions = |state: &AgentState| {
        state.upstream.iter().map(|(namespace, record)| (namespace.clone(), record.position)).collect::<Vec<_>>()
    };
    let said = |state: &AgentState| (positions(state), state.store.clone(), state.refusals.clone(), state.fresh_for_ms);
    if said(written) != said(now) {
        return Some(WRITE_MIN);
    }
    (written.upstream != now.upstream).then_some(WRITE_MAX)
}

/// Keeps the file current until it is told to stop.
pub(crate) async fn keep(mut board: StatusBoard, stop: CancellationToken) -> Result<(), Infallible> {
    let pool = BlockingPool::new(1);
    let mut written: Option<(AgentState, Instant)> = None;
    loop {
        board.subscription.mark_unchanged();
        let state = board.state();
        let wait = urgency(written.as_ref().map(|(state, _)| state), &state);
        let due = wait.map(|wait| {
            written.as_ref().map_or(Duration::ZERO, |(_, at)| (*at + wait).saturating_duration_since(Instant::now()))
        });
        if due == Some(Duration::ZERO) {
            let (root, content) = (board.root.clone(), state.clone());
            if let Err(error) = pool.run(move || write(&root, &content)).await {
                tracing::warn!(%error, "state.json is not written");
            }
            written = Some((state, Instant::now()));
            continue;
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            changed = timeout(due.unwrap_or(Duration::MAX), board.subscription.changed()) => {
                if matches!(changed, Ok(Err(_))) {
                    return Ok(());
                }
            }
        }
    }
}

fn write(root: &Root, state: &AgentState) -> io::Result<()> {
    let scratch = root.tmp().join("state.json");
    let json = serde_json::to_vec_pretty(state).expect("a state has only strings as keys");
    fs::write(&scratch, json)?;
    fs::set_permissions(&scratch, fs::Permissions::from_mode(0o644))?;
    fs::rename(&scratch, root.state()).inspect_err(|_| drop(fs::remove_file(&scratch)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use configbus_model::{Epoch, Namespace, Position, Revision, UpstreamRecord};

    fn state(revision: u64, confirmed_ms: u64, written_ms: u64) -> AgentState {
        let position = Position { epoch: Epoch::FIRST, revision: Revision(revision) };
        let upstream = [(Namespace::main(), UpstreamRecord { position, confirmed_ms })].into();
        AgentState { upstream, written_ms, ..AgentState::default() }
    }

    #[test]
    fn only_news_wake_readers() {
        let written = state(7, 1_000, 1_000);
        assert_eq!(urgency(None, &written), Some(Duration::ZERO));
        assert_eq!(urgency(Some(&written), &state(7, 1_000, 9_000)), None);
        assert_eq!(urgency(Some(&written), &state(7, 2_000, 2_000)), Some(WRITE_MAX));
        assert_eq!(urgency(Some(&written), &state(8, 2_000, 2_000)), Some(WRITE_MIN));
    }
}

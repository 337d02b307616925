//! What a reader is told of freshness.

use super::hand_made_root::{HandMadeRoot, LAYOUTS};
use crate::{ConfigBus, Freshness, source::liveness};
use configbus_model::{AgentState, Epoch, Namespace, Position, Revision, UpstreamRecord};
use std::{collections::BTreeMap, fs};

fn state(revision: u64, confirmed_ms: u64) -> AgentState {
    let position = Position { epoch: Epoch::FIRST, revision: Revision(revision) };
    let upstream = BTreeMap::from([(Namespace::main(), UpstreamRecord { position, confirmed_ms })]);
    AgentState { upstream, fresh_for_ms: 3_600_000, ..AgentState::default() }
}

#[test]
fn freshness_follows_what_the_agent_writes() {
    let root = HandMadeRoot::new(LAYOUTS[0]);
    root.flip(&[("a", "1")]);
    let bus = root.open();
    assert_eq!(bus.status().freshness, Freshness::Unknown);
    root.write_state(&state(1, liveness::now_ms()));
    assert_eq!((bus.status().freshness, bus.status().revision), (Freshness::Fresh, Revision(1)));
    root.write_state(&state(3, 5));
    assert_eq!((bus.status().freshness, bus.status().lag), (Freshness::Stale { since_ms: 5 }, 2));
    fs::write(root.path().join("state.json"), "torn").unwrap();
    assert_eq!(bus.status().freshness, Freshness::Unknown);
}

#[test]
fn a_test_can_make_its_bus_stale() {
    let memory = ConfigBus::in_memory();
    let stale = Freshness::Stale { since_ms: 9 };
    memory.set_freshness(stale);
    assert_eq!(memory.bus().status().freshness, stale);
}

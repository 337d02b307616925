//! The heartbeat: built once per change, sent to every subscriber once a second.

use crate::{board::Board, upstream::Word};
use configbus_coordination::Heads;
use configbus_model::Member;
use configbus_proto::{
    convert::{heads_to_wire, member_to_wire},
    v1,
};
use tokio::sync::watch;

/// Everything a heartbeat tells of.
pub(crate) struct Pulse {
    pub(crate) own: watch::Receiver<Member>,
    pub(crate) members: watch::Receiver<Vec<Member>>,
    pub(crate) heads: watch::Receiver<Heads>,
    pub(crate) upstream_heads: watch::Receiver<Heads>,
    pub(crate) word: watch::Receiver<Word>,
}

impl Pulse {
    /// Watches the store's own state.
    pub(crate) fn new(
        board: &Board,
        own: watch::Receiver<Member>,
        members: watch::Receiver<Vec<Member>>,
        word: watch::Receiver<Word>,
    ) -> Self {
        Self { own, members, heads: board.heads(), upstream_heads: board.upstream_heads(), word }
    }

    /// Keeps the heartbeat current until a source is closed.
    pub(crate) async fn run(mut self, heartbeat: watch::Sender<v1::Heartbeat>) {
        loop {
            heartbeat.send_replace(self.beat());
            let changed = tokio::select! {
                changed = self.own.changed() => changed,
                changed = self.members.changed() => changed,
                changed = self.heads.changed() => changed,
                changed = self.upstream_heads.changed() => changed,
                changed = self.word.changed() => changed,
            };
            if changed.is_err() {
                return;
            }
        }
    }

    /// Returns the heartbeat of this moment.
    pub(crate) fn beat(&mut self) -> v1::Heartbeat {
        let heads = heads_to_wire(&*self.heads.borrow_and_update());
        let upstream_heads = heads_to_wire(&*self.upstream_heads.borrow_and_update());
        let members = self.members().iter().map(member_to_wire).collect();
        let upstream_connected = self.word.borrow_and_update().answers;
        v1::Heartbeat { heads, upstream_heads, members, upstream_connected }
    }

    /// Returns all members; this store is among them even while coordination does not know it.
    fn members(&mut self) -> Vec<Member> {
        let own = self.own.borrow_and_update().clone();
        let mut members = self.members.borrow_and_update().clone();
        members.retain(|member| member.role != own.role || member.id != own.id);
        members.push(own);
        members
    }
}

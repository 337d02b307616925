//! What this store says of itself to coordination.

use crate::board::Board;
use configbus_coordination::Heads;
use configbus_model::{Member, MemberRole};
use std::time::Duration;
use tokio::sync::watch;

/// Shortest time between two changes: each is a write to coordination, and agents judge stores by 500 ms.
const CHANGE_EVERY: Duration = Duration::from_millis(250);

/// Keeps a store's entry among the members current.
pub(crate) struct Membership {
    member: watch::Sender<Member>,
    heads: watch::Receiver<Heads>,
    subscribers: watch::Receiver<u32>,
}

impl Membership {
    /// Starts as a store without heads and subscribers.
    pub(crate) fn new(id: String, url: String, board: &Board, subscribers: watch::Receiver<u32>) -> Self {
        let incarnation = configbus_runtime::incarnation();
        let member = Member { role: MemberRole::Store, id, incarnation, url, heads: Heads::new(), subscribers: 0 };
        Self { member: watch::Sender::new(member), heads: board.heads(), subscribers }
    }

    /// Watches the entry.
    pub(crate) fn member(&self) -> watch::Receiver<Member> {
        self.member.subscribe()
    }

    /// Keeps it current until a source is closed.
    pub(crate) async fn run(mut self) {
        loop {
            let (heads, subscribers) = (self.heads.borrow_and_update().clone(), *self.subscribers.borrow_and_update());
            self.member.send_if_modified(|member| {
                let changed = member.heads != heads || member.subscribers != subscribers;
                (member.heads, member.subscribers) = (heads, subscribers);
                changed
            });
            tokio::time::sleep(CHANGE_EVERY).await;
            let changed = tokio::select! {
                changed = self.heads.changed() => changed,
                changed = self.subscribers.changed() => changed,
            };
            if changed.is_err() {
                return;
            }
        }
    }
}

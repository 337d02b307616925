//! One mirror against a server that restores backups, loses history and goes away, and a coordination that delays,
//! drops, repeats and forges. Every seed is one replayable life.

use super::{
    event::{Action, Event, Failure, Found},
    machine::Mirror,
};
use configbus_model::{CommitId, Epoch, Head, Position, Revision, TreeId};
use fastrand::Rng;
use std::{collections::BTreeSet, time::Duration};
use tokio::time::Instant;

const FAULTY: Duration = Duration::from_secs(60);
const CALM: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_secs(2);
const SEEDS: u64 = 400;

#[test]
fn heads_never_move_back_and_mirrors_converge_when_faults_stop() {
    for seed in 0..SEEDS {
        World::new(seed).live();
    }
}

/// The truth: a chain of commits, position is index + 1.
struct Server {
    epoch: Epoch,
    chain: Vec<CommitId>,
    made: u64,
    up: bool,
}

struct World {
    seed: u64,
    rng: Rng,
    now: Instant,
    end_of_faults: Instant,
    server: Server,
    mirror: Mirror,
    held: Option<Head>,
    /// Every position a server ever had, with its commit.
    landed: BTreeSet<(Position, CommitId)>,
    pending: Vec<(Instant, Event)>,
    busy: bool,
    next_poll: Instant,
}

impl World {
    fn new(seed: u64) -> Self {
        let now = Instant::now();
        Self {
            seed,
            rng: Rng::with_seed(seed),
            now,
            end_of_faults: now + FAULTY,
            server: Server { epoch: Epoch::FIRST, chain: Vec::new(), made: 0, up: true },
            mirror: Mirror::new(None, None, seed),
            held: None,
            landed: BTreeSet::new(),
            pending: Vec::new(),
            busy: false,
            next_poll: now,
        }
    }

    fn live(&mut self) {
        while self.now < self.end_of_faults + CALM {
            self.now += Duration::from_millis(self.rng.u64(1..120));
            if self.now < self.end_of_faults {
                self.disturb();
            } else if !self.server.up || self.server.chain.is_empty() || self.is_behind() {
                self.server.up = true;
                self.land();
            }
            self.poll();
            self.deliver();
        }
        let head = self.server_head();
        assert_eq!(self.held, head, "seed {}: the mirror did not converge", self.seed);
    }

    /// A server that lost history without raising its epoch is followed again once it is past what it had.
    fn is_behind(&self) -> bool {
        let position = |head: Option<&Head>| head.map(Head::position);
        position(self.server_head().as_ref()) < position(self.held.as_ref())
    }

    fn disturb(&mut self) {
        match self.rng.u32(0..100) {
            0..30 => self.land(),
            30..32 => self.server.up = !self.server.up,
            32 => self.restore(true),
            33 => self.restore(false),
            34..37 => self.forge(),
            37 => self.at(0, Event::Damaged),
            _ => {}
        }
    }

    fn land(&mut self) {
        if !self.server.up {
            return;
        }
        let (server, rng) = (&mut self.server, &mut self.rng);
        for _ in 0..rng.u32(1..4) {
            server.made += 1;
            let mut id = [0xc0; 20];
            id[..8].copy_from_slice(&server.made.to_be_bytes());
            server.chain.push(CommitId::from_bytes(id));
            let position = Position { epoch: server.epoch, revision: Revision(server.chain.len() as u64) };
            self.landed.insert((position, CommitId::from_bytes(id)));
        }
        let head = self.server_head().expect("a commit has landed");
        for _ in 0..self.rng.u32(0..3) {
            let delay = if self.rng.u32(0..10) == 0 { 3_000 } else { 60 };
            let delay = self.rng.u64(0..delay);
            self.at(delay, Event::Announced(head.clone()));
        }
    }

    fn restore(&mut self, raises_epoch: bool) {
        let keep = self.rng.usize(0..=self.server.chain.len());
        self.server.chain.truncate(keep);
        if raises_epoch {
            self.server.epoch.0 += 1;
        }
        if let Some(head) = self.server_head() {
            self.landed.insert((head.position(), head.commit));
        }
    }

    fn forge(&mut self) {
        let mut head = self.server_head().unwrap_or_else(|| crate::testing::head(1));
        match self.rng.u32(0..4) {
            0 => head.revision.0 += self.rng.u64(0..1_000),
            1 => head.epoch.0 += 7,
            2 => head.commit = CommitId::from_bytes([self.rng.u8(..); 20]),
            _ => head.tree = TreeId::EMPTY,
        }
        self.at(0, Event::Announced(head));
    }

    fn poll(&mut self) {
        if self.now >= self.next_poll && self.server.up {
            self.next_poll = self.now + POLL;
            let delay = self.rng.u64(0..300);
            self.at(delay, Event::ServerSaid(self.server_head()));
        }
    }

    fn deliver(&mut self) {
        loop {
            let due = (0..self.pending.len()).filter(|&i| self.pending[i].0 <= self.now);
            let Some(index) = due.min_by_key(|&i| self.pending[i].0) else { return };
            let (_, event) = self.pending.remove(index);
            if matches!(event, Event::Fetched(_) | Event::Filled(_) | Event::Adopted | Event::Failed(_)) {
                self.busy = false;
            }
            for action in self.mirror.step(self.now, event) {
                self.perform(action);
            }
        }
    }

    fn perform(&mut self, action: Action) {
        match action {
            Action::FetchPack { from, to } => {
                let outcome = self.pack(from, to);
                self.finish(outcome);
            }
            Action::Fill | Action::Rebuild => {
                let outcome = self.fill();
                self.finish(outcome);
            }
            Action::Adopt(_) => self.finish(Event::Adopted),
            Action::Publish(head) => self.publish(head),
            Action::AskServer => self.next_poll = self.now,
            Action::WakeAt(until) => self.pending.push((until, Event::Tick)),
            Action::Count(_) => {}
        }
    }

    fn finish(&mut self, outcome: Event) {
        assert!(!self.busy, "seed {}: two actions in flight", self.seed);
        self.busy = true;
        let failure = [Failure::Unreachable, Failure::Fetch, Failure::Disk, Failure::Damaged][self.rng.usize(0..4)];
        let fails = self.now < self.end_of_faults && self.rng.u32(0..15) == 0;
        let delay = self.rng.u64(1..400);
        self.at(delay, if fails { Event::Failed(failure) } else { outcome });
    }

    fn pack(&self, from: CommitId, to: CommitId) -> Event {
        let index = |commit| self.server.chain.iter().position(|&landed| landed == commit);
        match (self.server.up, index(from), index(to)) {
            (false, ..) => Event::Failed(Failure::Unreachable),
            (true, Some(from), Some(to)) if from < to => Event::Fetched(self.found(to)),
            _ => Event::Failed(Failure::Unknown),
        }
    }

    fn fill(&self) -> Event {
        if !self.server.up {
            return Event::Failed(Failure::Unreachable);
        }
        Event::Filled(self.server.chain.len().checked_sub(1).map(|index| self.found(index)))
    }

    fn found(&self, index: usize) -> Found {
        let head = self.head_at(index);
        let held = self.held.as_ref().map(|held| held.commit);
        let descends = held.is_none_or(|held| self.server.chain[..=index].contains(&held));
        Found { commit: head.commit, tree: head.tree, revision: head.revision, committed_ms: head.time_ms, descends }
    }

    fn publish(&mut self, head: Head) {
        if let Some(held) = &self.held {
            assert!(head.position() >= held.position(), "seed {}: {held} moved back to {head}", self.seed);
        }
        let real = self.landed.iter().any(|(position, commit)| {
            *commit == head.commit && position.revision == head.revision && position.epoch <= self.server.epoch
        });
        assert!(real, "seed {}: {head} never landed", self.seed);
        assert!(head.epoch <= self.server.epoch, "seed {}: {head} is of no epoch yet", self.seed);
        let tree = *head.commit.as_bytes();
        assert_eq!(head.tree, TreeId::from_bytes(tree), "seed {}: the tree is another's", self.seed);
        self.held = Some(head);
    }

    fn server_head(&self) -> Option<Head> {
        self.server.chain.len().checked_sub(1).map(|index| self.head_at(index))
    }

    fn head_at(&self, index: usize) -> Head {
        let commit = self.server.chain[index];
        Head {
            epoch: self.server.epoch,
            revision: Revision(index as u64 + 1),
            commit,
            tree: TreeId::from_bytes(*commit.as_bytes()),
            time_ms: index as u64,
            traceparent: None,
        }
    }

    fn at(&mut self, delay_ms: u64, event: Event) {
        self.pending.push((self.now + Duration::from_millis(delay_ms), event));
    }
}

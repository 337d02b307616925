//! Which namespaces are mirrored: those the server has, as they appear and disappear.
//!
//! The server's word decides. An announcement of a namespace that is not known yet only makes the store ask; one that
//! coordination still has although the server deleted it starts nothing. A namespace that the server does not name any more
//! is kept for a while: a server that is starting names them one by one, and hosts still hold what is mirrored.

use crate::{
    mirror::{Opened, Repository},
    run::{Follower, Hearing},
    store::MirrorPlace,
    upstream::Word,
};
use configbus_coordination::Heads;
use configbus_model::Namespace;
use configbus_runtime::{BlockingPool, Tasks, report};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use tokio::{sync::watch, time::Instant};

/// For how long the server names a namespace no more before its mirror goes.
const RETIRE_AFTER: Duration = Duration::from_secs(60);

/// Most namespaces that are mirrored: as many as can be mounted, and `main`.
const MIRRORS_MAX: usize = configbus_model::MOUNTS_MAX + 1;

/// Opens and retires mirrors.
pub(crate) struct Mirroring {
    pub(crate) place: MirrorPlace,
    pub(crate) hearing: Hearing,
    pub(crate) tasks: Tasks,
    pub(crate) followers: BTreeMap<Namespace, Follower>,
    pub(crate) presence: Presence,
}

impl Mirroring {
    /// Follows the server's word until nobody speaks any more.
    pub(crate) async fn run(mut self) {
        let pool = BlockingPool::new(1);
        let (mut word, mut announced) = (self.hearing.word.clone(), self.hearing.announced.clone());
        loop {
            let said = word.borrow_and_update().clone();
            let steps = self.presence.step(Instant::now(), &said, &self.followers.keys().cloned().collect());
            for namespace in steps.retire {
                self.retire(&namespace, &pool).await;
            }
            for namespace in steps.open {
                self.open(namespace, &pool).await;
            }
            if self.is_news(&mut announced) {
                self.hearing.bell.notify_one();
            }
            let changed = tokio::select! {
                changed = word.changed() => changed,
                changed = announced.changed() => changed,
            };
            if changed.is_err() {
                return;
            }
        }
    }

    /// Returns whether a namespace is announced that is not mirrored.
    fn is_news(&self, announced: &mut watch::Receiver<Heads>) -> bool {
        announced.borrow_and_update().keys().any(|namespace| !self.followers.contains_key(namespace))
    }

    async fn open(&mut self, namespace: Namespace, pool: &BlockingPool) {
        if self.followers.len() >= MIRRORS_MAX {
            tracing::error!(%namespace, "{namespace} is not mirrored: {MIRRORS_MAX} namespaces are");
            return;
        }
        let place = self.place.clone();
        let name = namespace.clone();
        match pool.run(move || place.open(name)).await {
            Ok(opened) => {
                tracing::info!(%namespace, "mirroring {namespace}");
                let follower = self.hearing.start(&self.tasks, &namespace, opened);
                self.followers.insert(namespace, follower);
            }
            Err(error) => {
                let error = report::chain(&error);
                tracing::error!(%namespace, error, "the mirror of {namespace} cannot be opened, which is tried again");
            }
        }
    }

    /// Ends a mirror, then removes what it left, once nobody reads it any more.
    async fn retire(&mut self, namespace: &Namespace, pool: &BlockingPool) {
        let Some(follower) = self.followers.remove(namespace) else { return };
        tracing::info!(%namespace, "the server has no {namespace} any more: its mirror goes");
        let readers = follower.end(&self.hearing, namespace);
        while readers.strong_count() > 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let (place, name) = (self.place.clone(), namespace.clone());
        if let Err(error) = pool.run(move || place.remove(&name)).await {
            tracing::warn!(%namespace, %error, "what is left of the mirror of {namespace} stays on the disk");
        }
    }
}

/// Decides which mirrors there should be. Pure.
#[derive(Debug, Default)]
pub(crate) struct Presence {
    absent_since: BTreeMap<Namespace, Instant>,
}

/// What to do.
#[derive(Debug, PartialEq, Eq, Default)]
pub(crate) struct Steps {
    open: BTreeSet<Namespace>,
    retire: BTreeSet<Namespace>,
}

impl Presence {
    fn step(&mut self, now: Instant, word: &Word, mirrored: &BTreeSet<Namespace>) -> Steps {
        let Some(heads) = word.heads.as_ref().filter(|_| word.answers) else {
            // Nobody says what there is.
            self.absent_since.clear();
            return Steps::default();
        };
        let open = heads.keys().filter(|namespace| !mirrored.contains(*namespace)).cloned().collect();
        let is_absent = |namespace: &Namespace| *namespace != Namespace::main() && !heads.contains_key(namespace);
        self.absent_since.retain(|namespace, _| is_absent(namespace));
        for namespace in mirrored.iter().filter(|namespace| is_absent(namespace)) {
            self.absent_since.entry(namespace.clone()).or_insert(now);
        }
        let is_due = |(_, since): &(&Namespace, &Instant)| now.saturating_duration_since(**since) >= RETIRE_AFTER;
        let retire: BTreeSet<_> = self.absent_since.iter().filter(is_due).map(|(name, _)| name.clone()).collect();
        self.absent_since.retain(|namespace, _| !retire.contains(namespace));
        Steps { open, retire }
    }
}

impl MirrorPlace {
    fn open(&self, namespace: Namespace) -> Result<Opened, crate::mirror::RepositoryError> {
        let upstream = self.upstream(&namespace);
        Repository::open(self.data.clone(), namespace, upstream, self.bearer.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::head;

    fn names(names: &[&str]) -> BTreeSet<Namespace> {
        names.iter().map(|name| Namespace::parse(name).unwrap()).collect()
    }

    fn word(answers: bool, heads: &[&str]) -> Word {
        Word { heads: Some(names(heads).into_iter().map(|name| (name, head(1))).collect()), answers }
    }

    #[test]
    fn what_the_server_names_is_mirrored_and_what_it_does_not_goes_after_a_while() {
        let (mut presence, start) = (Presence::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        let steps = presence.step(at(0), &word(true, &["main", "traffic"]), &names(&["main"]));
        assert_eq!(steps, Steps { open: names(&["traffic"]), ..Steps::default() });
        let both = || names(&["main", "traffic"]);
        for seconds in [2, 30, 61] {
            assert_eq!(presence.step(at(seconds), &word(true, &["main"]), &both()), Steps::default());
        }
        let steps = presence.step(at(62), &word(true, &["main"]), &both());
        assert_eq!(steps, Steps { retire: names(&["traffic"]), ..Steps::default() });
    }

    #[test]
    fn a_server_that_is_silent_or_starting_takes_no_mirror_away() {
        let (mut presence, start) = (Presence::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        let both = || names(&["main", "traffic"]);
        assert_eq!(presence.step(at(0), &word(true, &["main"]), &both()), Steps::default());
        assert_eq!(presence.step(at(50), &word(false, &["main"]), &both()), Steps::default());
        assert_eq!(presence.step(at(100), &word(true, &["main"]), &both()), Steps::default());
        assert_eq!(presence.step(at(150), &word(true, &["main", "traffic"]), &both()), Steps::default());
        assert_eq!(presence.step(at(200), &word(true, &[]), &both()), Steps::default());
        assert_eq!(presence.step(at(1_000), &word(true, &[]), &both()).retire, names(&["traffic"]), "main stays");
    }
}

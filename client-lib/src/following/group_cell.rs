//! What several files say together, made anew when one of them changes.
//!
//! It is made on the thread that takes views, not by callbacks: a callback that hangs must not keep a switch from being turned off.

use crate::{
    Refusal,
    following::call_queue::{Tell, Telling},
    following::cell::{Publication, Watched},
    following::follower::Held,
    following::journal::Journal,
    following::rules::Rules,
    following::seen::{Look, Seen},
};
use arc_swap::ArcSwap;
use configbus_model::ConfigPath;
use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

/// Makes what readers see of the files, in the order of their paths; `None` for one that is not there.
type Compose<T> = Box<dyn Fn(&[Option<Arc<T>>]) + Send + Sync>;

pub(crate) struct GroupCell<T> {
    paths: Vec<ConfigPath>,
    rules: Rules<T>,
    compose: Compose<T>,
    pub(crate) refusals: ArcSwap<BTreeMap<ConfigPath, Refusal>>,
    progress: Mutex<Progress<T>>,
}

struct Progress<T> {
    sequence: u64,
    seen: Vec<Seen>,
    values: Vec<Option<Arc<T>>>,
}

impl<T> fmt::Debug for GroupCell<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GroupCell").field("paths", &self.paths).finish_non_exhaustive()
    }
}

impl<T> GroupCell<T> {
    pub(crate) fn new(
        paths: Vec<ConfigPath>,
        rules: Rules<T>,
        compose: impl Fn(&[Option<Arc<T>>]) + Send + Sync + 'static,
    ) -> Self {
        let seen = paths.iter().map(|_| Seen::default()).collect();
        let values = paths.iter().map(|_| None).collect();
        let progress = Mutex::new(Progress { sequence: 0, seen, values });
        Self { paths, rules, compose: Box::new(compose), refusals: ArcSwap::default(), progress }
    }
}

impl<T: Send + Sync + 'static> Watched for GroupCell<T> {
    fn prepare<'a>(&'a self, held: &Held, journal: &'a Journal) -> Option<Publication<'a>> {
        let mut guard = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        let progress = &mut *guard;
        if held.sequence <= progress.sequence {
            return None;
        }
        let is_first = std::mem::replace(&mut progress.sequence, held.sequence) == 0;
        let mut refusals = (**self.refusals.load()).clone();
        let (mut changes, mut has_news) = (0_u64, false);
        for ((path, seen), value) in self.paths.iter().zip(&mut progress.seen).zip(&mut progress.values) {
            let look =
                seen.look(held.view.files.as_ref(), path, &self.rules, || journal.counters.files_read.increment());
            if matches!(look, Look::Unchanged) {
                continue;
            }
            let origin = held.view.origin(path);
            has_news = true;
            refusals.remove(path);
            match look {
                Look::Unchanged => {}
                Look::Restored => journal.applied(path, &origin),
                Look::Gone => (*value, changes) = (None, changes + 1),
                Look::New(new) => {
                    (*value, changes) = (Some(Arc::new(new)), changes + 1);
                    if !is_first {
                        journal.applied(path, &origin);
                    }
                }
                Look::Refused(reason) => {
                    journal.refused(path, &origin, &reason);
                    refusals.insert(path.clone(), Refusal { revision: origin.revision, reason });
                }
            }
        }
        has_news.then(|| -> Publication<'a> {
            Box::new(move || {
                self.refusals.store(Arc::new(refusals));
                (0..changes).for_each(|_| journal.counters.changes.increment());
                // Held until here, so that nobody publishes an older view in between.
                (self.compose)(&guard.values);
                false
            })
        })
    }
}

impl<T: Send + Sync + 'static> Tell for GroupCell<T> {
    fn take(self: Arc<Self>) -> Telling {
        Box::new(|_| {})
    }
}

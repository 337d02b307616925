//! The current value of one file and what it takes to keep it current.

use crate::{
    Change, Refusal,
    current::Current,
    following::call_queue::{Tell, Telling},
    following::callbacks::Callbacks,
    following::follower::Held,
    following::journal::Journal,
    following::rules::Rules,
    following::seen::{Look, Seen},
    source::view::Origin,
};
use arc_swap::ArcSwapOption;
use configbus_model::ConfigPath;
use std::sync::{Arc, Mutex, PoisonError};

/// Makes a prepared change visible; returns whether a callback wants to be told.
pub(crate) type Publication<'a> = Box<dyn FnOnce() -> bool + 'a>;

/// A subscription as the follower sees it.
pub(crate) trait Watched: Tell {
    /// Compares with a view and prepares what is new in it. Nothing is visible before the publication runs. A view that
    /// is not newer than the last one is ignored.
    fn prepare<'a>(&'a self, held: &Held, journal: &'a Journal) -> Option<Publication<'a>>;
}

/// What all handles of one subscription share.
#[derive(Debug)]
pub(crate) struct FileCell<T> {
    pub(crate) path: ConfigPath,
    /// What readers load: the file's value, else the default, else nothing.
    pub(crate) value: Current<T>,
    pub(crate) refusal: ArcSwapOption<Refusal>,
    pub(crate) callbacks: Callbacks<T>,
    rules: Rules<T>,
    default: Option<Arc<T>>,
    progress: Mutex<Progress>,
}

#[derive(Debug, Default)]
struct Progress {
    sequence: u64,
    seen: Seen,
}

impl<T: Send + Sync + 'static> FileCell<T> {
    pub(crate) fn new(path: ConfigPath, rules: Rules<T>, default: Option<Arc<T>>) -> Self {
        Self {
            path,
            value: Current::new(default.clone()),
            refusal: ArcSwapOption::empty(),
            callbacks: Callbacks::default(),
            rules,
            default,
            progress: Mutex::default(),
        }
    }

    fn replace(&self, new: Option<Arc<T>>, origin: Origin, journal: &Journal) -> bool {
        self.refusal.store(None);
        let old = self.value.swap(new.clone().or_else(|| self.default.clone()));
        let old = old.filter(|old| !self.default.as_ref().is_some_and(|default| Arc::ptr_eq(default, old)));
        if old.is_none() && new.is_none() {
            return false;
        }
        journal.counters.changes.increment();
        let Origin { namespace, revision, traceparent } = origin;
        self.callbacks.note(Change { path: self.path.clone(), old, new, namespace, revision, traceparent })
    }
}

impl<T: Send + Sync + 'static> Watched for FileCell<T> {
    fn prepare<'a>(&'a self, held: &Held, journal: &'a Journal) -> Option<Publication<'a>> {
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        if held.sequence <= progress.sequence {
            return None;
        }
        let is_first = std::mem::replace(&mut progress.sequence, held.sequence) == 0;
        let on_read = || journal.counters.files_read.increment();
        let look = progress.seen.look(held.view.files.as_ref(), &self.path, &self.rules, on_read);
        let origin = held.view.origin(&self.path);
        let new = match look {
            Look::Unchanged => return None,
            Look::Gone => None,
            Look::New(value) => Some(Arc::new(value)),
            Look::Restored => {
                self.refusal.store(None);
                journal.applied(&self.path, &origin);
                return None;
            }
            Look::Refused(reason) => {
                journal.refused(&self.path, &origin, &reason);
                self.refusal.store(Some(Arc::new(Refusal { revision: origin.revision, reason })));
                return None;
            }
        };
        Some(Box::new(move || {
            // Held until here, so that nobody publishes an older view in between.
            let _progress = progress;
            if !is_first && new.is_some() {
                journal.applied(&self.path, &origin);
            }
            self.replace(new, origin, journal)
        }))
    }
}

impl<T: Send + Sync + 'static> Tell for FileCell<T> {
    fn take(self: Arc<Self>) -> Telling {
        let changes = self.callbacks.take();
        Box::new(move |counters| self.callbacks.tell(&changes, counters))
    }
}

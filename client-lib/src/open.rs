//! How a bus is opened.

use crate::{
    following::follower::Follower,
    following::inotify::{MakeInstance, make_instance},
    following::journal::Journal,
    following::owner::Owner,
    following::reporter::Reporter,
    following::watcher::Watcher,
    source::agent_root::AgentRoot,
    source::plain_directory::PlainDirectory,
    source::{Source, SourceError},
};
use configbus_model::ErrorKind;
use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

/// How often a root is looked at that has no view yet.
const WAIT_INTERVAL: Duration = Duration::from_millis(20);

/// A bus cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Nothing to read appeared in time.
    #[error("{root:?} has no view of the configuration after {waited:?}; is an agent running with this root?")]
    NoView {
        /// The folder.
        root: PathBuf,
        /// How long it was waited for.
        waited: Duration,
    },
    /// The folder cannot be read.
    #[error("failed to open {root:?}")]
    Unreadable {
        /// The folder.
        root: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The operating system gives no thread or no descriptor.
    #[error("failed to start following {root:?}")]
    Start {
        /// The folder.
        root: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl OpenError {
    /// Returns what kind of failure this is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NoView { .. } => ErrorKind::Unavailable,
            Self::Unreadable { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => ErrorKind::Denied,
            Self::Unreadable { .. } => ErrorKind::Invalid,
            Self::Start { .. } => ErrorKind::Exhausted,
        }
    }
}

/// What a folder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Agent,
    Plain,
    /// Missing or empty: it may become either.
    Unknown,
}

/// How to open a bus.
#[derive(Debug, Clone)]
pub struct OpenOptions {
    deadline: Duration,
    poll_interval: Duration,
    make_instance: Option<MakeInstance>,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(10),
            poll_interval: Duration::from_millis(250),
            make_instance: Some(make_instance),
        }
    }
}

impl OpenOptions {
    /// Returns the defaults: wait ten seconds for a first view, use inotify, poll every 250 ms without.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets how long to wait for a root that has no view yet.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Sets how often to look where inotify cannot be had, and at plain directories.
    #[must_use]
    pub fn poll_interval(mut self, interval: Duration) -> Self {
        self.poll_interval = interval.max(Duration::from_millis(1));
        self
    }

    /// Polls even if inotify could be had, for file systems that raise no events.
    #[must_use]
    pub fn without_inotify(mut self) -> Self {
        self.make_instance = None;
        self
    }

    #[cfg(test)]
    pub(crate) fn with_instances_from(mut self, make: MakeInstance) -> Self {
        self.make_instance = Some(make);
        self
    }

    pub(crate) fn open(&self, root: &Path) -> Result<Arc<Owner>, OpenError> {
        let end = Instant::now() + self.deadline;
        loop {
            let kind = kind_of(root).map_err(|source| OpenError::Unreadable { root: root.to_owned(), source })?;
            let opened = match kind {
                Kind::Agent => self.follow(root, Box::new(AgentRoot::new(root.to_owned()))),
                Kind::Plain => self.follow(root, Box::new(PlainDirectory::new(root.to_owned()))),
                Kind::Unknown => Err(SourceError::NoView),
            };
            match opened {
                Ok(follower) => return self.start(root, kind, follower),
                Err(SourceError::Io(source)) => return Err(OpenError::Unreadable { root: root.to_owned(), source }),
                Err(_) if Instant::now() >= end => {
                    return Err(OpenError::NoView { root: root.to_owned(), waited: self.deadline });
                }
                Err(_) => thread::sleep(WAIT_INTERVAL.min(end.saturating_duration_since(Instant::now()))),
            }
        }
    }

    fn follow(&self, root: &Path, source: Box<dyn Source>) -> Result<Follower, SourceError> {
        let reporter = source.agent().is_some().then(|| Reporter::to_agent_at(root));
        Follower::start(source, Journal::new(reporter))
    }

    fn start(&self, root: &Path, kind: Kind, follower: Follower) -> Result<Arc<Owner>, OpenError> {
        // Editing a file in a plain directory raises no event in the directory above it.
        let watched = self.make_instance.filter(|_| kind == Kind::Agent);
        let watcher =
            Watcher::new(watched.map(|_| root.to_owned()), watched.unwrap_or(make_instance), self.poll_interval);
        Owner::start(follower, Some(watcher)).map_err(|source| OpenError::Start { root: root.to_owned(), source })
    }
}

/// An agent takes its lock before it makes anything else, so a folder that has files but no trace of an agent is plain.
fn kind_of(root: &Path) -> io::Result<Kind> {
    let leads_to_view = |target: PathBuf| target.starts_with("views");
    if fs::read_link(root.join("current")).is_ok_and(leads_to_view) || root.join("agent.lock").exists() {
        return Ok(Kind::Agent);
    }
    match fs::read_dir(root).map(|mut entries| entries.next().is_some()) {
        Ok(true) => Ok(Kind::Plain),
        Ok(false) => Ok(Kind::Unknown),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Kind::Unknown),
        Err(error) => Err(error),
    }
}

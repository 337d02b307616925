//! What was last seen of a file, and whether it has changed since.

use crate::{
    RefusalReason,
    following::rules::Rules,
    source::{file_identity::FileIdentity, files::Files},
};
use configbus_model::ConfigPath;
use std::{
    hash::{BuildHasher, RandomState},
    io,
    sync::{Arc, LazyLock},
    time::SystemTime,
};

/// Keyed afresh in each process, so that nobody can prepare two contents that pass for one.
static FINGERPRINTS: LazyLock<RandomState> = LazyLock::new(RandomState::new);

/// The version of a file that was looked at last, whether it was good or not.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    last: Last,
    /// Set when an equal identity is proof enough that nothing changed.
    identity: Option<FileIdentity>,
    /// Fingerprint of the newest content that was good; it is in use.
    good: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Last {
    #[default]
    Absent,
    /// A file with this fingerprint.
    Content(u64),
    /// A file that could not be read.
    Unreadable,
}

/// What became of a file.
#[derive(Debug)]
pub(crate) enum Look<T> {
    /// Nothing.
    Unchanged,
    /// It is gone.
    Gone,
    /// It has a new, good content.
    New(T),
    /// After versions that were refused it is again what the last good one was.
    Restored,
    /// Its new content is not usable.
    Refused(RefusalReason),
}

impl Seen {
    /// Looks at the file in a view, reading it only if it may have changed. Calls `on_read` before reading.
    pub(crate) fn look<T>(
        &mut self,
        files: &dyn Files,
        path: &ConfigPath,
        rules: &Rules<T>,
        on_read: impl FnOnce(),
    ) -> Look<T> {
        let read = match files.identity(path) {
            Ok(Some(identity)) if self.identity == Some(identity) => return Look::Unchanged,
            Ok(Some(_)) => {
                on_read();
                files.read(path)
            }
            Ok(None) => Ok(None),
            Err(error) => Err(error),
        };
        match read {
            Ok(Some((identity, content))) => self.meet(path, identity, &content, rules),
            Ok(None) => self.miss(),
            Err(error) => self.fail(error),
        }
    }

    /// Returns whether nothing is or was there.
    pub(crate) fn is_absent(&self) -> bool {
        self.last == Last::Absent
    }

    fn meet<T>(&mut self, path: &ConfigPath, identity: FileIdentity, content: &[u8], rules: &Rules<T>) -> Look<T> {
        self.identity = identity.is_settled(SystemTime::now()).then_some(identity);
        let fingerprint = FINGERPRINTS.hash_one(content);
        let before = std::mem::replace(&mut self.last, Last::Content(fingerprint));
        if before == Last::Content(fingerprint) {
            return Look::Unchanged;
        }
        if self.good == Some(fingerprint) {
            return Look::Restored;
        }
        match rules.apply(path, content) {
            Ok(value) => {
                self.good = Some(fingerprint);
                Look::New(value)
            }
            Err(reason) => Look::Refused(reason),
        }
    }

    fn miss<T>(&mut self) -> Look<T> {
        let before = std::mem::take(self);
        if before.is_absent() { Look::Unchanged } else { Look::Gone }
    }

    /// Says so once; every later look tries again.
    fn fail<T>(&mut self, error: io::Error) -> Look<T> {
        self.identity = None;
        match std::mem::replace(&mut self.last, Last::Unreadable) {
            Last::Unreadable => Look::Unchanged,
            _ => Look::Refused(RefusalReason::Unreadable(Arc::new(error))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::files::Visit;
    use std::sync::Mutex;

    /// One file whose next states are given.
    #[derive(Debug)]
    struct Script(Mutex<Result<Option<(FileIdentity, &'static str)>, io::ErrorKind>>);

    impl Files for Script {
        fn identity(&self, _: &ConfigPath) -> io::Result<Option<FileIdentity>> {
            let state = *self.0.lock().unwrap();
            Ok(state?.map(|(identity, _)| identity))
        }

        fn read(&self, _: &ConfigPath) -> io::Result<Option<(FileIdentity, Vec<u8>)>> {
            let state = *self.0.lock().unwrap();
            Ok(state?.map(|(identity, content)| (identity, content.into())))
        }

        fn walk(&self, _: &str, _: &mut dyn Visit) -> io::Result<()> {
            Ok(())
        }
    }

    fn look(seen: &mut Seen, state: Result<Option<(FileIdentity, &'static str)>, io::ErrorKind>) -> (String, u32) {
        let rules = Rules::<u32>::of_format(crate::Format::Json);
        let path = ConfigPath::parse("a.json").unwrap();
        let mut reads = 0;
        let look = seen.look(&Script(Mutex::new(state)), &path, &rules, || reads += 1);
        let name = match look {
            Look::New(value) => value.to_string(),
            Look::Refused(RefusalReason::Unreadable(_)) => "unreadable".to_owned(),
            Look::Refused(_) => "refused".to_owned(),
            other => format!("{other:?}"),
        };
        (name, reads)
    }

    fn version(number: u64, content: &'static str) -> Result<Option<(FileIdentity, &'static str)>, io::ErrorKind> {
        Ok(Some((FileIdentity::Memory(number), content)))
    }

    #[test]
    fn a_file_is_read_only_when_its_identity_changes_and_parsed_only_when_its_content_does() {
        let mut seen = Seen::default();
        assert_eq!(look(&mut seen, version(1, "1")), ("1".to_owned(), 1));
        assert_eq!(look(&mut seen, version(1, "1")), ("Unchanged".to_owned(), 0));
        assert_eq!(look(&mut seen, version(2, "1")), ("Unchanged".to_owned(), 1));
        assert_eq!(look(&mut seen, version(3, "2")), ("2".to_owned(), 1));
    }

    #[test]
    fn a_bad_version_is_refused_once_and_the_good_one_restored() {
        let mut seen = Seen::default();
        let states = [version(1, "1"), version(2, "{"), version(3, "{"), version(4, "1"), version(5, "2"), Ok(None)];
        let looks = states.map(|state| look(&mut seen, state).0);
        assert_eq!(looks, ["1", "refused", "Unchanged", "Restored", "2", "Gone"]);
        assert_eq!(look(&mut seen, version(6, "2")).0, "2");
    }

    #[test]
    fn a_file_that_cannot_be_read_is_said_once_and_tried_again() {
        let mut seen = Seen::default();
        let denied = Err(io::ErrorKind::PermissionDenied);
        let states = [version(1, "1"), denied, denied, version(1, "1"), denied, Ok(None), Ok(None)];
        let looks = states.map(|state| look(&mut seen, state).0);
        assert_eq!(looks, ["1", "unreadable", "Unchanged", "Restored", "unreadable", "Gone", "Unchanged"]);
    }

    #[test]
    fn a_file_edited_just_now_is_read_again() {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        let changed = (i64::try_from(now).unwrap(), 0);
        let identity = FileIdentity::Editable { device: 1, inode: 1, size: 1, modified: (0, 0), changed };
        let mut seen = Seen::default();
        assert_eq!(look(&mut seen, Ok(Some((identity, "1")))), ("1".to_owned(), 1));
        assert_eq!(look(&mut seen, Ok(Some((identity, "2")))), ("2".to_owned(), 1));
    }
}

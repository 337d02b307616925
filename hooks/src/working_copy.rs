//! A directory of files as a candidate: what `configbus validate` looks at before anything is pushed.
//!
//! Who may change what is judged only when somebody is named as the one who proposes it.
//!
//! The base is the commit that is checked out there, if the directory is the top of a Git working tree; otherwise there is
//! none and every file is new.
//!
//! Everything counts, hidden and ignored files too, because nothing here knows what will be committed; only Git's own
//! `.git` at the top is left out. A directory with a `.git` of its own is what it would become, a submodule.

use crate::{
    Context, Gate, Progress, Report,
    candidate::{
        Candidate, CandidateError, FileChange, FileState, FoundFile, LandingFile, NewObject, PolicyIds, RawEntry,
    },
    git_candidate::{file_of, folder_id, state, unreadable},
    shape::join,
};
use bytes::Bytes;
use configbus_gitstore::CandidateView;
use configbus_model::{EntryMode, ErrorKind, ObjectId, TreeId, blob_id};
use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    fs, io,
    ops::ControlFlow,
    os::unix::{ffi::OsStrExt as _, fs::MetadataExt as _},
    path::{Path, PathBuf},
};

const SUBMODULE: u32 = 0o160_000;

/// Why a working copy could not be checked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WorkingCopyError {
    /// There is nothing, or something else.
    #[error("{dir} is not a directory")]
    NotADirectory {
        /// What was named.
        dir: PathBuf,
    },
    /// The disk fails, or a file may not be read.
    #[error("failed to read {path}")]
    Read {
        /// Which.
        path: PathBuf,
        /// Cause.
        source: io::Error,
    },
    /// A file could not be read while it was being checked.
    #[error(transparent)]
    Candidate(#[from] CandidateError),
}

impl WorkingCopyError {
    /// Returns the kind of failure.
    pub const fn kind(&self) -> ErrorKind {
        match self {
            Self::NotADirectory { .. } => ErrorKind::NotFound,
            Self::Read { .. } => ErrorKind::Internal,
            Self::Candidate(error) => error.kind(),
        }
    }
}

impl Gate {
    /// Checks every file below a directory and tells how far it has come.
    pub fn check_working_copy(
        &self,
        dir: &Path,
        context: &Context<'_>,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Report, WorkingCopyError> {
        let candidate = WorkingCopy::scan(dir)?;
        Ok(self.check_with_progress(&candidate, context, progress)?)
    }

    /// Does the same as if the principal of the context proposed what differs from the commit that is checked out: their role,
    /// owners and rules about them count as well.
    pub fn check_proposal(
        &self,
        dir: &Path,
        context: &Context<'_>,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Report, WorkingCopyError> {
        let mut candidate = WorkingCopy::scan(dir)?;
        candidate.find_unchanged()?;
        Ok(self.check_with_progress(&candidate, context, progress)?)
    }
}

/// Names and sizes of everything below a directory.
struct WorkingCopy {
    root: PathBuf,
    directories: Vec<Directory>,
    files: Vec<LandingFile>,
    base: Option<Base>,
}

/// The commit that is checked out.
struct Base {
    view: CandidateView,
    tree: TreeId,
    files: BTreeMap<String, FileState>,
}

impl Base {
    /// Opens it if there is one. A commit that no host could take is none to compare with.
    fn open(root: &Path) -> Result<Option<Self>, CandidateError> {
        let opened = CandidateView::open_work_tree(root).map_err(|error| unreadable("HEAD", error))?;
        let Some((view, tree)) = opened else { return Ok(None) };
        match view.files(tree, &|_| true) {
            Ok(files) => {
                let files = files.iter().map(|entry| (entry.path.as_str().to_owned(), state(entry))).collect();
                Ok(Some(Self { view, tree, files }))
            }
            Err(error) if error.kind() == ErrorKind::Rejected => Ok(None),
            Err(error) => Err(unreadable("HEAD", error)),
        }
    }
}

struct Directory {
    path: String,
    entries: Vec<(OsString, u32)>,
}

impl WorkingCopy {
    fn scan(root: &Path) -> Result<Self, WorkingCopyError> {
        if !root.is_dir() {
            return Err(WorkingCopyError::NotADirectory { dir: root.to_owned() });
        }
        let mut copy =
            Self { root: root.to_owned(), directories: Vec::new(), files: Vec::new(), base: Base::open(root)? };
        let mut waiting = vec![String::new()];
        while let Some(path) = waiting.pop() {
            copy.scan_directory(path, &mut waiting)?;
        }
        copy.files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(copy)
    }

    /// Gives files that are as the commit has them its ids.
    fn find_unchanged(&mut self) -> Result<(), WorkingCopyError> {
        let Some(base) = &self.base else { return Ok(()) };
        for file in &mut self.files {
            let Some(before) = base.files.get(&file.path) else { continue };
            // Only what has the size and the mode of before is worth reading.
            if (before.mode, before.size_bytes) != (file.state.mode, file.state.size_bytes) {
                continue;
            }
            let path = self.root.join(&file.path);
            let failed = |source| WorkingCopyError::Read { path: path.clone(), source };
            let content = fs::read(&path).map_err(failed)?;
            let id = blob_id(&content).map_err(|error| CandidateError::read(&file.path, error))?;
            if id.object_id() == before.id {
                file.state.id = before.id;
            }
        }
        Ok(())
    }

    fn scan_directory(&mut self, path: String, waiting: &mut Vec<String>) -> Result<(), WorkingCopyError> {
        let on_disk = self.root.join(&path);
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| WorkingCopyError::Read { path, source }
        };
        let mut entries = Vec::new();
        for entry in fs::read_dir(&on_disk).map_err(failed(&on_disk))? {
            let entry = entry.map_err(failed(&on_disk))?;
            if path.is_empty() && entry.file_name() == ".git" {
                continue;
            }
            let metadata = entry.metadata().map_err(failed(&entry.path()))?;
            let mode = mode_of(&metadata, &entry.path());
            if let Some(name) = entry.file_name().to_str() {
                self.note(join(&path, name), mode, metadata.len(), waiting);
            }
            entries.push((entry.file_name(), mode));
        }
        entries.sort();
        self.directories.push(Directory { path, entries });
        Ok(())
    }

    fn note(&mut self, path: String, mode: u32, size_bytes: u64, waiting: &mut Vec<String>) {
        match mode {
            0o040_000 => waiting.push(path),
            _ => {
                if let Some(mode) = EntryMode::from_git(mode) {
                    self.files.push(LandingFile { path, state: FileState { id: ObjectId::ZERO, mode, size_bytes } });
                }
            }
        }
    }
}

/// Returns the mode Git would give an entry.
fn mode_of(metadata: &fs::Metadata, path: &Path) -> u32 {
    let mode = metadata.mode();
    match mode & 0o170_000 {
        0o040_000 if path.join(".git").symlink_metadata().is_ok() => SUBMODULE,
        0o100_000 if mode & 0o100 != 0 => 0o100_755,
        0o100_000 => 0o100_644,
        kind => kind,
    }
}

impl Candidate for WorkingCopy {
    fn new_objects(&self, visit: &mut dyn FnMut(NewObject<'_>) -> ControlFlow<()>) -> Result<(), CandidateError> {
        for directory in &self.directories {
            let entries = directory.entries.iter().map(|(name, mode)| RawEntry { name: name.as_bytes(), mode: *mode });
            let entries: Vec<_> = entries.collect();
            if visit(NewObject::Directory { path: &directory.path, entries: &entries }).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn changes(&self) -> Result<Vec<FileChange>, CandidateError> {
        let before = |path: &String| self.base.as_ref().and_then(|base| base.files.get(path).copied());
        let there = self.files.iter().map(|file| (file.path.clone(), Some(file.state)));
        let mut after: BTreeMap<_, _> = there.collect();
        for path in self.base.iter().flat_map(|base| base.files.keys()) {
            after.entry(path.clone()).or_insert(None);
        }
        Ok(after.into_iter().map(|(path, after)| FileChange { before: before(&path), path, after }).collect())
    }

    fn content(&self, file: &LandingFile) -> Result<Bytes, CandidateError> {
        let content = fs::read(self.root.join(&file.path));
        content.map(Bytes::from).map_err(|error| CandidateError::read(&file.path, error))
    }

    fn base_file(&self, path: &str) -> Result<Option<FoundFile>, CandidateError> {
        self.base.as_ref().map_or(Ok(None), |base| file_of(&base.view, Some(base.tree), path))
    }

    fn landing_file(&self, path: &str) -> Result<Option<FoundFile>, CandidateError> {
        let Ok(at) = self.files.binary_search_by(|file| file.path.as_str().cmp(path)) else { return Ok(None) };
        let content = self.content(&self.files[at])?;
        let id = blob_id(&content).map_err(|error| CandidateError::read(path, error))?;
        Ok(Some(FoundFile { id: id.object_id(), content }))
    }

    fn policy_ids(&self) -> Result<PolicyIds, CandidateError> {
        let base = self.base.as_ref().map_or(Ok(None), |base| folder_id(&base.view, Some(base.tree)))?;
        Ok(PolicyIds { base, landing: None })
    }

    fn landing_files(&self, wanted: &dyn Fn(&str) -> bool) -> Result<Vec<LandingFile>, CandidateError> {
        Ok(self.files.iter().filter(|file| wanted(&file.path)).cloned().collect())
    }

    fn changed_directories(&self, visit: &mut dyn FnMut(&str, &[&str])) -> Result<(), CandidateError> {
        for directory in &self.directories {
            let names = directory.entries.iter().map(|(name, _)| name.as_os_str());
            visit(&directory.path, &names.filter_map(OsStr::to_str).collect::<Vec<_>>());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{GateSettings, Rule};
    use configbus_model::{Namespace, Principal};
    use std::os::unix::{ffi::OsStringExt as _, fs::symlink};

    fn check(dir: &Path, settings: GateSettings) -> Result<Report, WorkingCopyError> {
        let context = Context {
            principal: &Principal::open(),
            namespace: &Namespace::main(),
            now_ms: 0,
            mounts: crate::Mounts::default(),
        };
        Gate::new(settings).unwrap().check_working_copy(dir, &context, &mut |_| {})
    }

    fn check_found(fill: impl FnOnce(&Path)) -> Vec<(String, Rule)> {
        let folder = tempfile::tempdir().unwrap();
        fill(folder.path());
        let settings = GateSettings { file_size_bytes_max: 1_000, ..GateSettings::default() };
        let report = check(folder.path(), settings).unwrap();
        report.findings.into_iter().map(|finding| (finding.path, finding.rule)).collect()
    }

    fn write(dir: &Path, path: &str, content: &str) {
        let path = dir.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    #[test]
    fn what_a_push_would_refuse_is_found_on_disk() {
        let found = check_found(|dir| {
            symlink("nowhere", dir.join("link")).unwrap();
            write(dir, "module/.git/HEAD", "ref: x");
            write(dir, "module/inner.json", "{");
            write(dir, ".hidden/big", &"x".repeat(1_001));
            write(dir, ".configbus/rollout.yaml", "");
            write(dir, "A/x", "");
            write(dir, "a/y", "");
            fs::write(dir.join(OsString::from_vec(b"bad\xff".to_vec())), "").unwrap();
        });
        let expected = [
            (".configbus/rollout.yaml", Rule::UnsupportedPolicy),
            (".hidden/big", Rule::FileSize),
            ("a", Rule::Twins),
            ("bad\u{fffd}", Rule::Name),
            ("link", Rule::Symlink),
            ("module", Rule::Submodule),
        ];
        let found: Vec<_> = found.iter().map(|(path, rule)| (&**path, *rule)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn the_repository_itself_is_left_out() {
        assert_eq!(check_found(|dir| write(dir, ".git/config", &"x".repeat(2_000))), []);
        assert_eq!(check_found(|dir| write(dir, ".git", "gitdir: /elsewhere")), []);
    }

    #[test]
    fn something_else_than_a_directory_is_named() {
        let error = check(Path::new("/dev/null"), GateSettings::default()).unwrap_err();
        assert_eq!((error.to_string().as_str(), error.kind()), ("/dev/null is not a directory", ErrorKind::NotFound));
    }

    fn git(dir: &Path, arguments: &[&str]) {
        let mut git = std::process::Command::new("git");
        git.args(["-c", "user.name=bob", "-c", "user.email=bob@example.org"]).args(arguments);
        git.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1").current_dir(dir);
        assert!(git.status().unwrap().success(), "git {arguments:?}");
    }

    #[test]
    fn a_proposal_is_held_to_the_owners_of_what_it_changes() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path();
        git(dir, &["init", "-q"]);
        write(dir, ".configbus/owners", "/pay/ ada @pay\n/.configbus/owners ada\n");
        write(dir, ".configbus/teams.yaml", "pay: [\"group:payments\"]\n");
        for path in ["pay/limits.json", "pay/kept.json", "free.json"] {
            write(dir, path, "1");
        }
        git(dir, &["add", "-A"]);
        git(dir, &["commit", "-q", "-m", "first"]);
        write(dir, "pay/limits.json", "2");
        write(dir, "free.json", "2");
        let refused = |name: &str, role: &str, groups: &[&str]| {
            let roles = [role.parse().unwrap()].into_iter().collect();
            let groups = groups.iter().map(|group| group.parse().unwrap()).collect();
            let principal = Principal { name: name.parse().unwrap(), roles, groups };
            let context = Context {
                principal: &principal,
                namespace: &Namespace::main(),
                now_ms: 0,
                mounts: crate::Mounts::default(),
            };
            let gate = Gate::new(GateSettings { file_size_bytes_max: 1_000, ..GateSettings::default() }).unwrap();
            let report = gate.check_proposal(dir, &context, &mut |_| {}).unwrap();
            report.findings.into_iter().map(|finding| (finding.path, finding.rule)).collect::<Vec<_>>()
        };
        let limits = || ("pay/limits.json".to_owned(), Rule::NotOwner);
        assert_eq!(refused("ada", "writer", &[]), []);
        assert_eq!(refused("bob", "writer", &[]), [limits()]);
        assert_eq!(refused("bob", "writer", &["payments"]), []);
        assert_eq!(refused("bob", "admin", &[]), []);
        // Whom the owners name is judged by what was in force before, not by what the change would make of it.
        write(dir, ".configbus/owners", "/pay/ bob\n/.configbus/owners bob\n");
        let both = [(".configbus/owners".to_owned(), Rule::NotOwner), limits()];
        assert_eq!(refused("bob", "writer", &[]), both);
        assert_eq!(refused("bob", "reader", &[]), [(".configbus/owners".to_owned(), Rule::NotWriter)]);
        assert_eq!(check(dir, GateSettings::default()).unwrap().findings, []);
    }

    #[test]
    fn the_commit_that_is_checked_out_is_the_base() {
        let folder = tempfile::tempdir().unwrap();
        let git = |arguments: &[&str]| git(folder.path(), arguments);
        git(&["init", "-q"]);
        write(folder.path(), "new", "new");
        let described = || {
            let copy = WorkingCopy::scan(folder.path()).unwrap();
            let changes = copy.changes().unwrap();
            let described =
                changes.iter().map(|change| (change.path.clone(), change.before.is_some(), change.after.is_some()));
            (described.collect::<Vec<_>>(), copy.base_file("kept").unwrap().map(|file| file.content))
        };
        assert_eq!(described(), (vec![("new".into(), false, true)], None));
        write(folder.path(), "gone", "gone");
        write(folder.path(), "kept", "before");
        git(&["add", "gone", "kept"]);
        git(&["commit", "-q", "-m", "first"]);
        write(folder.path(), "kept", "after");
        fs::remove_file(folder.path().join("gone")).unwrap();
        let expected = [("gone".into(), true, false), ("kept".into(), true, true), ("new".into(), false, true)];
        assert_eq!(described(), (expected.to_vec(), Some("before".into())));
    }
}

//! Pushes of objects that no Git client would make.
//!
//! An input is objects one after the other, with `0xff` between them. The first byte of each is its kind (`b`, `t`, `c`, `g` for
//! blob, tree, commit and tag), the others its content, in which `0x01` and a digit stand for the twenty bytes of another
//! object's id and `0x02` and a digit for the forty digits of it: `0`, `1` and `2` are commit, directory and first file of the
//! head, `3` is the first object of the push. So a change of one byte is a change of what refers to what, and ids are right by
//! themselves.

use crate::{
    CandidateView, CommitMeta, EditLanding, HeadCommit, ObjectKind, Person, Quarantine, RepositorySettings, Store,
    TreeChange, TreeEdit,
    disk::{hash::object_id, pack::PackBuilder},
};
use bytes::Bytes;
use configbus_model::{ConfigPath, ObjectId};
use std::{
    fs,
    path::PathBuf,
    sync::atomic::{AtomicU64, Ordering},
};

/// Objects of one push.
const OBJECTS_MAX: usize = 40;

/// One object of a push.
struct Object {
    kind: ObjectKind,
    id: ObjectId,
    content: Bytes,
}

/// A repository that is pushed to and never changes.
pub struct Pushes {
    store: Store,
    head: HeadCommit,
    known: Vec<ObjectId>,
    _folder: tempfile::TempDir,
}

/// One push in quarantine, which goes with it.
pub struct Push {
    /// Reads the repository together with what was pushed.
    pub view: CandidateView,
    /// What was pushed, the objects in the order of the input.
    pub ids: Vec<ObjectId>,
    /// The last commit, or else the last object.
    pub tip: ObjectId,
    folder: PathBuf,
}

impl Drop for Push {
    fn drop(&mut self) {
        // What stays behind goes with the folder of the repository.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl Pushes {
    /// Makes a repository whose head has these files.
    ///
    /// # Panics
    ///
    /// When the temporary folder cannot be written.
    pub fn onto(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store = Store::create(&folder.path().join("main.git"), &RepositorySettings::default());
        let store = store.expect("a repository");
        let edits: Vec<_> = files.iter().map(|(path, content)| put(path, content)).collect();
        let person = || Person { name: "ann".into(), email: "ann@example.org".into() };
        let meta = CommitMeta { author: person(), committer: person(), time_ms: 1_000, message: "first".into() };
        let landing = store.land_edits(None, &edits, &meta).expect("edits land");
        let EditLanding::Landed { commit, .. } = landing else { panic!("a repository begins with files") };
        let head = store.move_head(None, commit, 1_000).expect("the head moves");
        let blob = object_id("blob", files[0].1.as_bytes()).expect("an honest file");
        let known = vec![head.commit.into(), head.tree.into(), blob];
        Self { store, head, known, _folder: folder }
    }

    /// Returns what is pushed to.
    pub fn head(&self) -> &HeadCommit {
        &self.head
    }

    /// Returns whether an object was there before anything was pushed.
    pub fn has(&self, id: ObjectId) -> bool {
        self.store.open_candidate().is_ok_and(|view| view.kind_of(id).is_ok())
    }

    /// Puts the objects of an input into quarantine, as Git does before it asks a hook; `None` when it names none.
    ///
    /// # Panics
    ///
    /// When the quarantine cannot be written or opened.
    pub fn push(&self, input: &[u8]) -> Option<Push> {
        let objects = self.objects(input);
        let ids: Vec<ObjectId> = objects.iter().map(|object| object.id).collect();
        let last_commit = objects.iter().rev().find(|object| object.kind == ObjectKind::Commit).map(|object| object.id);
        let tip = last_commit.or(ids.last().copied())?;
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        let objects_dir = self.store.dir().join("objects");
        let folder = objects_dir.join(format!("tmp_objdir-incoming-{}", COUNTER.fetch_add(1, Ordering::Relaxed)));
        fs::create_dir_all(folder.join("pack")).expect("a quarantine");
        let mut pack = PackBuilder::new();
        for object in &objects {
            pack.put(object.kind, object.id, &object.content).expect("memory takes all writes");
        }
        let encoded = pack.finish().expect("memory takes all writes");
        for (kind, content) in [("pack", &encoded.pack), ("idx", &encoded.index)] {
            let path = folder.join(format!("pack/pack-{}.{kind}", encoded.name));
            fs::write(path, content).expect("a quarantine takes a pack");
        }
        let quarantine = Quarantine { object_dir: folder.clone(), alternates: vec![objects_dir] };
        let view = self.store.open_quarantined(&quarantine).expect("the quarantine opens");
        Some(Push { view, ids, tip, folder })
    }

    fn objects(&self, input: &[u8]) -> Vec<Object> {
        let mut ids = self.known.clone();
        let mut objects = Vec::new();
        for written in input.split(|byte| *byte == 0xff).take(OBJECTS_MAX) {
            let Some((kind, content)) = written.split_first() else { continue };
            let kind = match kind {
                b'b' => ObjectKind::Blob,
                b't' => ObjectKind::Tree,
                b'c' => ObjectKind::Commit,
                b'g' => ObjectKind::Tag,
                _ => continue,
            };
            let content = Bytes::from(with_ids(content, &ids));
            // What collides is refused before there is an id.
            let Ok(id) = object_id(kind.as_git(), &content) else { continue };
            ids.push(id);
            objects.push(Object { kind, id, content });
        }
        objects
    }
}

fn put(path: &str, content: &str) -> TreeEdit {
    let content = Bytes::copy_from_slice(content.as_bytes());
    TreeEdit { path: ConfigPath::parse(path).expect("a path"), change: TreeChange::Put { mode: None, content } }
}

fn with_ids(content: &[u8], ids: &[ObjectId]) -> Vec<u8> {
    let (mut out, mut bytes) = (Vec::with_capacity(content.len()), content.iter());
    while let Some(&byte) = bytes.next() {
        if !matches!(byte, 1 | 2) {
            out.push(byte);
            continue;
        }
        let digit = bytes.next().copied().unwrap_or_default();
        let id = ids.get(usize::from(digit.wrapping_sub(b'0'))).copied().unwrap_or(ObjectId::ZERO);
        match byte {
            1 => out.extend(id.as_bytes()),
            _ => out.extend(id.to_string().bytes()),
        }
    }
    out
}

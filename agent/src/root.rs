//! Names of everything in an agent's root folder.
//!
//! The folder itself is watched by every client library on the host, so only `current` and `state.json` are ever
//! renamed into it; whatever is being made is made in `tmp/`.

use configbus_model::{BlobId, TreeId, ViewName};
use std::path::{Path, PathBuf};

/// The folder an agent keeps its revisions in; see the design's section 8 for the layout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root {
    path: PathBuf,
}

impl Root {
    /// Names a root; nothing is created.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Returns the folder itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the symlink to the view that readers see.
    pub fn current(&self) -> PathBuf {
        self.path.join("current")
    }

    /// Returns the folder of a view.
    pub fn view(&self, view: &ViewName) -> PathBuf {
        self.views().join(view.to_string())
    }

    /// Returns the record beside a view.
    pub fn record(&self, view: &ViewName) -> PathBuf {
        self.views().join(format!("{view}.json"))
    }

    /// Returns what `current` points to when it shows a view.
    pub(crate) fn link_target(view: &ViewName) -> PathBuf {
        Path::new("views").join(view.to_string())
    }

    /// Returns the file that holds a blob's content.
    pub(crate) fn blob(&self, id: BlobId, executable: bool) -> PathBuf {
        self.blobs().join(if executable { format!("{id}.x") } else { id.to_string() })
    }

    /// Returns the shared directory of a tree, in the layout `linked`.
    pub(crate) fn tree(&self, id: TreeId) -> PathBuf {
        self.trees().join(id.to_string())
    }

    pub(crate) fn views(&self) -> PathBuf {
        self.path.join("views")
    }

    pub(crate) fn blobs(&self) -> PathBuf {
        self.path.join("blobs")
    }

    pub(crate) fn trees(&self) -> PathBuf {
        self.path.join("trees")
    }

    pub(crate) fn trash(&self) -> PathBuf {
        self.path.join("trash")
    }

    pub(crate) fn tmp(&self) -> PathBuf {
        self.path.join("tmp")
    }

    pub(crate) fn standby(&self) -> PathBuf {
        self.tmp().join("standby")
    }

    /// Returns the folder of what was delivered to fixed places.
    pub(crate) fn deliver(&self) -> PathBuf {
        self.path.join("deliver")
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.path.join("state.json")
    }

    pub(crate) fn lock(&self) -> PathBuf {
        self.path.join("agent.lock")
    }

    /// Returns the socket for reports of client libraries.
    pub fn agent_socket(&self) -> PathBuf {
        self.path.join("agent.sock")
    }

    /// Returns the socket of the agent's HTTP.
    pub fn http_socket(&self) -> PathBuf {
        self.path.join("http.sock")
    }

    /// Returns the folders inside the root.
    pub(crate) fn folders(&self) -> [PathBuf; 6] {
        [self.views(), self.blobs(), self.trees(), self.trash(), self.tmp(), self.standby()]
    }
}

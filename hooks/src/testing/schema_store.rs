//! Real input: configuration files of the SchemaStore project with the schemas that they satisfy or violate.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};
use tempfile::TempDir;

/// Files by path, in order.
pub type NamedFiles = Vec<(String, Vec<u8>)>;

/// The archive `schemastore.tar.xz`, unpacked: 249 schemas, 811 files that satisfy them and 434 that do not.
#[derive(Debug)]
pub struct SchemaStore {
    unpacked: TempDir,
}

impl SchemaStore {
    /// Where the policy of [`Self::policy`] belongs.
    pub const POLICY: &str = ".configbus/schemas.yaml";

    /// Unpacks the archive.
    ///
    /// # Panics
    /// Panics when it is not at hand or cannot be unpacked.
    pub fn unpack() -> Self {
        let archive = archive();
        Self::find().unwrap_or_else(|| {
            panic!("{} is missing; name its folder with CONFIGBUS_TEST_DATA", archive.display());
        })
    }

    /// Unpacks the archive, which lies in the folder that `CONFIGBUS_TEST_DATA` names, else in `../shared/data` beside the
    /// workspace; `None` when it is not there.
    ///
    /// # Panics
    /// Panics when it cannot be unpacked.
    pub fn find() -> Option<Self> {
        let archive = archive();
        if !archive.is_file() {
            return None;
        }
        let unpacked = TempDir::with_prefix("corpus-").expect("a temporary folder can be made");
        let status = Command::new("tar").arg("xJf").arg(archive).arg("-C").arg(unpacked.path()).status();
        assert!(status.expect("tar is installed").success(), "tar failed");
        Some(Self { unpacked })
    }

    /// Returns the folder with `schemas/`, `valid/` and `invalid/`.
    pub fn folder(&self) -> PathBuf {
        self.unpacked.path().join("schemastore")
    }

    /// Returns the schemas.
    pub fn schemas(&self) -> NamedFiles {
        self.files("schemas")
    }

    /// Returns the files that satisfy their schemas.
    pub fn valid(&self) -> NamedFiles {
        self.files("valid")
    }

    /// Returns the files that violate their schemas, and nothing else.
    pub fn invalid(&self) -> NamedFiles {
        self.files("invalid")
    }

    /// Returns one `schemas.yaml` for all: every folder of files has the name of its schema.
    pub fn policy(&self) -> String {
        let name = |path: &str| path.trim_start_matches("schemas/").trim_end_matches(".json").to_owned();
        let names = self.schemas().into_iter().map(|(path, _)| name(&path));
        names.map(|name| format!("- {{files: '*valid/{name}/', schema: schemas/{name}.json}}\n")).collect()
    }

    fn files(&self, part: &str) -> NamedFiles {
        let (root, mut paths) = (self.folder(), Vec::new());
        files_below(&root.join(part), &mut paths);
        paths.sort();
        let file = |path: PathBuf| {
            let name = path.strip_prefix(&root).expect("it is below").to_str().expect("names are text").to_owned();
            (name, fs::read(path).expect("the file can be read"))
        };
        paths.into_iter().map(file).collect()
    }
}

fn archive() -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate is in a workspace");
    let folder = env::var_os("CONFIGBUS_TEST_DATA").map_or_else(|| workspace.join("../shared/data"), PathBuf::from);
    folder.join("schemastore.tar.xz")
}

fn files_below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("the folder can be read").path();
        if path.is_dir() { files_below(&path, found) } else { found.push(path) }
    }
}

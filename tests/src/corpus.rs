//! The real input: configuration files and schemas of the SchemaStore project.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};
use tempfile::TempDir;

/// Size of the largest file that is generated without the archive, like the largest one in it.
const LARGE_BYTES: usize = 2_700_000;

/// What is pushed: the archive's files, or as many generated ones where the archive is not at hand.
#[derive(Debug)]
pub struct Corpus {
    unpacked: Option<TempDir>,
}

impl Corpus {
    /// Unpacks `schemastore.tar.xz`, which lies in `CONFIGBUS_TEST_DATA` or in `shared/data` beside the workspace.
    pub fn open() -> Self {
        let archive = folder().join("schemastore.tar.xz");
        if !archive.is_file() {
            eprintln!("{} is missing: testing on generated files (set CONFIGBUS_TEST_DATA)", archive.display());
            return Self { unpacked: None };
        }
        let folder = TempDir::with_prefix("corpus-").expect("a temporary folder can be made");
        let status = Command::new("tar").arg("xJf").arg(&archive).arg("-C").arg(folder.path()).status();
        assert!(status.expect("tar can be started").success(), "unpacking failed");
        Self { unpacked: Some(folder) }
    }

    /// Writes `schemas/` and `valid/` to a folder and returns how many files that are.
    pub fn copy_valid_to(&self, to: &Path) -> usize {
        match &self.unpacked {
            Some(folder) => {
                for part in ["schemas", "valid"] {
                    copy_tree(&folder.path().join("schemastore").join(part), &to.join(part));
                }
            }
            None => generate(to),
        }
        files_below(to).len()
    }
}

fn generate(to: &Path) {
    for number in 0..1_060_usize {
        let (folder, text) = match number % 3 {
            0 => ("schemas", format!("{{\"title\": \"schema {number}\"}}\n")),
            1 => ("valid/yaml ü", format!("name: n{number}\nlist: [1, 2]\n")),
            _ => ("valid/json", format!("{{\"n\": {number}, \"pad\": \"{}\"}}\n", "x".repeat(number * 8))),
        };
        let extension = if folder.contains("yaml") { "yaml" } else { "json" };
        let file = to.join(folder).join(format!("{number}.{extension}"));
        fs::create_dir_all(file.parent().expect("a file lies in a folder")).expect("folders can be made");
        fs::write(file, text).expect("a file can be written");
    }
    fs::write(to.join("valid/json/large.json"), format!("\"{}\"", "y".repeat(LARGE_BYTES)))
        .expect("a file can be written");
}

fn folder() -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this package lies in the workspace");
    env::var_os("CONFIGBUS_TEST_DATA").map_or_else(|| workspace.join("../shared/data"), PathBuf::from)
}

fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder can be made");
    for entry in fs::read_dir(from).expect("a folder can be listed") {
        let entry = entry.expect("a folder can be listed");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("an entry has a type").is_dir() {
            copy_tree(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("a file can be copied");
        }
    }
}

/// Returns every file below a folder with its content, by relative path.
pub fn files_below(root: &Path) -> std::collections::BTreeMap<String, Vec<u8>> {
    let mut files = std::collections::BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder can be listed") {
            let path = entry.expect("a folder can be listed").path();
            if path.is_dir() {
                if !path.ends_with(".git") {
                    folders.push(path);
                }
            } else {
                let name = path.strip_prefix(root).expect("it lies below").to_string_lossy().into_owned();
                files.insert(name, fs::read(&path).expect("a file can be read"));
            }
        }
    }
    files
}

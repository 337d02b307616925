//! The real input: configuration files and schemas of the SchemaStore project.

use configbus_hooks::testing::SchemaStore;
use std::{fs, path::Path};

/// Size of the largest file that is generated without the archive, like the largest one in it.
const LARGE_BYTES: usize = 2_700_000;

/// What is pushed: the archive's files, or as many generated ones where the archive is not at hand.
#[derive(Debug)]
pub struct Corpus {
    unpacked: Option<SchemaStore>,
}

impl Corpus {
    /// Unpacks the archive, where it is at hand.
    pub fn open() -> Self {
        let unpacked = SchemaStore::find();
        if unpacked.is_none() {
            eprintln!("schemastore.tar.xz is missing: testing on generated files (set CONFIGBUS_TEST_DATA)");
        }
        Self { unpacked }
    }

    /// Writes `schemas/` and `valid/` to a folder and returns how many files that are.
    pub fn copy_valid_to(&self, to: &Path) -> usize {
        match &self.unpacked {
            Some(store) => {
                for part in ["schemas", "valid"] {
                    copy_tree(&store.folder().join(part), &to.join(part));
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

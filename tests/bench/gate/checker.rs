//! Programs that hold files in a folder to schemas.

use super::files;
use anyhow::ensure;
use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
};

/// Where `check-jsonschema` is, if it is not in `PATH`.
const VARIABLE: &str = "CHECK_JSONSCHEMA";

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Checker {
    /// `check-jsonschema`, once for each schema, as its users run it.
    CheckJsonschema,
    /// The gate itself on a folder, in a process that starts with nothing warm.
    Validate,
}

impl Checker {
    pub(crate) const ALL: [Self; 2] = [Self::CheckJsonschema, Self::Validate];

    /// Returns what it is called in tables.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::CheckJsonschema => "check-jsonschema, a run for each of 20 schemas",
            Self::Validate => "configbus validate",
        }
    }

    /// Returns what to do when it is not there.
    pub(crate) fn remedy(self) -> &'static str {
        match self {
            Self::CheckJsonschema => "pip install check-jsonschema, or name the program in CHECK_JSONSCHEMA",
            Self::Validate => "build configbus",
        }
    }

    /// Returns the program, if it is there.
    pub(crate) fn find(self) -> Option<PathBuf> {
        match self {
            Self::CheckJsonschema => env::var_os(VARIABLE).map(PathBuf::from).or_else(|| in_path("check-jsonschema")),
            Self::Validate => Some(configbus_tests::binary::configbus().to_owned()),
        }
    }

    /// Holds all files to their schemas.
    pub(crate) fn check(self, program: &Path, folder: &Path) -> anyhow::Result<()> {
        let mut runs: Vec<Vec<String>> = Vec::new();
        match self {
            Self::Validate => runs.push(vec!["validate".into(), ".".into()]),
            Self::CheckJsonschema => runs.extend(files::by_schema().map(|(schema, mut files)| {
                files.splice(0..0, ["--schemafile".to_owned(), schema]);
                files
            })),
        }
        for arguments in runs {
            let output = Command::new(program).args(&arguments).current_dir(folder).output()?;
            let text = String::from_utf8_lossy(&output.stdout);
            ensure!(
                output.status.success(),
                "{}: {text}{}",
                program.display(),
                String::from_utf8_lossy(&output.stderr)
            );
        }
        Ok(())
    }
}

fn in_path(name: &str) -> Option<PathBuf> {
    let folders: OsString = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&folders).map(|folder| folder.join(name)).find(|program| program.is_file())
}

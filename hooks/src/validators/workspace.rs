//! The directory a validator gets: `files/`, `manifest.json`, and `tmp/` to write to. Gone when the run is over.

use super::{Scope, ValidatorSettings, manifest::Manifest};
use crate::{
    Context, GateSettings,
    candidate::{Candidate, CandidateError, FileChange, LandingFile, wanted_files},
    glob::PathGlob,
};
use configbus_model::{ConfigPath, EntryMode};
use std::{
    fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

/// What is asked of one validator about one candidate.
pub(super) struct Workspace {
    folder: tempfile::TempDir,
}

/// More than the validator takes.
#[derive(Debug)]
pub(super) struct TooMuch {
    pub(super) what: &'static str,
    pub(super) key: &'static str,
    pub(super) found: u64,
    pub(super) max: u64,
}

impl Workspace {
    /// Lays the files out.
    pub(super) fn lay_out(
        settings: &ValidatorSettings,
        globs: &[PathGlob],
        candidate: &dyn Candidate,
        occasion: (&Context<'_>, &GateSettings),
        changes: &[&FileChange],
    ) -> Result<Result<Self, TooMuch>, CandidateError> {
        let (context, gate) = occasion;
        let files = match settings.scope {
            Scope::Changed => changes.iter().filter_map(|change| (*change).clone().into_landing()).collect(),
            Scope::All => wanted_files(candidate, gate, &|path| globs.iter().any(|glob| glob.matches(path)))?,
        };
        if let Some(too_much) = excess(settings, &files) {
            return Ok(Err(too_much));
        }
        let failed = |source: io::Error| CandidateError::read("the files for a validator", source);
        let workspace = Self { folder: tempfile::Builder::new().prefix("configbus-").tempdir().map_err(failed)? };
        let manifest = Manifest::new(&settings.name, context, changes);
        workspace.write_frame_files(&manifest).map_err(failed)?;
        for file in &files {
            let content = candidate.content(file)?;
            workspace.write_file(file, &content).map_err(failed)?;
        }
        Ok(Ok(workspace))
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Returns where the validator finds what it needs.
    pub(super) fn environment(&self) -> Vec<(String, PathBuf)> {
        let at = |name: &str| self.path().join(name);
        let variables = [
            ("CONFIGBUS_FILES", at("files")),
            ("CONFIGBUS_MANIFEST", at("manifest.json")),
            ("HOME", at("tmp")),
            ("TMPDIR", at("tmp")),
        ];
        variables.map(|(name, path)| (name.to_owned(), path)).to_vec()
    }

    fn write_frame_files(&self, manifest: &Manifest<'_>) -> io::Result<()> {
        fs::create_dir(self.path().join("files"))?;
        fs::create_dir(self.path().join("tmp"))?;
        fs::write(self.path().join("manifest.json"), serde_json::to_vec_pretty(manifest)?)
    }

    fn write_file(&self, file: &LandingFile, content: &[u8]) -> io::Result<()> {
        // Names were checked before; a path that leaves the folder must not be written even if that was forgotten.
        let path = ConfigPath::parse(&file.path).map_err(io::Error::other)?;
        let place = self.path().join("files").join(path.as_str());
        if let Some(directory) = place.parent() {
            fs::create_dir_all(directory)?;
        }
        fs::write(&place, content)?;
        let mode = if file.state.mode == EntryMode::Executable { 0o755 } else { 0o644 };
        fs::set_permissions(&place, fs::Permissions::from_mode(mode))
    }
}

fn excess(settings: &ValidatorSettings, files: &[LandingFile]) -> Option<TooMuch> {
    let size: u64 = files.iter().map(|file| file.state.size_bytes).sum();
    let bounds = [
        ("files", "files_max", files.len() as u64, settings.files_max as u64),
        ("bytes", "files_bytes_max", size, settings.files_bytes_max),
    ];
    let over = bounds.into_iter().find(|(_, _, found, max)| found > max);
    over.map(|(what, key, found, max)| TooMuch { what, key, found, max })
}

//! Making a bare repository and telling it what it may accept.
//!
//! The settings are written into the repository's own configuration, so that they hold for Git started by anybody, and
//! the ones that matter most are passed to our own children again (see `git::command`).

use crate::{
    OpenError, RepositorySettings,
    disk::{durable, libgit2},
};
use git2::{Config, RepositoryInitOptions};
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Single values. Two groups: what survives a power cut, and who may do what.
const CONFIG: &[(&str, &str)] = &[
    ("core.fsync", "all"),
    ("core.fsyncMethod", "fsync"),
    ("receive.unpackLimit", "1"),
    ("fetch.unpackLimit", "1"),
    ("transfer.unpackLimit", "1"),
    // Whoever joins packs has to know of it: nobody but us.
    ("gc.auto", "0"),
    ("receive.autogc", "false"),
    ("maintenance.auto", "false"),
    ("receive.fsckObjects", "true"),
    ("fetch.fsckObjects", "true"),
    ("receive.denyNonFastForwards", "true"),
    ("receive.denyDeletes", "true"),
    ("receive.shallowUpdate", "false"),
    ("receive.advertisePushOptions", "true"),
    ("transfer.hideRefs", "refs/configbus"),
    ("transfer.advertiseSID", "false"),
    ("uploadpack.allowFilter", "true"),
    ("uploadpack.allowAnySHA1InWant", "false"),
    ("uploadpack.allowTipSHA1InWant", "false"),
    ("uploadpack.allowReachableSHA1InWant", "false"),
    ("protocol.version", "2"),
    ("core.logAllRefUpdates", "false"),
];

/// The refs whose landing is decided by the proc-receive hook.
const PROC_RECEIVE: [&str; 2] = ["refs/heads/main", "refs/for/main"];

/// Makes a repository beside `dir` and renames it there once everything is synced.
pub(crate) fn create(dir: &Path, settings: &RepositorySettings) -> Result<(), OpenError> {
    if dir.exists() {
        return Err(OpenError::Exists { path: dir.to_owned() });
    }
    let failed = |source| OpenError::Io { path: dir.to_owned(), source };
    let parent = durable::parent(dir);
    durable::create_dirs(parent).map_err(failed)?;
    let temporary = tempfile::Builder::new().prefix(".new-").suffix(".git").tempdir_in(parent).map_err(failed)?;
    init(temporary.path()).map_err(|source| OpenError::Git { path: dir.to_owned(), source })?;
    apply_settings(temporary.path(), settings)?;
    durable::create_dirs(&temporary.path().join("configbus")).map_err(failed)?;
    durable::sync_tree(temporary.path()).map_err(failed)?;
    fs::rename(temporary.path(), dir).map_err(failed)?;
    // There is nothing left under the old name that would have to be removed.
    let _ = temporary.keep();
    durable::sync_dir(parent).map_err(failed)
}

fn init(dir: &Path) -> Result<(), git2::Error> {
    libgit2::init();
    let mut options = RepositoryInitOptions::new();
    options.bare(true).no_reinit(false).external_template(false).initial_head("main");
    git2::Repository::init_opts(dir, &options).map(drop)
}

/// Refuses a folder that is no bare repository.
pub(crate) fn check(dir: &Path) -> Result<(), OpenError> {
    libgit2::init();
    let looks_right = dir.join("HEAD").is_file() && dir.join("objects/pack").is_dir() && dir.join("refs").is_dir();
    let bare = looks_right && git2::Repository::open_bare(dir).is_ok_and(|repository| repository.is_bare());
    if bare { Ok(()) } else { Err(OpenError::NotARepository { path: dir.to_owned() }) }
}

/// Writes the settings where they differ.
pub(crate) fn apply_settings(dir: &Path, settings: &RepositorySettings) -> Result<(), OpenError> {
    let path = dir.join("config");
    let before = fs::read(&path).map_err(|source| OpenError::Io { path: path.clone(), source })?;
    set_all(&path, settings).map_err(|source| OpenError::Git { path: dir.to_owned(), source })?;
    let changed = fs::read(&path).is_ok_and(|after| after != before);
    let synced = if changed { sync_config(&path) } else { Ok(()) };
    synced.map_err(|source| OpenError::Io { path, source })
}

fn set_all(path: &Path, settings: &RepositorySettings) -> Result<(), git2::Error> {
    let mut config = Config::open(path)?;
    for (key, value) in CONFIG {
        set(&mut config, key, value)?;
    }
    set(&mut config, "receive.maxInputSize", &settings.push_bytes_max.to_string())?;
    set(&mut config, "core.hooksPath", &hooks_path(settings).to_string_lossy())?;
    let present = config.multivar("receive.procReceiveRefs", None).map_or(0, |mut values| {
        let mut count = 0;
        while values.next().is_some() {
            count += 1;
        }
        count
    });
    if present != PROC_RECEIVE.len() {
        for name in PROC_RECEIVE {
            config.set_multivar("receive.procReceiveRefs", &format!("^{name}$"), name)?;
        }
    }
    Ok(())
}

fn set(config: &mut Config, key: &str, value: &str) -> Result<(), git2::Error> {
    if config.get_string(key).is_ok_and(|present| present == value) { Ok(()) } else { config.set_str(key, value) }
}

fn hooks_path(settings: &RepositorySettings) -> PathBuf {
    let dir = settings.hooks_dir.as_deref().unwrap_or(Path::new("/dev/null"));
    std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned())
}

fn sync_config(path: &Path) -> io::Result<()> {
    durable::sync_file(path)?;
    durable::sync_dir(durable::parent(path))
}

#[cfg(test)]
mod tests;

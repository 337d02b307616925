//! Putting the hooks in place, taking them away, and seeing whether they are.

use super::{
    repository::Repository,
    settings::{FILE, HookSettings},
};
use crate::{
    args::HookInstallArgs,
    output::{Output, Render},
    paint::Paint,
    report::Failure,
};
use configbus_model::ErrorKind;
use serde::Serialize;
use std::{
    env, fs,
    io::{self, Write},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

/// Hooks that Git runs.
const HOOKS: [&str; 2] = ["pre-receive", "post-receive"];

/// What tells a hook of ours from everybody else's.
const MARK: &str = "# Written by `configbus hook install`; `configbus hook uninstall` takes it away.";

/// Outcome of taking the hooks away.
const GONE: &str = "uninstalled";

/// What is in place.
#[derive(Debug, Serialize)]
struct Installed {
    repository: String,
    outcome: &'static str,
    namespace: String,
    /// Absent where heads are announced elsewhere or to nobody.
    zookeeper: Option<String>,
    /// The same.
    server: Option<String>,
    /// Whether pushers are told from each other.
    knows_pushers: bool,
}

impl Render for Installed {
    fn text(&self, to: &mut dyn Write, paint: Paint) -> io::Result<()> {
        writeln!(to, "{} {}", paint.green(&format!("{}:", self.outcome)), self.repository)?;
        if self.outcome == GONE {
            return Ok(());
        }
        match (&self.zookeeper, &self.server) {
            (Some(hosts), _) => writeln!(to, "  heads of {} are announced to ZooKeeper at {hosts}", self.namespace)?,
            (None, Some(url)) => writeln!(to, "  heads of {} are announced to the server at {url}", self.namespace)?,
            (None, None) => {
                writeln!(to, "  heads are announced to nobody; set [zookeeper] connect or [server] url in {FILE}")?;
            }
        }
        if !self.knows_pushers {
            writeln!(to, "  owners hold nobody back, as nobody says who pushes; set principal_variable in {FILE}")?;
        }
        Ok(())
    }
}

pub(super) fn install(args: &HookInstallArgs, output: Output) -> Result<(), Failure> {
    let repository = Repository::open(&args.repository)?;
    let foreign = HOOKS.into_iter().find(|hook| is_foreign(&repository.path("hooks").join(hook)));
    if let Some(hook) = foreign {
        let text = format!("{} has a hook {hook} already", repository.folder().display());
        return Err(Failure::new(ErrorKind::Conflict, text)
            .with_hint("move it away, or let one of your own call `configbus hook pre-receive` and `post-receive`"));
    }
    let settings = wanted(args, &repository)?;
    settings.check()?;
    write(&repository.path(FILE), &settings.to_text()?, 0o600)?;
    let hooks = repository.path("hooks");
    fs::create_dir_all(&hooks)?;
    let program = env::current_exe()?;
    for hook in HOOKS {
        write(&hooks.join(hook), &script(&program, hook), 0o755)?;
    }
    // The repository's own setting wins over that of the user who runs Git, which could switch the gate off.
    repository.configure("core.hooksPath", &hooks.to_string_lossy())?;
    repository.configure("receive.fsckObjects", "true")?;
    repository.configure("receive.advertisePushOptions", "true")?;
    for (key, value) in bounds(settings.gate.file_size_bytes_max) {
        // Whoever runs the repository may have set more or less.
        if repository.configured(key).is_none_or(|value| value.is_empty()) {
            repository.configure(key, &value)?;
        }
    }
    output.show(&described(&repository, &settings, "installed")?)
}

pub(super) fn uninstall(folder: &Path, output: Output) -> Result<(), Failure> {
    let repository = Repository::open(folder)?;
    let hooks = repository.path("hooks");
    let settings = HookSettings::read(&repository).unwrap_or_default();
    for hook in HOOKS.map(|hook| hooks.join(hook)) {
        if hook.exists() && !is_foreign(&hook) {
            fs::remove_file(hook)?;
        }
    }
    repository.unset("core.hooksPath", &hooks.to_string_lossy())?;
    match fs::remove_file(repository.path(FILE)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    output.show(&described(&repository, &settings, GONE)?)
}

pub(super) fn check(folder: &Path, output: Output) -> Result<(), Failure> {
    let repository = Repository::open(folder)?;
    let hooks = repository.path("hooks");
    let broken = |why: String| Failure::new(ErrorKind::Internal, why).with_hint("run `configbus hook install` again");
    for hook in HOOKS {
        let path = hooks.join(hook);
        let content = fs::read_to_string(&path).map_err(|_| broken(format!("{} is missing", path.display())))?;
        let is_executable = fs::metadata(&path)?.permissions().mode() & 0o111 != 0;
        let program = content.lines().find_map(|line| line.strip_prefix("exec '")?.split('\'').next());
        if !content.contains(MARK) || !is_executable || !program.is_some_and(|program| Path::new(program).is_file()) {
            return Err(broken(format!("{} does not run this program", path.display())));
        }
    }
    let expected = hooks.to_string_lossy();
    match repository.configured("core.hooksPath") {
        Some(found) if found == expected => {}
        found => {
            let found = found.unwrap_or_else(|| "not set".to_owned());
            return Err(broken(format!(
                "core.hooksPath is {found}, expected {expected}: Git may look elsewhere for hooks"
            )));
        }
    }
    let settings = HookSettings::read(&repository)?;
    output.show(&described(&repository, &settings, "in place")?)
}

/// What Git may take to receive a push, as far as a repository can say: how long a pack is, whole files that are too large
/// passed through a small buffer, and one thread that resolves deltas, because each would hold two objects. How much memory it
/// may ask for at once only its environment can say.
fn bounds(file_bytes_max: u64) -> [(&'static str, String); 5] {
    [
        ("receive.maxInputSize", PUSH_BYTES_MAX.to_string()),
        ("receive.unpackLimit", "1".to_owned()),
        ("core.bigFileThreshold", file_bytes_max.max(FILE_BYTES_MIN).to_string()),
        ("core.deltaBaseCacheLimit", "16m".to_owned()),
        ("pack.threads", "1".to_owned()),
    ]
}

/// Largest pack of a push, as on a server.
const PUSH_BYTES_MAX: u64 = 128 << 20;

/// Files that Git takes whole whatever the gate is set to.
const FILE_BYTES_MIN: u64 = 1 << 20;

/// The settings that are there, with what the flags say.
fn wanted(args: &HookInstallArgs, repository: &Repository) -> Result<HookSettings, Failure> {
    let is_new = !repository.path(FILE).exists();
    let mut settings = if is_new { HookSettings::default() } else { HookSettings::read(repository)? };
    if let Some(namespace) = &args.namespace {
        settings.namespace.clone_from(namespace);
    }
    if let Some(hosts) = &args.zookeeper {
        settings.zookeeper.connect.clone_from(hosts);
    }
    if let Some(url) = &args.server {
        settings.server.url.clone_from(url);
    }
    let absolute = |file: &Option<PathBuf>| file.as_ref().map(std::path::absolute).transpose();
    let files = [
        (&mut settings.server.token_file, &args.token_file),
        (&mut settings.server.tls.ca, &args.ca),
        (&mut settings.server.tls.certificate, &args.certificate),
        (&mut settings.server.tls.key, &args.key),
    ];
    for (setting, given) in files {
        // Git runs the hooks in another folder.
        if let Some(file) = absolute(given)? {
            *setting = Some(file);
        }
    }
    if let Some(variable) = &args.principal_variable {
        settings.principal_variable.clone_from(variable);
    }
    settings
        .admins
        .extend(args.admins.iter().filter(|admin| !settings.admins.contains(admin)).cloned().collect::<Vec<_>>());
    Ok(settings)
}

fn described(repository: &Repository, settings: &HookSettings, outcome: &'static str) -> Result<Installed, Failure> {
    let (connect, url) = (&settings.zookeeper.connect, &settings.server.url);
    Ok(Installed {
        repository: repository.folder().display().to_string(),
        outcome,
        namespace: settings.namespace()?.to_string(),
        zookeeper: (!connect.is_empty()).then(|| connect.clone()),
        server: (!url.is_empty()).then(|| url.clone()),
        knows_pushers: !settings.principal_variable.is_empty(),
    })
}

fn script(program: &Path, hook: &str) -> String {
    let quoted = program.to_string_lossy().replace('\'', "'\\''");
    format!("#!/bin/sh\n{MARK}\nexec '{quoted}' hook {hook}\n")
}

/// Samples that Git puts into new repositories are nobody's.
fn is_foreign(path: &Path) -> bool {
    path.symlink_metadata().is_ok() && !fs::read_to_string(path).is_ok_and(|content| content.contains(MARK))
}

/// Writes beside and renames, so that Git never runs half a hook.
fn write(path: &Path, content: &str, mode: u32) -> io::Result<()> {
    let folder = path.parent().expect("a file lies in a folder");
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(content.as_bytes())?;
    file.as_file().set_permissions(fs::Permissions::from_mode(mode))?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

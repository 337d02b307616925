//! `configbus edit`: changes a file in the user's editor, never over somebody else's change.

use super::{client, put::Changed};
use crate::{
    api_failure::report_of,
    args::EditArgs,
    output::Output,
    paint::{Paint, report_style},
    report::Failure,
};
use anyhow::Context as _;
use configbus_api::{ApiError, ChangeSet, ConfigPath, Edit, ErrorKind, Expected, File};
use std::{
    env, fs,
    io::{self, BufRead as _, IsTerminal as _},
    path::PathBuf,
    process::Command,
};

/// What the user edits, kept on disk when it does not land.
struct Draft {
    folder: tempfile::TempDir,
    file: PathBuf,
}

pub(crate) async fn run(args: EditArgs, output: Output) -> Result<(), Failure> {
    let client = client(&args.address)?;
    let found = match client.get(&args.path, None).await {
        Ok(file) => Some(file),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(error.into()),
    };
    let before = found.as_ref().map_or(&[][..], |file| &file.content);
    let expected = found.as_ref().map(File::blob_id).map_or(Expected::Absent, Expected::Id);
    let draft = Draft::new(&args.path, before)?;
    loop {
        let content = draft.edit()?;
        if content == before {
            eprintln!("nothing was changed");
            return Ok(());
        }
        let message = args.message.clone().unwrap_or_else(|| format!("edit {}", args.path));
        let change = ChangeSet::new(message).with(Edit::put(args.path.clone(), content, expected));
        match client.compare_and_set(&change).await {
            Ok(landed) => return output.show(&Changed::of(args.path.as_str(), &landed)),
            Err(error) if error.kind() == ErrorKind::Rejected && user_tries_again(&error)? => {}
            Err(error) => return Err(draft.keep(error)),
        }
    }
}

/// Shows what is wrong, and asks.
fn user_tries_again(error: &ApiError) -> io::Result<bool> {
    if !io::stdin().is_terminal() {
        return Ok(false);
    }
    match report_of(error) {
        Some(report) => eprint!("{}", report.render(report_style(Paint::of(&io::stderr()), &io::stderr()))),
        None => error.findings().iter().for_each(|finding| eprintln!("{}: {}", finding.place, finding.message)),
    }
    eprint!("edit again? [Y/n] ");
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(!answer.is_empty() && !answer.trim().eq_ignore_ascii_case("n"))
}

impl Draft {
    /// Writes what is there under the file's own name, so that the editor knows its language.
    fn new(path: &ConfigPath, content: &[u8]) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("configbus-edit-").tempdir().context("no temporary folder")?;
        let file = folder.path().join(path.file_name());
        fs::write(&file, content).with_context(|| format!("cannot write {}", file.display()))?;
        Ok(Self { folder, file })
    }

    fn edit(&self) -> Result<Vec<u8>, Failure> {
        let set = |name| env::var(name).ok().filter(|editor: &String| !editor.trim().is_empty());
        let editor = set("VISUAL").or_else(|| set("EDITOR")).unwrap_or_else(|| "vi".to_owned());
        // Editors are given with arguments of their own, such as `code --wait`: the shell takes them apart.
        let status = Command::new("sh").arg("-c").arg(format!("{editor} \"$1\"")).arg("sh").arg(&self.file).status();
        match status {
            Ok(status) if status.success() => Ok(fs::read(&self.file)?),
            Ok(status) => {
                Err(Failure::new(ErrorKind::Internal, format!("{editor} ended with {status}; nothing was changed")))
            }
            Err(error) => Err(Failure::new(ErrorKind::Internal, format!("cannot start {editor}: {error}"))),
        }
    }

    /// Keeps the user's work and says where it is.
    fn keep(self, error: ApiError) -> Failure {
        let _ = self.folder.keep();
        Failure::from(error).with_hint(format!("your version is kept in {}", self.file.display()))
    }
}

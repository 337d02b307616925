//! `configbus decider`: reads and changes single keys of decider files, by compare-and-set.

use super::{client, put::Changed};
use crate::{
    args::{
        DeciderCommand, DeciderKey, GetDeciderArgs, ListDecidersArgs, RampDeciderArgs, ServerAddress, SetDeciderArgs,
    },
    output::{Output, Render},
    paint::Paint,
    report::Failure,
    table::Table,
    time::{now_ms, utc},
};
use configbus_api::{ChangeSet, Client, ConfigPath, Edit, ErrorKind, Expected, File, Landed};
use configbus_client::{
    Format,
    switches::{
        Moment,
        decider::{AVAILABILITY_MAX, DeciderFile, DeciderKind, DeciderRecord, EditError, with_value},
    },
};
use serde::Serialize;
use std::io::{self, Write};

/// Times that somebody else's change of the file is taken in before giving up.
const ATTEMPTS_MAX: u32 = 8;

/// A key.
#[derive(Debug, Serialize)]
struct KeyShape {
    key: String,
    value: i64,
    /// `gate` or `int`.
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_ms: Option<i64>,
    expired: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
}

impl KeyShape {
    fn of(key: &str, record: &DeciderRecord) -> Self {
        let now = i64::try_from(now_ms()).unwrap_or(i64::MAX);
        let expires_ms = record.expires.map(Moment::unix_ms);
        Self {
            key: key.to_owned(),
            value: record.value,
            kind: if record.kind == Some(DeciderKind::Int) { "int" } else { "gate" },
            owner: record.owner.clone(),
            expires_ms,
            expired: expires_ms.is_some_and(|expires| expires <= now),
            comment: record.comment.clone(),
        }
    }

    /// Prints a gate as what it means as well.
    fn share(&self) -> String {
        if self.kind == "int" { String::new() } else { format!("{} %", self.value as f64 / 100.0) }
    }

    fn expiry(&self) -> String {
        let date = self.expires_ms.and_then(|expires| u64::try_from(expires).ok());
        let date = date.map(|expires| utc(expires).chars().take(10).collect::<String>()).unwrap_or_default();
        if self.expired { format!("{date} expired") } else { date }
    }
}

impl Render for KeyShape {
    /// The number alone, for scripts.
    fn text(&self, to: &mut dyn Write, _: Paint) -> io::Result<()> {
        writeln!(to, "{}", self.value)
    }
}

/// All keys of a file.
#[derive(Debug, Serialize)]
struct Listed {
    path: String,
    deciders: Vec<KeyShape>,
}

impl Render for Listed {
    fn text(&self, to: &mut dyn Write, paint: Paint) -> io::Result<()> {
        let mut table = Table::new(["key", ">value", ">share", "owner", "expires"]);
        for key in &self.deciders {
            let owner = key.owner.clone().unwrap_or_default();
            table.row([key.key.clone(), key.value.to_string(), key.share(), owner, key.expiry()]);
        }
        table.write(to, paint)
    }
}

pub(crate) async fn run(command: DeciderCommand, output: Output) -> Result<(), Failure> {
    match command {
        DeciderCommand::Get(args) => get(args, output).await,
        DeciderCommand::Set(args) => set(args, output).await,
        DeciderCommand::List(args) => list(args, output).await,
        DeciderCommand::Ramp(args) => ramp(args, output).await,
    }
}

async fn get(args: GetDeciderArgs, output: Output) -> Result<(), Failure> {
    let file = client(&args.address)?.get(&args.key.path, None).await?;
    let deciders = parsed(&args.key.path, text_of(&file)?)?;
    let record = deciders.records.get(&args.key.key).ok_or_else(|| unknown(&args.key, &deciders))?;
    output.show(&KeyShape::of(&args.key.key, record))
}

async fn list(args: ListDecidersArgs, output: Output) -> Result<(), Failure> {
    let file = client(&args.address)?.get(&args.path, None).await?;
    let deciders = parsed(&args.path, text_of(&file)?)?;
    let keys = deciders.records.iter().map(|(key, record)| KeyShape::of(key, record));
    let keys = keys.filter(|key| key.expired || !args.expired);
    output.show(&Listed { path: args.path.to_string(), deciders: keys.collect() })
}

async fn set(args: SetDeciderArgs, output: Output) -> Result<(), Failure> {
    let SetDeciderArgs { key, value, message, address } = args;
    let message = message.unwrap_or_else(|| format!("decider: set {} to {value}", key.key));
    let setting = Setting::new(&address, key)?;
    let landed = setting.land(value, Before::Anything, &message).await?;
    output.show(&Changed::of(setting.key.path.as_str(), &landed))
}

async fn ramp(args: RampDeciderArgs, output: Output) -> Result<(), Failure> {
    let setting = Setting::new(&args.address, args.key)?;
    let (_, deciders) = setting.read().await?;
    let key = &setting.key.key;
    let mut value = deciders.records.get(key).ok_or_else(|| unknown(&setting.key, &deciders))?.value;
    if value == args.to {
        eprintln!("{key} is {value} already");
        return Ok(());
    }
    let kind = deciders.records.get(key).and_then(|record| record.kind);
    check_range(key, kind, args.to)?;
    let mut is_first = true;
    while value != args.to {
        if !std::mem::take(&mut is_first) {
            tokio::time::sleep(args.every).await;
        }
        let before = value;
        value = step(value, args.to, args.step);
        let message = args.message.clone().unwrap_or_else(|| format!("decider: ramp {key} to {value}"));
        let landed = setting.land(value, Before::Value(before), &message).await?;
        eprintln!("{key} is {value}");
        output.show(&Changed::of(setting.key.path.as_str(), &landed))?;
    }
    Ok(())
}

/// Returns the next value on the way.
fn step(from: i64, to: i64, by: i64) -> i64 {
    if from < to { from.saturating_add(by).min(to) } else { from.saturating_sub(by).max(to) }
}

/// What a key has to be for a change to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    /// Whatever it is; a key that is not there is added.
    Anything,
    /// This value, or somebody else is at it.
    Value(i64),
}

/// Changes one key.
struct Setting {
    client: Client,
    key: DeciderKey,
}

impl Setting {
    fn new(address: &ServerAddress, key: DeciderKey) -> Result<Self, Failure> {
        Ok(Self { client: client(address)?, key })
    }

    /// Returns the file, if there is one, and what it says.
    async fn read(&self) -> Result<(Option<File>, DeciderFile), Failure> {
        match self.client.get(&self.key.path, None).await {
            Ok(file) => {
                let deciders = parsed(&self.key.path, text_of(&file)?)?;
                Ok((Some(file), deciders))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok((None, DeciderFile::default())),
            Err(error) => Err(error.into()),
        }
    }

    /// Sets the value, if the key still is what it has to be. A change of another key by somebody else is taken in.
    async fn land(&self, value: i64, before: Before, message: &str) -> Result<Landed, Failure> {
        let mut attempt = 1;
        loop {
            let (file, deciders) = self.read().await?;
            let now = deciders.records.get(&self.key.key).map(|record| record.value);
            if matches!(before, Before::Value(before) if now != Some(before)) {
                return Err(self.taken_over(now));
            }
            let added = now.is_none().then(|| self.added(&deciders));
            let text = edited(&self.key, file.as_ref().map_or(Ok(""), text_of)?, deciders, value)?;
            let expected = file.as_ref().map(File::blob_id).map_or(Expected::Absent, Expected::Id);
            let change = ChangeSet::new(message).with(Edit::put(self.key.path.clone(), text.into_bytes(), expected));
            match self.client.compare_and_set(&change).await {
                Ok(landed) => {
                    added.iter().for_each(|added| eprintln!("{added}"));
                    return Ok(landed);
                }
                Err(error) if error.kind() == ErrorKind::Conflict && attempt < ATTEMPTS_MAX => attempt += 1,
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn taken_over(&self, now: Option<i64>) -> Failure {
        let now = now.map_or_else(|| "gone".to_owned(), |now| now.to_string());
        let message = format!("{} was changed by somebody else: it is {now}", self.key.key);
        Failure::new(ErrorKind::Conflict, message).with_hint("look at configbus log, and start again from there")
    }

    /// Says that a key is new: a mistyped key must not look like a switch that was turned off.
    fn added(&self, deciders: &DeciderFile) -> String {
        let known = deciders.records.keys().take(10).map(String::as_str).collect::<Vec<_>>().join(", ");
        let others = if known.is_empty() { String::new() } else { format!(", beside {known}") };
        format!("note: {} is a new key of {}{others}", self.key.key, self.key.path)
    }
}

/// Returns the text with the value, after reading it again: nothing else may have changed in what it says.
fn edited(key: &DeciderKey, text: &str, mut deciders: DeciderFile, value: i64) -> Result<String, Failure> {
    let known = deciders.records.get_mut(&key.key);
    check_range(&key.key, known.as_ref().and_then(|record| record.kind), value)?;
    match known {
        Some(record) => record.value = value,
        None => {
            let record = DeciderRecord { value, kind: None, owner: None, expires: None, comment: None };
            deciders.records.insert(key.key.clone(), record);
        }
    }
    let by_hand = |error: &EditError| {
        Failure::new(ErrorKind::Invalid, error.to_string()).with_hint(format!("configbus edit {}", key.path))
    };
    let text = with_value(text, &key.key, value).map_err(|error| by_hand(&error))?;
    match parsed(&key.path, &text) {
        Ok(said) if said == deciders => Ok(text),
        _ => Err(by_hand(&EditError::of(&key.key))),
    }
}

fn check_range(key: &str, kind: Option<DeciderKind>, value: i64) -> Result<(), Failure> {
    if kind == Some(DeciderKind::Int) || (0..=AVAILABILITY_MAX).contains(&value) {
        return Ok(());
    }
    let message = format!("{key} is {value}, expected 0 to {AVAILABILITY_MAX}");
    Err(Failure::new(ErrorKind::Invalid, message).with_hint("numbers beyond belong to keys with kind: int"))
}

fn text_of(file: &File) -> Result<&str, Failure> {
    let not_text = |_| Failure::new(ErrorKind::Invalid, format!("{} is not valid UTF-8", file.entry.path));
    std::str::from_utf8(&file.content).map_err(not_text)
}

fn parsed(path: &ConfigPath, text: &str) -> Result<DeciderFile, Failure> {
    let wrong = |error: String| Failure::new(ErrorKind::Invalid, format!("{path} is no file of deciders: {error}"));
    let document = Format::Yaml.parse(text.as_bytes()).map_err(|error| wrong(error.to_string()))?;
    DeciderFile::parse(&document).usable().map_err(|problems| wrong(problems.to_string()))
}

fn unknown(key: &DeciderKey, deciders: &DeciderFile) -> Failure {
    let message = format!("{} has no key {}", key.path, key.key);
    let known = deciders.records.keys().take(10).map(String::as_str).collect::<Vec<_>>().join(", ");
    Failure::new(ErrorKind::NotFound, message).with_hint(format!("it has {known}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_edited(text: &str, name: &str, value: i64) -> Result<String, String> {
        let key = DeciderKey { path: "decider.yml".parse().unwrap(), key: name.to_owned() };
        let deciders = parsed(&key.path, text).unwrap();
        let told = |failure: Failure| failure.message().to_owned();
        edited(&key, text, deciders, value).map_err(told)
    }

    #[test]
    fn comments_stay_and_ranges_are_kept() {
        let text = "# top\na: # why\n  default_availability: 1\nb: {kind: int, default_availability: 5}\n";
        assert_eq!(check_edited(text, "a", 2), Ok(text.replace(": 1\n", ": 2\n")));
        assert_eq!(check_edited(text, "b", -70_000), Ok(text.replace(": 5}", ": -70000}")));
        assert!(check_edited(text, "a", 10_001).unwrap_err().contains("a is 10001, expected 0 to 10000"));
        assert!(check_edited("a: &x {default_availability: 1}\nb: *x\n", "b", 2).unwrap_err().contains("by hand"));
        assert!(
            check_edited("x: &x {default_availability: 1}\ny: *x\n", "x", 2).unwrap_err().contains("by hand"),
            "y would change as well"
        );
    }

    #[test]
    fn steps_end_where_they_should() {
        assert_eq!(
            [step(0, 2_500, 1_000), step(2_000, 2_500, 1_000), step(2_500, 0, 1_000), step(500, 0, 1_000)],
            [1_000, 2_500, 1_500, 0]
        );
    }
}

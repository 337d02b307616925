//! Settings from file, environment and flags, and what `--check` prints of them.

use crate::{
    args::RoleArgs,
    output::{Output, Render},
    paint::Paint,
    report::Failure,
};
use configbus_model::ErrorKind;
use configbus_runtime::{
    report::chain,
    settings::{Flags, Sources, load},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::{
    io::{self, Write},
    path::PathBuf,
};

/// Keys whose values are shown to nobody.
const SECRETS: [&str; 1] = ["digest"];

/// Flags that were given, by the setting they override.
#[derive(Default)]
pub(crate) struct Overrides(Flags);

impl Overrides {
    /// Adds a flag when it was given.
    #[must_use]
    pub(crate) fn with(mut self, key: &str, value: Option<impl ToString>) -> Self {
        self.0.extend(value.map(|value| (key.to_owned(), value.to_string())));
        self
    }

    /// Adds a flag that names a path.
    #[must_use]
    pub(crate) fn with_path(self, key: &str, value: Option<PathBuf>) -> Self {
        self.with(key, value.map(|path| path.display().to_string()))
    }
}

/// Reads the settings of a role.
pub(crate) fn read<T>(role: &RoleArgs, flags: Overrides) -> Result<T, Failure>
where
    T: Serialize + DeserializeOwned + Default,
{
    let sources = Sources::of_process(role.config.as_deref(), flags.0);
    load(&sources).map_err(|error| Failure::of(ErrorKind::Invalid, &error))
}

/// Reads the settings of a role and refuses what cannot hold, by key and origin where one value is to blame.
pub(crate) fn read_checked<T, E>(
    role: &RoleArgs,
    flags: Overrides,
    check: impl FnOnce(&T) -> Result<(), E>,
    blame: impl FnOnce(&E) -> (ErrorKind, Option<&'static str>),
) -> Result<T, Failure>
where
    T: Serialize + DeserializeOwned + Default,
    E: std::error::Error + 'static,
{
    let sources = Sources::of_process(role.config.as_deref(), flags.0);
    let settings = load(&sources).map_err(|error| Failure::of(ErrorKind::Invalid, &error))?;
    match check(&settings) {
        Ok(()) => Ok(settings),
        Err(error) => Err(match blame(&error) {
            (kind, Some(key)) => Failure::new(kind, format!("{} is wrong: {}", sources.origin_of(key), chain(&error))),
            (kind, None) => Failure::of(kind, &error),
        }),
    }
}

/// Settings that hold, for `--check`.
#[derive(Serialize)]
#[serde(transparent)]
pub(crate) struct Checked(Value);

impl Checked {
    /// Takes settings that were checked.
    fn of(settings: &impl Serialize) -> Self {
        let mut value = serde_json::to_value(settings).expect("settings serialise to JSON");
        hide_secrets(&mut value);
        Self(value)
    }
}

/// Prints settings that hold.
pub(crate) fn show(settings: &impl Serialize, output: Output) -> Result<(), Failure> {
    output.show(&Checked::of(settings))
}

impl Render for Checked {
    fn text(&self, to: &mut dyn Write, paint: Paint) -> io::Result<()> {
        writeln!(to, "{}", paint.green("# these settings hold"))?;
        write!(to, "{}", toml::to_string(&without_nulls(&self.0)).map_err(io::Error::other)?)
    }
}

fn hide_secrets(value: &mut Value) {
    let Value::Object(fields) = value else { return };
    for (key, value) in fields {
        match value {
            Value::String(secret) if SECRETS.contains(&key.as_str()) && !secret.is_empty() => *secret = "(set)".into(),
            value => hide_secrets(value),
        }
    }
}

/// TOML has no null: what is not set is left out.
fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let set = fields.iter().filter(|(_, value)| !value.is_null());
            Value::Object(set.map(|(key, value)| (key.clone(), without_nulls(value))).collect())
        }
        value => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        let checked = Checked::of(&serde_json::json!({ "zookeeper": { "digest": "user:pw", "tls": null } }));
        let mut text = Vec::new();
        checked.text(&mut text, Paint::plain()).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert_eq!(text, "# these settings hold\n[zookeeper]\ndigest = \"(set)\"\n");
    }
}

//! Merges the sources and says where a wrong value came from.

use super::keys::Keys;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::{
    io,
    path::{Path, PathBuf},
};
use toml::Table;

/// Prefix of environment variables; `store.listen` is read from `CONFIGBUS_STORE_LISTEN`.
const VARIABLE_PREFIX: &str = "CONFIGBUS_";

/// Settings that cannot be used, with the place to mend.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// The file cannot be read.
    #[error("failed to read settings file {}", file.display())]
    Read {
        /// Which.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is not TOML, or a value has the wrong type.
    #[error("settings file {} is wrong: {reason}", file.display())]
    File {
        /// Which.
        file: PathBuf,
        /// Why, with line and column.
        reason: String,
    },
    /// A key nobody reads.
    #[error("settings file {} has the unknown key {key:?}{}", file.display(), did_you_mean(nearest.as_deref()))]
    UnknownKey {
        /// Where.
        file: PathBuf,
        /// Which.
        key: String,
        /// What was probably meant.
        nearest: Option<String>,
    },
    /// A variable or flag whose value does not fit.
    #[error("{origin} is wrong: {value:?} does not fit {key:?}: {reason}")]
    Value {
        /// `environment variable X` or `flag --x`.
        origin: String,
        /// The setting.
        key: String,
        /// The value.
        value: String,
        /// Why.
        reason: String,
    },
}

fn did_you_mean(nearest: Option<&str>) -> String {
    nearest.map(|key| format!(", did you mean {key:?}?")).unwrap_or_default()
}

/// Values given as flags, by dotted key.
pub type Flags = Vec<(String, String)>;

/// Where settings come from.
#[derive(Debug, Default)]
pub struct Sources<'a> {
    /// TOML file, when one was named.
    pub file: Option<&'a Path>,
    /// Environment variables of the process.
    pub variables: Vec<(String, String)>,
    /// Flags of the command line.
    pub flags: Flags,
}

impl<'a> Sources<'a> {
    /// Takes the file and the flags, and the variables of this process.
    pub fn of_process(file: Option<&'a Path>, flags: Flags) -> Self {
        Self { file, variables: std::env::vars().collect(), flags }
    }
}

impl Sources<'_> {
    /// Returns where the value of a setting comes from, for an error about it that was found later.
    pub fn origin_of(&self, key: &str) -> String {
        if self.flags.iter().any(|(given, _)| given == key) {
            return flag_origin(key);
        }
        let name = variable_name(key);
        if self.variables.iter().any(|(variable, _)| *variable == name) {
            return variable_origin(&name);
        }
        match self.file {
            Some(file) => format!("settings file {}", file.display()),
            None => "the default".to_owned(),
        }
    }
}

fn variable_name(key: &str) -> String {
    format!("{VARIABLE_PREFIX}{}", key.replace('.', "_").to_uppercase())
}

fn variable_origin(name: &str) -> String {
    format!("environment variable {name}")
}

fn flag_origin(key: &str) -> String {
    format!("flag --{}", key.replace(['.', '_'], "-"))
}

/// Reads settings from all sources.
pub fn load<T: Serialize + DeserializeOwned + Default>(sources: &Sources<'_>) -> Result<T, SettingsError> {
    let default = serde_json::to_value(T::default()).expect("settings serialise to JSON");
    let keys = Keys::of(&default);
    let mut table = sources.file.map_or(Ok(Table::new()), |file| read_file::<T>(file, &keys))?;
    for (key, default) in keys.iter() {
        let name = variable_name(key);
        let found = sources.variables.iter().find(|(variable, _)| *variable == name);
        if let Some((_, value)) = found {
            table = with_value::<T>(&table, &variable_origin(&name), key, default, value)?;
        }
    }
    for (key, value) in &sources.flags {
        let default = keys.iter().find(|(known, _)| known == key).map_or(&Value::Null, |(_, default)| default);
        table = with_value::<T>(&table, &flag_origin(key), key, default, value)?;
    }
    Ok(table.try_into().expect("each source was checked on its own"))
}

fn read_file<T: DeserializeOwned>(file: &Path, keys: &Keys) -> Result<Table, SettingsError> {
    let wrong = |reason: toml::de::Error| {
        let (file, reason) = (file.to_owned(), reason.to_string().trim_end().to_owned());
        SettingsError::File { file, reason }
    };
    let text = std::fs::read_to_string(file).map_err(|source| SettingsError::Read { file: file.to_owned(), source })?;
    let table: Table = text.parse().map_err(wrong)?;
    if let Some(key) = keys.first_unknown(&table) {
        let nearest = keys.nearest(&key).map(str::to_owned);
        return Err(SettingsError::UnknownKey { file: file.to_owned(), key, nearest });
    }
    toml::from_str::<T>(&text).map_err(wrong)?;
    Ok(table)
}

/// Sets one key, reading `text` in the first way that fits the type of the setting.
fn with_value<T: DeserializeOwned>(
    table: &Table,
    origin: &str,
    key: &str,
    default: &Value,
    text: &str,
) -> Result<Table, SettingsError> {
    let mut reason = String::new();
    for reading in readings(default, text) {
        let mut candidate = table.clone();
        set(&mut candidate, key, reading);
        match candidate.clone().try_into::<T>() {
            Ok(_) => return Ok(candidate),
            Err(error) => reason = error.message().to_owned(),
        }
    }
    Err(SettingsError::Value { origin: origin.to_owned(), key: key.to_owned(), value: text.to_owned(), reason })
}

/// Text, a TOML value, a list separated by commas; a map as `key=value` pairs.
fn readings(default: &Value, text: &str) -> Vec<toml::Value> {
    let plain = toml::Value::String(text.to_owned());
    let literal = format!("value = {text}").parse::<Table>().ok().and_then(|mut table| table.remove("value"));
    let items = || text.split(',').map(str::trim).filter(|item| !item.is_empty());
    let list = toml::Value::Array(items().map(|item| toml::Value::String(item.to_owned())).collect());
    let pairs = items().filter_map(|item| item.split_once('='));
    let map = toml::Value::Table(pairs.map(|(k, v)| (k.to_owned(), toml::Value::String(v.to_owned()))).collect());
    match default {
        Value::Array(_) => vec![list],
        Value::Object(_) => vec![map],
        Value::Number(_) | Value::Bool(_) => literal.into_iter().chain([plain]).collect(),
        _ => [plain].into_iter().chain(literal).chain([list]).collect(),
    }
}

fn set(table: &mut Table, key: &str, value: toml::Value) {
    match key.split_once('.') {
        None => drop(table.insert(key.to_owned(), value)),
        Some((first, rest)) => {
            let inner = table.entry(first).or_insert_with(|| Table::new().into());
            if let toml::Value::Table(inner) = inner {
                set(inner, rest, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use std::{collections::BTreeMap, io::Write as _};

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
    #[serde(default)]
    struct Example {
        listen: String,
        stores: Vec<String>,
        server: Option<String>,
        heartbeat_ms: Option<u64>,
        limits: Limits,
        labels: BTreeMap<String, String>,
    }

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    #[serde(default)]
    struct Limits {
        queue_max: usize,
    }

    impl Default for Limits {
        fn default() -> Self {
            Self { queue_max: 64 }
        }
    }

    fn check_load(file: &str, variables: &[(&str, &str)], flags: &[(&str, &str)]) -> Result<Example, String> {
        let mut named = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
        named.write_all(file.as_bytes()).unwrap();
        let owned = |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
        let sources = Sources { file: Some(named.path()), variables: owned(variables), flags: owned(flags) };
        let name = named.path().display().to_string();
        load(&sources).map_err(|error| error.to_string().replace(&name, "FILE"))
    }

    #[test]
    fn later_sources_win() {
        let file = "listen = 'file'\nserver = 'file'\n[limits]\nqueue_max = 1\n[labels]\nrack = 'a'\n";
        let variables = [("CONFIGBUS_LISTEN", "variable"), ("CONFIGBUS_LIMITS_QUEUE_MAX", "2")];
        let loaded = check_load(file, &variables, &[("listen", "flag"), ("stores", "a, b")]).unwrap();
        assert_eq!((loaded.listen.as_str(), loaded.server.as_deref()), ("flag", Some("file")));
        assert_eq!((loaded.limits.queue_max, loaded.stores), (2, vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(loaded.labels["rack"], "a");
    }

    #[test]
    fn optional_numbers_and_digits_as_text_both_fit() {
        let loaded = check_load("", &[("CONFIGBUS_HEARTBEAT_MS", "250"), ("CONFIGBUS_SERVER", "123")], &[]).unwrap();
        assert_eq!((loaded.heartbeat_ms, loaded.server.as_deref()), (Some(250), Some("123")));
    }

    #[test]
    fn an_unknown_key_is_named_with_the_nearest_known_one() {
        let error = check_load("[limits]\nqueue_mx = 1\n", &[], &[]).unwrap_err();
        assert_eq!(
            error,
            "settings file FILE has the unknown key \"limits.queue_mx\", did you mean \"limits.queue_max\"?"
        );
        let error = check_load("zzzzzzzzzz = 1\n", &[], &[]).unwrap_err();
        assert_eq!(error, "settings file FILE has the unknown key \"zzzzzzzzzz\"");
    }

    #[test]
    fn a_wrong_value_names_its_origin() {
        let error = check_load("", &[("CONFIGBUS_LIMITS_QUEUE_MAX", "many")], &[]).unwrap_err();
        assert!(error.starts_with("environment variable CONFIGBUS_LIMITS_QUEUE_MAX is wrong: \"many\""), "{error}");
        let error = check_load("listen = 7\n", &[], &[]).unwrap_err();
        assert!(error.contains("line 1, column 10"), "{error}");
    }

    #[test]
    fn the_origin_of_a_value_is_the_source_that_wins() {
        let owned = |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
        let variables = owned(&[("CONFIGBUS_LIMITS_QUEUE_MAX", "2")]);
        let file = Some(Path::new("/etc/x.toml"));
        let sources = Sources { file, variables, flags: owned(&[("listen", "flag")]) };
        assert_eq!(sources.origin_of("listen"), "flag --listen");
        assert_eq!(sources.origin_of("limits.queue_max"), "environment variable CONFIGBUS_LIMITS_QUEUE_MAX");
        assert_eq!(sources.origin_of("server"), "settings file /etc/x.toml");
        assert_eq!(Sources::default().origin_of("server"), "the default");
    }

    #[test]
    fn defaults_are_enough() {
        assert_eq!(load::<Example>(&Sources::default()).unwrap(), Example::default());
    }
}

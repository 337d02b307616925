//! One `[[deliver]]` of the settings.

use super::owner::OwnerName;
use configbus_model::ConfigPath;
use serde::{Deserialize, Serialize};
use std::{
    fmt,
    path::{Component, Path, PathBuf},
    str::FromStr,
};

/// Most deliveries of a host; each is looked at after every flip.
const RULES_MAX: usize = 256;

/// Longest command in bytes.
const COMMAND_BYTES_MAX: usize = 4096;

/// Longest time a command may be given, in seconds.
const TIMEOUT_S_MAX: u64 = 3600;

/// Stands in a command for the new copy, quoted.
pub(super) const NEW: &str = "{new}";

/// A file or directory of the bus that is kept at a fixed place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deliver {
    /// File or directory on the bus.
    pub path: ConfigPath,
    /// Absolute path of the copy. Its folder must exist.
    pub to: PathBuf,
    /// Permissions of files, such as `"0640"`; by default 0644, and 0755 of executables. Directories can be entered by
    /// whoever may read the files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<FileMode>,
    /// `user`, `user:group` or `:group`, by name or number; by default whoever runs the agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<OwnerName>,
    /// Command that looks at the new copy (`{new}`, or `$CONFIGBUS_NEW`) before it takes the place; when it fails, what is
    /// there stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<String>,
    /// Command that runs after the swap; once for all deliveries of a flip that name the same one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_change: Option<String>,
    /// Time for each command, in seconds.
    #[serde(default = "default_timeout_s")]
    pub timeout_s: u64,
}

const fn default_timeout_s() -> u64 {
    30
}

/// Permissions of a file: nine bits, written in octal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FileMode(u32);

impl FileMode {
    /// Returns the bits for a file.
    pub(super) const fn of_file(self) -> u32 {
        self.0
    }

    /// Returns the bits for a directory with such files: whoever reads may enter.
    pub(super) const fn of_directory(self) -> u32 {
        self.0 | 0o700 | ((self.0 & 0o044) >> 2)
    }
}

impl FromStr for FileMode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.strip_prefix("0o").unwrap_or(text);
        let octal = (3..=4).contains(&digits.len()) && digits.bytes().all(|digit| (b'0'..=b'7').contains(&digit));
        match u32::from_str_radix(digits, 8) {
            Ok(bits) if octal && bits <= 0o777 => Ok(Self(bits)),
            _ => Err(format!("{text:?} is not a mode, expected nine bits in octal such as \"0644\"")),
        }
    }
}

impl TryFrom<String> for FileMode {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<FileMode> for String {
    fn from(mode: FileMode) -> Self {
        mode.to_string()
    }
}

impl fmt::Display for FileMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04o}", self.0)
    }
}

/// A delivery that cannot work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeliverError {
    /// More than anybody should have.
    #[error("there are {count} deliveries, at most {RULES_MAX} are possible")]
    TooMany {
        /// How many.
        count: usize,
    },
    /// It depends on a working folder, or leaves a folder it names.
    #[error("to = {to:?} of {path}, expected an absolute path without . and ..")]
    Place {
        /// Of what.
        path: ConfigPath,
        /// What was given.
        to: PathBuf,
    },
    /// It would alter what clients rely on.
    #[error("to = {to:?} of {path} is in the agent's root, or the root in it")]
    InRoot {
        /// Of what.
        path: ConfigPath,
        /// What was given.
        to: PathBuf,
    },
    /// Two deliveries would alternate.
    #[error("to = {to:?} of {path} overlaps with {other:?}, which another delivery keeps")]
    Overlap {
        /// Of what.
        path: ConfigPath,
        /// What was given.
        to: PathBuf,
        /// The other place.
        other: PathBuf,
    },
    /// Not a command.
    #[error("{key} of {path} is empty or longer than {COMMAND_BYTES_MAX} bytes")]
    Command {
        /// Of what.
        path: ConfigPath,
        /// `check` or `on_change`.
        key: &'static str,
    },
    /// It would look at what is there already.
    #[error("check of {path} looks at nothing new: write {NEW} where the new copy's path belongs")]
    BlindCheck {
        /// Of what.
        path: ConfigPath,
    },
    /// Too short or too long.
    #[error("timeout_s = {timeout_s} of {path}, expected 1 to {TIMEOUT_S_MAX}")]
    Timeout {
        /// Of what.
        path: ConfigPath,
        /// What was given.
        timeout_s: u64,
    },
}

/// Refuses deliveries that cannot work, or not together. Pure.
pub(crate) fn check_rules(rules: &[Deliver], root: &Path) -> Result<(), DeliverError> {
    if rules.len() > RULES_MAX {
        return Err(DeliverError::TooMany { count: rules.len() });
    }
    for (index, rule) in rules.iter().enumerate() {
        let (path, to) = (|| rule.path.clone(), || rule.to.clone());
        rule.check_alone()?;
        if overlap(&rule.to, root) {
            return Err(DeliverError::InRoot { path: path(), to: to() });
        }
        if let Some(other) = rules.iter().take(index).find(|other| overlap(&rule.to, &other.to)) {
            return Err(DeliverError::Overlap { path: path(), to: to(), other: other.to.clone() });
        }
    }
    Ok(())
}

fn overlap(one: &Path, other: &Path) -> bool {
    one.starts_with(other) || other.starts_with(one)
}

impl Deliver {
    fn check_alone(&self) -> Result<(), DeliverError> {
        let path = || self.path.clone();
        let plain = |component: Component<'_>| matches!(component, Component::RootDir | Component::Normal(_));
        if !self.to.is_absolute() || self.to.file_name().is_none() || !self.to.components().all(plain) {
            return Err(DeliverError::Place { path: path(), to: self.to.clone() });
        }
        for (key, command) in [("check", &self.check), ("on_change", &self.on_change)] {
            let Some(command) = command else { continue };
            if command.trim().is_empty() || command.len() > COMMAND_BYTES_MAX || command.contains('\0') {
                return Err(DeliverError::Command { path: path(), key });
            }
        }
        if self.check.as_ref().is_some_and(|check| !check.contains(NEW) && !check.contains("CONFIGBUS_NEW")) {
            return Err(DeliverError::BlindCheck { path: path() });
        }
        if self.timeout_s == 0 || self.timeout_s > TIMEOUT_S_MAX {
            return Err(DeliverError::Timeout { path: path(), timeout_s: self.timeout_s });
        }
        Ok(())
    }

    /// Returns the bits of a file of this delivery.
    pub(super) fn file_bits(&self, executable: bool) -> u32 {
        self.mode.map_or(if executable { 0o755 } else { 0o644 }, FileMode::of_file)
    }

    /// Returns the bits of a directory of this delivery.
    pub(super) fn directory_bits(&self) -> u32 {
        self.mode.map_or(0o755, FileMode::of_directory)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(to: &str) -> Deliver {
        Deliver {
            path: ConfigPath::parse("nginx/nginx.conf").unwrap(),
            to: to.into(),
            mode: None,
            owner: None,
            check: None,
            on_change: None,
            timeout_s: 30,
        }
    }

    #[test]
    fn modes_are_octal_and_nothing_else() {
        for (text, bits, directory) in [("0640", 0o640, 0o750), ("644", 0o644, 0o755), ("0o600", 0o600, 0o700)] {
            let mode: FileMode = text.parse().unwrap();
            assert_eq!((mode.of_file(), mode.of_directory()), (bits, directory), "{text}");
        }
        for wrong in ["", "64", "0649", "1777", "04755", "rw-r--r--", "+644"] {
            assert!(wrong.parse::<FileMode>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn what_cannot_work_is_named() {
        let refused = |rules: &[Deliver]| check_rules(rules, Path::new("/var/lib/bus")).unwrap_err().to_string();
        let check = |wrong: Deliver, expected: &str| {
            let error = refused(&[wrong]);
            assert!(error.contains(expected), "{error}");
        };
        for to in ["etc/x", "/", "/etc/../x", ""] {
            check(rule(to), "expected an absolute path");
        }
        for to in ["/var/lib/bus", "/var/lib/bus/current/x", "/var"] {
            check(rule(to), "in the agent's root");
        }
        check(Deliver { check: Some(" ".into()), ..rule("/etc/x") }, "check of nginx/nginx.conf is empty");
        check(Deliver { check: Some("nginx -t".into()), ..rule("/etc/x") }, "write {new} where");
        check(Deliver { on_change: Some(String::new()), ..rule("/etc/x") }, "on_change of nginx/nginx.conf is empty");
        check(Deliver { timeout_s: 0, ..rule("/etc/x") }, "timeout_s = 0");
        assert!(refused(&[rule("/etc/x"), rule("/etc/x/y")]).contains("overlaps with \"/etc/x\""));
        assert!(refused(&vec![rule("/etc/x"); RULES_MAX + 1]).contains("at most 256"));
        check_rules(&[rule("/etc/x"), rule("/etc/xy")], Path::new("/var/lib/bus")).unwrap();
    }
}

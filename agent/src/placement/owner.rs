//! Who owns a copy: names of the settings, and the numbers of this host.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// `user`, `user:group` or `:group`, each a name or a number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OwnerName {
    user: Option<String>,
    group: Option<String>,
}

/// Numbers of an owner; `None` leaves what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct OwnerIds {
    pub(super) user: Option<u32>,
    pub(super) group: Option<u32>,
}

/// This host knows nobody of that name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind} {name:?} is not known on this host")]
pub(crate) struct UnknownOwner {
    kind: &'static str,
    name: String,
}

impl OwnerName {
    /// Asks this host for the numbers. A user without a group gets the user's own.
    pub(super) fn resolve(&self) -> Result<OwnerIds, UnknownOwner> {
        let mut ids = OwnerIds::default();
        if let Some(name) = &self.user {
            let known = nix::unistd::User::from_name(name).ok().flatten();
            ids.user = Some(match (&known, name.parse()) {
                (Some(user), _) => user.uid.as_raw(),
                (None, Ok(number)) => number,
                (None, Err(_)) => return Err(UnknownOwner { kind: "user", name: name.clone() }),
            });
            ids.group = known.map(|user| user.gid.as_raw());
        }
        if let Some(name) = &self.group {
            let known = nix::unistd::Group::from_name(name).ok().flatten().map(|group| group.gid.as_raw());
            let unknown = || UnknownOwner { kind: "group", name: name.clone() };
            ids.group = Some(known.or_else(|| name.parse().ok()).ok_or_else(unknown)?);
        }
        Ok(ids)
    }
}

impl FromStr for OwnerName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (user, group) = text.split_once(':').map_or((text, None), |(user, group)| (user, Some(group)));
        let fits = |name: &str| !name.is_empty() && !name.contains([':', '/']) && !name.contains(char::is_control);
        let plain = (user.is_empty() && group.is_some() || fits(user)) && group.is_none_or(fits);
        if !plain {
            return Err(format!("{text:?} is not an owner, expected user, user:group or :group"));
        }
        let user = Some(user.to_owned()).filter(|user| !user.is_empty());
        Ok(Self { user, group: group.map(str::to_owned) })
    }
}

impl TryFrom<String> for OwnerName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<OwnerName> for String {
    fn from(owner: OwnerName) -> Self {
        owner.to_string()
    }
}

impl fmt::Display for OwnerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.user.as_deref().unwrap_or_default())?;
        self.group.iter().try_for_each(|group| write!(f, ":{group}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_become_numbers() {
        let ids = |text: &str| text.parse::<OwnerName>().unwrap().resolve().map(|ids| (ids.user, ids.group));
        assert_eq!(ids("root"), Ok((Some(0), Some(0))));
        assert_eq!(ids(":root"), Ok((None, Some(0))));
        assert_eq!(ids("4711:4712"), Ok((Some(4711), Some(4712))));
        assert_eq!(ids("4711"), Ok((Some(4711), None)));
        let error = ids("nobody-has-this-name").unwrap_err();
        assert_eq!(error.to_string(), "user \"nobody-has-this-name\" is not known on this host");
        for wrong in ["", ":", "a:", "a:b:c", "a/b"] {
            assert!(wrong.parse::<OwnerName>().is_err(), "{wrong:?}");
        }
    }
}

//! What a member may say of itself. Its id becomes part of a node's path and everything is shown to people.

use crate::RegistryError;
use configbus_model::Member;

const NAME_BYTES_MAX: usize = 128;
const URL_BYTES_MAX: usize = 512;

/// Refuses a member that could not be listed.
pub(crate) fn checked(member: &Member) -> Result<(), RegistryError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    for (what, name) in [("id", &member.id), ("incarnation", &member.incarnation)] {
        if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.chars().all(allowed) {
            let expected = "expected 1 to 128 letters, digits, '.', '_' or '-'";
            let name: String = name.chars().take(NAME_BYTES_MAX).collect();
            return Err(RegistryError::Member { reason: format!("{what} is {name:?}, {expected}") });
        }
    }
    if member.url.len() > URL_BYTES_MAX {
        return Err(RegistryError::Member { reason: format!("url is longer than {URL_BYTES_MAX} bytes") });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use configbus_model::{ErrorKind, MemberRole};

    #[test]
    fn names_that_are_not_one_path_component_are_refused() {
        for id in ["", "a/b", "a b", "ä", &"x".repeat(129)] {
            let (incarnation, url) = ("1".to_owned(), String::new());
            let member = Member {
                role: MemberRole::Store,
                id: id.to_owned(),
                incarnation,
                url,
                heads: Default::default(),
                subscribers: 0,
            };
            assert_eq!(checked(&member).unwrap_err().kind(), ErrorKind::Invalid, "{id:?}");
        }
    }
}

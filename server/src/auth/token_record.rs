//! What is kept of a token: everything but the token.

use configbus_model::{Principal, PrincipalName, Roles, Token, TokenHash};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// One token as the data folder holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenRecord {
    /// Public part of the token: names it in lists, logs and revocations.
    pub id: String,
    /// SHA-256 of the token, in hex.
    hash: String,
    /// Who it speaks for.
    pub principal: PrincipalName,
    /// What its holder may do where.
    pub roles: Roles,
    /// Groups that teams may include.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub groups: BTreeSet<PrincipalName>,
    /// What it is for, in its maker's words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// When it was made.
    pub created_ms: u64,
    /// From when on it does not hold; never when missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_ms: Option<u64>,
}

/// A token that is to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewToken {
    /// Who it speaks for.
    pub principal: PrincipalName,
    /// What its holder may do where.
    pub roles: Roles,
    /// Groups that teams may include.
    pub groups: BTreeSet<PrincipalName>,
    /// What it is for.
    pub note: String,
    /// From when on it does not hold; never when missing.
    pub expires_ms: Option<u64>,
}

impl TokenRecord {
    pub(super) fn of(token: &Token, new: NewToken, now_ms: u64) -> Self {
        Self {
            id: token.id().to_owned(),
            hash: token.hash().to_string(),
            principal: new.principal,
            roles: new.roles,
            groups: new.groups,
            note: new.note,
            created_ms: now_ms,
            expires_ms: new.expires_ms,
        }
    }

    /// Returns whether this is the record of a token with that hash.
    pub(super) fn is_of(&self, hash: &TokenHash) -> bool {
        TokenHash::parse(&self.hash).is_some_and(|own| own.is(hash))
    }

    /// Names the token in the audit log.
    pub(crate) fn described(&self) -> String {
        let roles: Vec<String> = self.roles.grants().map(|grant| grant.to_string()).collect();
        format!("{} for {} with {}", self.id, self.principal, roles.join(", "))
    }

    /// Returns whether the token holds no more.
    pub fn has_expired(&self, now_ms: u64) -> bool {
        self.expires_ms.is_some_and(|expires_ms| now_ms >= expires_ms)
    }

    /// Returns whom the token speaks for.
    pub(super) fn principal(&self) -> Principal {
        Principal { name: self.principal.clone(), roles: self.roles.clone(), groups: self.groups.clone() }
    }
}

//! Tokens of a server that is not asked: it may run beside this process, or not at all.

use super::token_file::{TokenFile, TokenFileError};
use super::token_record::{NewToken, TokenRecord};
use crate::audit::{AuditEvent, AuditOutcome, AuditRecord, append_once};
use configbus_model::Token;
use std::collections::BTreeMap;
use std::path::Path;

/// The tokens in the data folder of a server. Changes are written down in the audit log of that server, wherever it is.
#[derive(Debug, Clone)]
pub struct OfflineTokens(TokenFile);

impl OfflineTokens {
    /// Finds the tokens of the server whose data folder this is.
    pub fn open(data: &Path) -> Result<Self, TokenFileError> {
        TokenFile::in_data_folder(data).map(Self)
    }

    /// Returns every token, oldest first.
    pub fn list(&self) -> Result<Vec<TokenRecord>, TokenFileError> {
        self.0.list()
    }

    /// Returns when tokens were last used, to the minute, as far as the server has written it down.
    pub fn last_uses(&self) -> BTreeMap<String, u64> {
        self.0.last_uses()
    }

    /// Makes a token. It is shown this once; what is kept cannot be turned back into it.
    pub fn create(&self, new: NewToken, now_ms: u64) -> Result<(Token, TokenRecord), TokenFileError> {
        let made = self.0.create(new, now_ms)?;
        self.write_down("create", &made.1, now_ms)?;
        Ok(made)
    }

    /// Revokes a token; it does not hold any more when this returns.
    pub fn revoke(&self, id: &str, now_ms: u64) -> Result<TokenRecord, TokenFileError> {
        let revoked = self.0.revoke(id)?;
        self.write_down("revoke", &revoked, now_ms)?;
        Ok(revoked)
    }

    fn write_down(&self, action: &str, token: &TokenRecord, now_ms: u64) -> Result<(), TokenFileError> {
        let user = rustix::process::getuid().as_raw();
        let record = AuditRecord {
            principal: Some(format!("uid:{user}")),
            action: Some(format!("{action} beside the server")),
            ..AuditRecord::new(AuditEvent::Token, AuditOutcome::Accepted).with_reason(&token.described())
        };
        append_once(self.0.data(), &record, now_ms).map_err(|(path, source)| TokenFileError::Unwritten {
            id: token.id.clone(),
            path,
            source,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_beside_a_server_are_written_down() {
        let data = tempfile::tempdir().unwrap();
        std::fs::write(data.path().join("server.json"), "{}").unwrap();
        let tokens = OfflineTokens::open(data.path()).unwrap();
        let new = NewToken {
            principal: "ada".parse().unwrap(),
            roles: ["writer".parse().unwrap()].into_iter().collect(),
            groups: Default::default(),
            note: String::new(),
            expires_ms: None,
        };
        let (token, record) = tokens.create(new, 1).unwrap();
        tokens.revoke(&record.id, 2).unwrap();
        let log = std::fs::read_to_string(data.path().join("audit.jsonl")).unwrap();
        assert_eq!(log.lines().count(), 2);
        assert!(log.contains("create beside the server") && log.contains(&record.id), "{log}");
        assert!(!log.contains(&token.expose()[16..]), "{log}");
    }
}

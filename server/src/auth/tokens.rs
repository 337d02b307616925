//! The tokens a server knows, as fresh as the file.

use super::last_used::LastUsed;
use super::token_file::{Stamp, TokenFile};
use super::token_record::TokenRecord;
use configbus_model::{Principal, TokenHash};
use configbus_runtime::{Clock, report};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// Why a token does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadToken {
    #[error("this token is not known here, it may have been revoked")]
    Unknown,
    #[error("this token has expired")]
    Expired,
}

/// A token that held when it was looked at.
#[derive(Debug)]
pub(crate) struct KnownToken {
    pub(crate) record: TokenRecord,
    pub(crate) principal: Arc<Principal>,
}

#[derive(Default)]
struct Known {
    /// State of the file that this was read from; nothing was read before it is set.
    read_at: Option<Option<Stamp>>,
    by_id: HashMap<String, Arc<KnownToken>>,
}

/// Judges tokens. Every judgement begins with a look at the file: a token revoked by anybody is dead at once.
pub(crate) struct Tokens {
    file: TokenFile,
    clock: Arc<dyn Clock>,
    known: Mutex<Known>,
    /// Counts the states of the file that were read.
    generation: watch::Sender<u64>,
    last_used: LastUsed,
}

impl Tokens {
    pub(crate) fn new(file: TokenFile, clock: Arc<dyn Clock>) -> Self {
        let last_used = LastUsed::read(file.data());
        Self { file, clock, known: Mutex::default(), generation: watch::Sender::new(0), last_used }
    }

    /// Returns the file, for changes.
    pub(crate) fn file(&self) -> &TokenFile {
        &self.file
    }

    /// Returns when each token was last used, to the minute.
    pub(crate) fn last_uses(&self) -> BTreeMap<String, u64> {
        self.last_used.uses()
    }

    /// Writes down when tokens were last used.
    pub(super) fn write_last_uses(&self) {
        let known: HashSet<String> = self.refreshed().by_id.keys().cloned().collect();
        if let Err(error) = self.last_used.write(|id| known.contains(id)) {
            tracing::warn!("cannot write when tokens were last used: {error}");
        }
    }

    /// Judges a token by its id and hash.
    pub(crate) fn judge(&self, id: &str, hash: &TokenHash) -> Result<Arc<KnownToken>, BadToken> {
        let found = self.refreshed().by_id.get(id).cloned();
        let token = found.filter(|known| known.record.is_of(hash)).ok_or(BadToken::Unknown)?;
        let now_ms = self.clock.now_ms();
        if token.record.has_expired(now_ms) {
            return Err(BadToken::Expired);
        }
        self.last_used.note(id, now_ms);
        Ok(token)
    }

    /// Returns when a token that held does not hold any more. Never returns before.
    pub(crate) async fn ended(&self, token: &KnownToken) {
        let mut generation = self.generation.subscribe();
        loop {
            if !self.holds(token) {
                return;
            }
            tokio::select! {
                changed = generation.changed() => if changed.is_err() { return },
                () = self.expired(token) => {}
            }
        }
    }

    /// Looks whether the file has changed, for requests that last.
    pub(crate) fn look(&self) {
        drop(self.refreshed());
    }

    fn holds(&self, token: &KnownToken) -> bool {
        let known = self.refreshed();
        let is_there = known.by_id.get(&token.record.id).is_some_and(|known| known.record == token.record);
        is_there && !token.record.has_expired(self.clock.now_ms())
    }

    async fn expired(&self, token: &KnownToken) {
        match token.record.expires_ms {
            // The clock of the machine may be set: look again within a minute.
            Some(at) => {
                let left = Duration::from_millis(at.saturating_sub(self.clock.now_ms()).max(1));
                tokio::time::sleep(left.min(Duration::from_secs(60))).await;
            }
            None => std::future::pending().await,
        }
    }

    fn refreshed(&self) -> MutexGuard<'_, Known> {
        // Whatever was read is replaced as a whole.
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        match self.file.stamp() {
            Ok(stamp) if known.read_at == Some(stamp) => {}
            Ok(stamp) => self.read(&mut known, stamp),
            Err(error) => tracing::error!("cannot look at the list of tokens, the last one read holds: {error}"),
        }
        known
    }

    /// A list that cannot be read leaves the last one in force: nothing but a hand can have damaged it, and refusing
    /// everybody would stop the bus for the sake of a slip.
    fn read(&self, known: &mut Known, stamp: Option<Stamp>) {
        match self.file.list() {
            Ok(records) => {
                let record = |record: TokenRecord| {
                    let principal = Arc::new(record.principal());
                    (record.id.clone(), Arc::new(KnownToken { record, principal }))
                };
                known.by_id = records.into_iter().map(record).collect();
                metrics::gauge!("configbus_server_tokens")
                    .set(f64::from(u32::try_from(known.by_id.len()).unwrap_or(u32::MAX)));
                self.generation.send_modify(|generation| *generation += 1);
            }
            Err(error) => {
                tracing::error!("the list of tokens cannot be read, the last one holds: {}", report::chain(&error));
            }
        }
        known.read_at = Some(stamp);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::NewToken;
    use configbus_model::Token;
    use configbus_runtime::ManualClock;

    fn ada(expires_ms: Option<u64>) -> NewToken {
        NewToken {
            principal: "ada".parse().unwrap(),
            roles: ["writer".parse().unwrap()].into_iter().collect(),
            groups: Default::default(),
            note: String::new(),
            expires_ms,
        }
    }

    struct Fixture {
        _data: tempfile::TempDir,
        clock: Arc<ManualClock>,
        /// As the command line has it.
        file: TokenFile,
        tokens: Tokens,
    }

    fn fixture() -> Fixture {
        let data = tempfile::tempdir().unwrap();
        let (clock, file) = (Arc::new(ManualClock::new(1_000)), TokenFile::new(data.path()));
        let tokens = Tokens::new(file.clone(), Arc::clone(&clock) as Arc<dyn Clock>);
        Fixture { _data: data, clock, file, tokens }
    }

    fn judge(tokens: &Tokens, token: &Token) -> Result<String, BadToken> {
        tokens.judge(token.id(), &token.hash()).map(|known| known.principal.name.to_string())
    }

    #[test]
    fn tokens_made_and_revoked_beside_the_server_count_at_once() {
        let Fixture { file, tokens, .. } = &fixture();
        let (token, record) = file.create(ada(None), 1_000).unwrap();
        assert_eq!(judge(tokens, &token).as_deref(), Ok("ada"));
        let forged = Token::of([7; 5], [7; 32]);
        assert_eq!(tokens.judge(token.id(), &forged.hash()).unwrap_err(), BadToken::Unknown);
        file.revoke(&record.id).unwrap();
        assert_eq!(judge(tokens, &token), Err(BadToken::Unknown));
    }

    #[test]
    fn a_token_holds_until_it_expires() {
        let Fixture { clock, file, tokens, .. } = &fixture();
        let (token, _) = file.create(ada(Some(5_000)), 1_000).unwrap();
        clock.set(4_999);
        assert!(judge(tokens, &token).is_ok());
        clock.set(5_000);
        assert_eq!(judge(tokens, &token), Err(BadToken::Expired));
    }

    #[test]
    fn a_damaged_list_leaves_the_last_one_in_force() {
        let fixture = fixture();
        let (token, _) = fixture.file.create(ada(None), 1_000).unwrap();
        assert!(judge(&fixture.tokens, &token).is_ok());
        std::fs::write(fixture.file.data().join("tokens.json"), "{").unwrap();
        assert!(judge(&fixture.tokens, &token).is_ok());
    }

    #[tokio::test]
    async fn whoever_waits_for_the_end_of_a_token_hears_of_it() {
        let fixture = fixture();
        let (token, record) = fixture.file.create(ada(None), 1_000).unwrap();
        let known = fixture.tokens.judge(token.id(), &token.hash()).unwrap();
        let revoke = async {
            fixture.file.revoke(&record.id).unwrap();
            fixture.tokens.look();
        };
        tokio::join!(fixture.tokens.ended(&known), revoke);
    }
}

//! What the server says of tokens, remembered.
//!
//! A store has no list of tokens: it asks the server, and believes an answer for half a minute. While the server does
//! not answer, a token it found good stays good for a bounded time, because hosts must come back to their store when
//! everything else is down; one it has never seen is not let in. The server is told the token's hash and not the token.

use crate::upstream::{ServerClient, UpstreamError};
use configbus_model::{ErrorKind, Roles, Token};
use configbus_proto::convert::WireError;
use configbus_runtime::Clock;
use lru::LruCache;
use std::{
    num::NonZeroUsize,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{sync::Semaphore, time::Instant};

/// For how long an answer is not asked for again: as long as a revoked token may still be used here.
pub(super) const FRESH: Duration = Duration::from_secs(30);

/// For how long a token that is not good is not asked for again.
const BAD_FOR: Duration = Duration::from_secs(5);

/// Tokens that are remembered: one for every host that may subscribe, and as many again.
const VERDICTS_MAX: NonZeroUsize = NonZeroUsize::new(32_768).expect("it is not zero");

/// Questions under way at a time.
const QUESTIONS_MAX: usize = 64;

/// Why a token is not let in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    #[error("this token does not hold, it may have been revoked or expired")]
    Bad,
    #[error("the server does not answer, and this token was not seen here before")]
    Unjudged,
}

#[derive(Debug, Clone)]
struct Verdict {
    /// What its holder may do; `None` when the token does not hold.
    roles: Option<Arc<Roles>>,
    expires_ms: Option<u64>,
    at: Instant,
}

/// Judges tokens by what the server says.
pub(crate) struct Verdicts {
    server: ServerClient,
    clock: Arc<dyn Clock>,
    hold: Duration,
    known: Mutex<LruCache<String, Verdict>>,
    questions: Semaphore,
}

impl Verdicts {
    pub(crate) fn new(server: ServerClient, clock: Arc<dyn Clock>, hold: Duration) -> Self {
        let (known, questions) = (Mutex::new(LruCache::new(VERDICTS_MAX)), Semaphore::new(QUESTIONS_MAX));
        Self { server, clock, hold, known, questions }
    }

    /// Returns what the holder of a token may do.
    pub(super) async fn judge(&self, token: &Token) -> Result<Arc<Roles>, Refused> {
        let key = token.hash().to_string();
        let known = self.known().get(&key).cloned();
        if let Some(verdict) = known.as_ref().filter(|verdict| verdict.is_fresh()) {
            return self.weigh(verdict);
        }
        let verdict = match self.ask(token).await {
            Ok(verdict) => verdict,
            Err(error) => {
                tracing::warn!("cannot have a token judged: {}", configbus_runtime::report::chain(&error));
                let held = known.filter(|verdict| verdict.at.elapsed() < self.hold);
                return held.map_or(Err(Refused::Unjudged), |verdict| self.weigh(&verdict));
            }
        };
        let outcome = self.weigh(&verdict);
        self.known().put(key, verdict);
        outcome
    }

    /// Returns when a token does not hold any more. Asks again and again.
    pub(super) async fn ended(&self, token: &Token) {
        loop {
            tokio::time::sleep(FRESH).await;
            if self.judge(token).await == Err(Refused::Bad) {
                return;
            }
        }
    }

    /// An expired token needs no server to be known as one.
    fn weigh(&self, verdict: &Verdict) -> Result<Arc<Roles>, Refused> {
        let now_ms = self.clock.now_ms();
        let holds = verdict.expires_ms.is_none_or(|expires_ms| now_ms < expires_ms);
        verdict.roles.clone().filter(|_| holds).ok_or(Refused::Bad)
    }

    async fn ask(&self, token: &Token) -> Result<Verdict, UpstreamError> {
        let _place = self.questions.acquire().await.expect("the semaphore is never closed");
        let at = Instant::now();
        match self.server.judge_token(token.id(), &token.hash()).await {
            Ok(info) => {
                let grant = |text: &String| text.parse().map_err(|error| WireError::new("info.roles", error));
                let roles = info.roles.iter().map(grant).collect::<Result<Vec<_>, _>>()?;
                let expires_ms = Some(info.expires_ms).filter(|at| *at > 0);
                Ok(Verdict { roles: Some(Arc::new(roles.into())), expires_ms, at })
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Verdict { roles: None, expires_ms: None, at }),
            Err(error) => Err(error),
        }
    }

    fn known(&self) -> MutexGuard<'_, LruCache<String, Verdict>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Verdict {
    fn is_fresh(&self) -> bool {
        self.at.elapsed() < if self.roles.is_some() { FRESH } else { BAD_FOR }
    }
}

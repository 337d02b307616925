//! The first token, and what happens to tokens while the server runs.

use super::token_file::{TokenFile, TokenFileError};
use super::token_record::NewToken;
use super::tokens::Tokens;
use configbus_model::{Grant, Role, Scope};
use configbus_runtime::{BlockingPool, Clock, Tasks};
use std::collections::BTreeSet;
use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How often requests that last are held against the list: as long as a revoked watch may go on.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Looks between two times that last uses are written.
const LOOKS_PER_WRITE: u32 = 60;

/// Opens the tokens of a data folder; a folder that never had any gets one for its owner.
pub(crate) fn found(data: &Path, clock: Arc<dyn Clock>) -> Result<Arc<Tokens>, TokenFileError> {
    let file = TokenFile::new(data);
    let first = NewToken {
        principal: "admin".parse().expect("it is a name"),
        roles: [Grant::Role(Role::Admin, Scope::Everywhere)].into_iter().collect(),
        groups: BTreeSet::new(),
        note: "made at the first start".to_owned(),
        expires_ms: None,
    };
    if let Some(path) = file.found(first, clock.now_ms())? {
        tracing::warn!("made the first token, for an admin: it is in {}", path.display());
    }
    Ok(Arc::new(Tokens::new(file, clock)))
}

/// Keeps long requests and last uses up to date.
pub(crate) fn start_upkeep(tasks: &Tasks, tokens: &Arc<Tokens>) {
    let (tokens, stop) = (Arc::clone(tokens), tasks.shutdown_token());
    tasks.spawn("tokens", async move {
        let pool = BlockingPool::new(1);
        for round in 1_u32.. {
            let is_over = tokio::time::timeout(LOOK_EVERY, stop.cancelled()).await.is_ok();
            let tokens = Arc::clone(&tokens);
            pool.run(move || {
                tokens.look();
                if is_over || round % LOOKS_PER_WRITE == 0 {
                    tokens.write_last_uses();
                }
            })
            .await;
            if is_over {
                break;
            }
        }
        Ok::<(), Infallible>(())
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use configbus_model::{Principal, Token};
    use configbus_runtime::SystemClock;

    #[test]
    fn the_first_start_leaves_a_token_that_may_do_everything() {
        let data = tempfile::tempdir().unwrap();
        let tokens = found(data.path(), Arc::new(SystemClock)).unwrap();
        let text = std::fs::read_to_string(data.path().join("admin.token")).unwrap();
        let token = Token::parse(&text).unwrap();
        let known = tokens.judge(token.id(), &token.hash()).unwrap();
        assert_eq!(known.principal.roles, Principal::open().roles);
    }
}

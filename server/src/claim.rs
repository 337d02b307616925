//! Being the one live server of each namespace.

use crate::serving::ServingCell;
use configbus_coordination::{HeadRegistry, Registration, RegistrationState, RegistryError};
use configbus_model::{Member, Namespace};
use configbus_runtime::{CancellationToken, Readiness, Tasks};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// How long another server may be listed before this one gives up. Longer than any session's timeout: what is listed
/// may be the last trace of one that died.
const PATIENCE: Duration = Duration::from_secs(150);

/// How long coordination may leave open whether another server is listed before this one counts as ready: changes are
/// taken while coordination is away.
const UNDECIDED_MAX: Duration = Duration::from_secs(3);

/// What is missing before a claim is decided.
pub(crate) const NOT_CLAIMED: &str = "not known yet to be the only server";

/// Why a server cannot go on.
#[derive(Debug, thiserror::Error)]
enum ClaimError {
    #[error("namespace {namespace} is served by {by}; one live server is allowed per coordination")]
    ServedByAnother { namespace: Namespace, by: String },
    #[error("cannot claim namespace {namespace}")]
    Registry { namespace: Namespace, source: RegistryError },
}

/// What namespaces are claimed with.
pub(crate) struct Claims {
    pub(crate) registry: Arc<dyn HeadRegistry>,
    pub(crate) member: watch::Sender<Member>,
    pub(crate) serving: Arc<ServingCell>,
    pub(crate) readiness: Readiness,
}

/// Starts claiming a namespace. The claim ends with the tasks. The server is ready when `main` is claimed.
pub(crate) fn start(tasks: &Tasks, namespace: &Namespace, claims: &Claims) {
    let is_main = *namespace == Namespace::main();
    let claim = Claim {
        namespace: namespace.clone(),
        serving: Arc::clone(&claims.serving),
        member: claims.member.clone(),
        readiness: is_main.then(|| claims.readiness.clone()),
    };
    let (registry, stop) = (Arc::clone(&claims.registry), tasks.shutdown_token());
    tasks.spawn("claim", async move { claim.hold(registry.as_ref(), stop).await });
}

struct Claim {
    namespace: Namespace,
    serving: Arc<ServingCell>,
    /// Kept open: a closed channel would end the registration.
    member: watch::Sender<Member>,
    /// Of `main` only.
    readiness: Option<Readiness>,
}

impl Claim {
    async fn hold(self, registry: &dyn HeadRegistry, stop: CancellationToken) -> Result<(), ClaimError> {
        let namespace = &self.namespace;
        let registration = registry
            .claim(namespace, self.member.subscribe())
            .await
            .map_err(|source| ClaimError::Registry { namespace: namespace.clone(), source })?;
        self.follow(&registration, stop).await
    }

    async fn follow(&self, registration: &Registration, stop: CancellationToken) -> Result<(), ClaimError> {
        let mut state = registration.state();
        let mut refused: Option<(String, Instant)> = None;
        let undecided_until = Instant::now() + UNDECIDED_MAX;
        let mut is_undecided = true;
        loop {
            refused = self.note(state.borrow_and_update().clone(), refused);
            let until = refused.as_ref().map(|(_, since)| *since + PATIENCE);
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = sleep_until(undecided_until), if is_undecided && refused.is_none() => {
                    is_undecided = false;
                    self.decided();
                }
                changed = state.changed() => if changed.is_err() { return Ok(()) },
                () = sleep_until(until.unwrap_or_else(Instant::now)), if until.is_some() => {
                    let by = refused.map(|(by, _)| by).unwrap_or_default();
                    return Err(ClaimError::ServedByAnother { namespace: self.namespace.clone(), by });
                }
            }
        }
    }

    fn decided(&self) {
        if let Some(readiness) = &self.readiness {
            readiness.met(NOT_CLAIMED);
        }
    }

    fn note(&self, state: RegistrationState, before: Option<(String, Instant)>) -> Option<(String, Instant)> {
        let RegistrationState::Refused { by } = state else {
            self.serving.note(&self.namespace, None);
            if state == RegistrationState::Held {
                self.decided();
            }
            return None;
        };
        if before.is_none() {
            tracing::error!(namespace = %self.namespace, by, "another server is listed; writes wait until it is gone");
        }
        self.serving.note(&self.namespace, Some(by.clone()));
        Some((by, before.map_or_else(Instant::now, |(_, since)| since)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use configbus_coordination::Embedded;
    use configbus_model::MemberRole;
    use std::collections::BTreeMap;
    use std::time::Duration;

    fn member(id: &str) -> watch::Sender<Member> {
        watch::Sender::new(Member {
            role: MemberRole::Server,
            id: id.into(),
            incarnation: "1".into(),
            url: format!("http://{id}:7420"),
            heads: BTreeMap::new(),
            subscribers: 0,
        })
    }

    /// Starts the second of two servers. Returns what it says about writes and readiness.
    fn start_second(registry: &Arc<Embedded>, tasks: &Tasks) -> (crate::serving::Serving, Readiness) {
        let serving = Arc::new(ServingCell::default());
        let readiness = Readiness::new([NOT_CLAIMED]);
        let seen = (serving.subscribe(), readiness.clone());
        let claim =
            Claim { namespace: Namespace::main(), serving, member: member("second"), readiness: Some(readiness) };
        let (registry, stop) = (Arc::clone(registry), tasks.shutdown_token());
        tasks.spawn("claim", async move { claim.hold(registry.as_ref(), stop).await });
        seen
    }

    #[tokio::test(start_paused = true)]
    async fn the_second_server_waits_for_the_first_and_takes_over() {
        let (registry, tasks) = (Embedded::new(), Tasks::new("test"));
        Arc::clone(&registry).start(&tasks);
        let member_of_first = member("first");
        let first = registry.claim(&Namespace::main(), member_of_first.subscribe()).await.unwrap();
        assert_eq!(first.settled().await, RegistrationState::Held);
        let (serving, readiness) = start_second(&registry, &tasks);
        while serving.check(&Namespace::main()).is_ok() {
            tokio::task::yield_now().await;
        }
        assert!(!readiness.is_ready());
        drop(first);
        readiness.wait().await;
        assert!(serving.check(&Namespace::main()).is_ok());
        tasks.shutdown();
        tasks.join(Duration::from_secs(5)).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn the_second_server_gives_up_when_the_first_stays() {
        let (registry, tasks) = (Embedded::new(), Tasks::new("test"));
        Arc::clone(&registry).start(&tasks);
        let member_of_first = member("first");
        let first = registry.claim(&Namespace::main(), member_of_first.subscribe()).await.unwrap();
        assert_eq!(first.settled().await, RegistrationState::Held);
        let _seen = start_second(&registry, &tasks);
        let error = tasks.join(PATIENCE * 2).await.unwrap_err();
        let text = configbus_runtime::report::chain(&error);
        assert!(text.contains("one live server is allowed"), "{text}");
    }
}

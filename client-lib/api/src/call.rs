//! Drives one call: attempts, pauses and the deadline over all of them.

use crate::{
    ApiError, ClientSettings,
    attempt::Attempt,
    retry::{self, Effect, Failure},
    retry_budget::RetryBudget,
    servers::Servers,
};
use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::time::{Instant, sleep, timeout};
use tonic::{Response, Status};

/// What all clones of a client share.
#[derive(Debug)]
pub(crate) struct Calls {
    pub(crate) settings: ClientSettings,
    pub(crate) servers: Servers,
    budget: Mutex<RetryBudget>,
}

/// A call as its caller describes it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call {
    pub(crate) operation: &'static str,
    pub(crate) effect: Effect,
    pub(crate) deadline: Duration,
    pub(crate) attempt_deadline: Duration,
}

/// How an attempt ended that did not succeed.
enum Ending {
    Status(Box<Status>),
    TimedOut,
}

impl Calls {
    pub(crate) fn new(settings: ClientSettings) -> Result<Self, ApiError> {
        let servers = Servers::new(&settings)?;
        Ok(Self { settings, servers, budget: Mutex::new(RetryBudget::full(std::time::Instant::now())) })
    }

    /// Describes a call that changes nothing.
    pub(crate) fn read(&self, operation: &'static str) -> Call {
        let ClientSettings { deadline, attempt_deadline, .. } = self.settings;
        Call { operation, effect: Effect::None, deadline, attempt_deadline }
    }

    /// Describes a call that changes something: one attempt may use all the time.
    pub(crate) fn change(&self, operation: &'static str) -> Call {
        let deadline = self.settings.deadline;
        Call { operation, effect: Effect::Change, deadline, attempt_deadline: deadline }
    }

    /// Describes a call that changes something once, however often it is tried.
    pub(crate) fn change_once(&self, operation: &'static str) -> Call {
        Call { effect: Effect::Once, ..self.read(operation) }
    }

    /// Makes attempts until one succeeds, the answer is final, or time or budget are used up.
    pub(crate) async fn make<T, F>(&self, call: Call, send: impl Fn(Attempt) -> F) -> Result<T, ApiError>
    where
        F: Future<Output = Result<Response<T>, Status>>,
    {
        let end = Instant::now() + call.deadline;
        self.with_budget(RetryBudget::deposit);
        // Whether an attempt before the last one may have done what it was to do.
        let mut may_be_done = false;
        for attempt in 1.. {
            let (server, url, channel) = self.servers.preferred();
            let channel = self.settings.bearer.on(channel, url);
            let left = end.saturating_duration_since(Instant::now()).min(call.attempt_deadline);
            let ending = match timeout(left, send(Attempt { channel, timeout: left })).await {
                Ok(Ok(response)) => return Ok(response.into_inner()),
                Ok(Err(status)) => Ending::Status(Box::new(status)),
                Err(_) => Ending::TimedOut,
            };
            let failure = ending.failure();
            if failure.kind.is_retryable() {
                self.servers.give_up_on(server);
            }
            let pause = retry::pause(&self.settings, attempt, failure, fastrand::f64());
            let in_time = Instant::now() + pause < end && attempt < self.settings.attempts_max;
            if !in_time || !retry::is_worthwhile(failure, call.effect) || !self.may_retry() {
                return Err(self.error(call, ending, may_be_done));
            }
            may_be_done |= call.effect != Effect::None && !failure.not_executed;
            tracing::debug!(operation = call.operation, attempt, kind = %failure.kind, "trying again");
            sleep(pause).await;
        }
        unreachable!("attempts are bounded by the settings")
    }

    fn may_retry(&self) -> bool {
        self.with_budget(|budget| budget.withdraw(std::time::Instant::now()))
    }

    fn with_budget<R>(&self, use_it: impl FnOnce(&mut RetryBudget) -> R) -> R {
        // A count of tokens is whole after any panic.
        use_it(&mut self.budget.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn error(&self, call: Call, ending: Ending, may_be_done: bool) -> ApiError {
        let (operation, servers) = (call.operation, self.servers.described());
        let failure = ending.failure();
        match ending {
            // A server that judges an attempt knows of those before it. One that cannot be asked says nothing about them.
            Ending::Status(source) if may_be_done && failure.kind.is_retryable() => {
                ApiError::OutcomeUnknown { operation, source: Some(source) }
            }
            Ending::Status(status) if failure.answered => ApiError::answered(operation, &status),
            Ending::Status(source) if call.effect == Effect::None || failure.not_executed => {
                match self.servers.turned_away() {
                    Some(source) => ApiError::TurnedAway { operation, servers, source },
                    None => ApiError::Unreachable { operation, servers, source },
                }
            }
            Ending::Status(source) => ApiError::OutcomeUnknown { operation, source: Some(source) },
            Ending::TimedOut if call.effect != Effect::None => ApiError::OutcomeUnknown { operation, source: None },
            Ending::TimedOut => ApiError::TimedOut { operation, servers, deadline: call.deadline },
        }
    }
}

impl Ending {
    fn failure(&self) -> Failure {
        match self {
            Self::Status(status) => Failure::of(status),
            Self::TimedOut => Failure::TIMED_OUT,
        }
    }
}

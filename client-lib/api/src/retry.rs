//! Whether a failed attempt is worth another one. Pure: no clock, no socket.

use crate::ClientSettings;
use configbus_model::ErrorKind;
use configbus_proto::status;
use std::{error::Error, time::Duration};
use tonic::Status;

/// What trying twice would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Nothing: reads.
    None,
    /// Once, however often it is asked for: the server knows the request by its id.
    Once,
    /// It might happen twice.
    Change,
}

/// What is known of a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) kind: ErrorKind,
    /// Whether the server surely did nothing.
    pub(crate) not_executed: bool,
    /// Whether a server answered at all.
    pub(crate) answered: bool,
    pub(crate) retry_after: Option<Duration>,
}

impl Failure {
    /// The attempt ran into its deadline.
    pub(crate) const TIMED_OUT: Self =
        Self { kind: ErrorKind::Unavailable, not_executed: false, answered: false, retry_after: None };

    /// Judges a status.
    ///
    /// One with a source was made on this side by the transport; its code says little, and a broken connection would pass
    /// for an unknown error. One without details that says "not now" comes from something between here and the server, or
    /// from the server's transport: nobody knows how far the request got.
    pub(crate) fn of(status: &Status) -> Self {
        if status.source().is_some() {
            return Self { not_executed: never_connected(status), ..Self::TIMED_OUT };
        }
        let kind = status::kind_of(status);
        if kind.is_retryable() && status.details().is_empty() {
            return Self { kind, ..Self::TIMED_OUT };
        }
        // A server that refuses before doing anything says when to come back.
        let retry_after = status::details_of(status).retry_after;
        Self { kind, not_executed: kind.is_retryable() && retry_after.is_some(), answered: true, retry_after }
    }
}

fn never_connected(status: &Status) -> bool {
    let mut cause = status.source();
    while let Some(error) = cause {
        if error.is::<tonic::ConnectError>() {
            return true;
        }
        cause = error.source();
    }
    false
}

/// Returns whether another attempt can do no harm and may help.
pub(crate) fn is_worthwhile(failure: Failure, effect: Effect) -> bool {
    failure.kind.is_retryable() && (effect != Effect::Change || failure.not_executed)
}

/// Returns the pause before attempt `attempt` (the first is 1): doubled each time, between half and all of it at
/// random, never less than the server asked for.
pub(crate) fn pause(settings: &ClientSettings, attempt: u32, failure: Failure, random: f64) -> Duration {
    let doubled = settings.pause_min.saturating_mul(1 << attempt.saturating_sub(1).min(20));
    let jittered = doubled.min(settings.pause_max).mul_f64(0.5 + random / 2.0);
    jittered.max(failure.retry_after.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use configbus_proto::status::{Details, to_status};

    #[test]
    fn a_write_without_an_id_is_repeated_only_when_nothing_happened() {
        let hint = Details { retry_after: Some(Duration::from_millis(20)), ..Details::default() };
        let full = Failure::of(&to_status(ErrorKind::Exhausted, "queue is full", &hint));
        assert!(is_worthwhile(full, Effect::Change));
        let unclear = Failure::of(&to_status(ErrorKind::Unavailable, "going away", &Details::default()));
        assert!(!is_worthwhile(unclear, Effect::Change));
        assert!(is_worthwhile(unclear, Effect::None) && is_worthwhile(unclear, Effect::Once));
        assert!(!is_worthwhile(Failure::TIMED_OUT, Effect::Change));
    }

    #[test]
    fn answers_that_will_not_change_are_final() {
        for kind in [ErrorKind::NotFound, ErrorKind::Conflict, ErrorKind::Rejected, ErrorKind::Internal] {
            let failure = Failure::of(&to_status(kind, "no", &Details::default()));
            assert!(!is_worthwhile(failure, Effect::None), "{kind}");
        }
    }

    #[test]
    fn pauses_double_up_to_a_bound_and_respect_the_server() {
        let settings = ClientSettings::default();
        let ms = |attempt, random| pause(&settings, attempt, Failure::TIMED_OUT, random).as_millis();
        assert_eq!([ms(1, 1.0), ms(2, 1.0), ms(3, 1.0), ms(30, 1.0)], [50, 100, 200, 2_000]);
        assert_eq!(ms(1, 0.0), 25);
        let asked = Failure { retry_after: Some(Duration::from_secs(3)), ..Failure::TIMED_OUT };
        assert_eq!(pause(&settings, 1, asked, 0.0), Duration::from_secs(3));
    }
}

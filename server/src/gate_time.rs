//! How long the gate takes, by the door a change comes in at.

use configbus_hooks::{Candidate, CandidateError, Context, Gate, Report};
use std::time::Instant;

/// Where a change comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GateDoor {
    /// `git push`.
    Push,
    /// gRPC or REST.
    Api,
    /// The queue: what a change was judged by moved too often to send it back once more.
    Queue,
    /// The repository's folder, past the server.
    Foreign,
}

impl GateDoor {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Push => "push",
            Self::Api => "api",
            Self::Queue => "queue",
            Self::Foreign => "foreign",
        }
    }

    /// Asks the gate, and records how long the answer took, whatever it is.
    pub(crate) fn check(
        self,
        gate: &Gate,
        candidate: &dyn Candidate,
        context: &Context<'_>,
    ) -> Result<Report, CandidateError> {
        let asked = Instant::now();
        let answer = gate.check(candidate, context);
        metrics::histogram!("configbus_server_gate_seconds", "door" => self.as_str()).record(asked.elapsed());
        answer
    }
}

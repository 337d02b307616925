//! A member's wish to be listed, and what has become of it.

use crate::registrations::SlotGuard;
use tokio::sync::watch;

/// What has become of a registration. All states are transient: losing the registry makes it `Pending` again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RegistrationState {
    /// Not listed yet, or not known to be.
    Pending,
    /// Listed.
    Held,
    /// Not listed because another is alive in this place, or a newer incarnation of the same id took it over.
    /// Becomes `Held` if that one goes away.
    Refused {
        /// Who holds the place, for people.
        by: String,
    },
}

/// Keeps a member listed; dropping it takes the member off the list.
#[must_use = "dropping a registration takes the member off the list"]
pub struct Registration {
    state: watch::Receiver<RegistrationState>,
    _slot: SlotGuard,
}

impl Registration {
    pub(crate) fn new(state: watch::Receiver<RegistrationState>, slot: SlotGuard) -> Self {
        Self { state, _slot: slot }
    }

    /// Watches what has become of it.
    pub fn state(&self) -> watch::Receiver<RegistrationState> {
        self.state.clone()
    }

    /// Waits until the registration is held or refused. A refusal may be the last trace of a member that has
    /// died: give it the registry's session timeout before believing it.
    pub async fn settled(&self) -> RegistrationState {
        let mut state = self.state.clone();
        match state.wait_for(|state| *state != RegistrationState::Pending).await {
            Ok(state) => state.clone(),
            Err(_) => RegistrationState::Pending,
        }
    }
}

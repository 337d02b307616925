//! Which accepted heads the registry has, as far as is known. Pure; the driver is the module above.

use crate::{Announcement, Heads};
use configbus_model::{Head, Namespace, Succession};
use std::collections::BTreeMap;

/// A head that is accepted and that the registry is not known to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unannounced {
    /// The accepted head.
    pub head: Head,
    /// When it was accepted, or found missing, in milliseconds since the Unix epoch.
    pub since_ms: u64,
    /// Attempts that failed.
    pub attempts: u32,
    /// Why the last attempt failed; absent before the first one has.
    pub reason: Option<String>,
}

/// How a head is to be announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Intent {
    /// The registry is behind, or may be.
    Announce,
    /// The registry holds what Git does not know.
    Correct,
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Due {
    pub(crate) namespace: Namespace,
    pub(crate) head: Head,
    pub(crate) intent: Intent,
}

/// What is known of the registry's knowledge of one accepted head. None is terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    /// It does not have it.
    Missing { since_ms: u64, attempts: u32, reason: Option<String>, intent: Intent },
    /// It had it; whether it still has is to be checked.
    Doubted,
    /// It has it.
    Announced,
}

#[derive(Debug)]
struct Account {
    accepted: Head,
    accepted_ms: u64,
    state: State,
}

impl Account {
    fn enter(&mut self, state: State) {
        self.state = state;
    }

    fn missing(&self, intent: Intent) -> State {
        match &self.state {
            State::Missing { since_ms, attempts, reason, .. } => {
                State::Missing { since_ms: *since_ms, attempts: *attempts, reason: reason.clone(), intent }
            }
            State::Doubted | State::Announced => {
                State::Missing { since_ms: self.accepted_ms, attempts: 0, reason: None, intent }
            }
        }
    }

    /// Takes note that the registry holds `found`. What is neither the accepted head nor older is unknown to Git,
    /// because every head was accepted before it was announced.
    fn found(&mut self, found: &Head) {
        let next = match found.succession_of(&self.accepted) {
            Succession::Same => State::Announced,
            Succession::Newer => self.missing(Intent::Announce),
            Succession::Stale | Succession::Diverged => self.missing(Intent::Correct),
        };
        self.enter(next);
    }
}

/// The accepted heads and their states.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    accounts: BTreeMap<Namespace, Account>,
}

impl Ledger {
    /// Takes over an accepted head unless a newer one is held.
    pub(crate) fn accept(&mut self, namespace: &Namespace, head: &Head, now_ms: u64) {
        let held = self.accounts.get(namespace).map(|account| &account.accepted);
        if matches!(Head::succession(held, head), Succession::Same | Succession::Stale) {
            return;
        }
        let state = State::Missing { since_ms: now_ms, attempts: 0, reason: None, intent: Intent::Announce };
        let account = Account { accepted: head.clone(), accepted_ms: now_ms, state };
        self.accounts.insert(namespace.clone(), account);
    }

    /// Lets go of a namespace.
    pub(crate) fn forget(&mut self, namespace: &Namespace) {
        self.accounts.remove(namespace);
    }

    /// Returns what to do now.
    pub(crate) fn due(&self) -> Vec<Due> {
        let due = |namespace: &Namespace, account: &Account| {
            let intent = match account.state {
                State::Missing { intent, .. } => intent,
                State::Doubted => Intent::Announce,
                State::Announced => return None,
            };
            Some(Due { namespace: namespace.clone(), head: account.accepted.clone(), intent })
        };
        self.accounts.iter().filter_map(|(namespace, account)| due(namespace, account)).collect()
    }

    /// Takes note of an answer. It may be about a head that has been overtaken since.
    pub(crate) fn answered(&mut self, due: &Due, answer: &Announcement) {
        if let Some(account) = self.accounts.get_mut(&due.namespace) {
            match answer {
                Announcement::Written | Announcement::Same => account.found(&due.head),
                Announcement::AlreadyNewer(found) | Announcement::Diverged(found) => account.found(found),
            }
        }
    }

    /// Takes note of a failure; returns whether its reason is news.
    pub(crate) fn failed(&mut self, due: &Due, why: &str) -> bool {
        let Some(account) = self.accounts.get_mut(&due.namespace) else { return false };
        match &mut account.state {
            State::Missing { attempts, reason, .. } if account.accepted == due.head => {
                *attempts = attempts.saturating_add(1);
                let is_news = reason.as_deref() != Some(why);
                *reason = Some(why.to_owned());
                is_news
            }
            _ => false,
        }
    }

    /// Takes note of what the registry yields.
    pub(crate) fn observe(&mut self, heads: &Heads) {
        for (namespace, account) in &mut self.accounts {
            if let Some(found) = heads.get(namespace)
                && matches!(found.succession_of(&account.accepted), Succession::Stale | Succession::Diverged)
            {
                account.found(found);
            }
        }
    }

    /// Has every announced head checked again: the registry may have lost it.
    pub(crate) fn doubt(&mut self) {
        for account in self.accounts.values_mut().filter(|account| account.state == State::Announced) {
            account.enter(State::Doubted);
        }
    }

    /// Returns the heads that the registry does not have.
    pub(crate) fn unannounced(&self) -> BTreeMap<Namespace, Unannounced> {
        let missing = |account: &Account| match &account.state {
            State::Missing { since_ms, attempts, reason, .. } => Some(Unannounced {
                head: account.accepted.clone(),
                since_ms: *since_ms,
                attempts: *attempts,
                reason: reason.clone(),
            }),
            State::Doubted | State::Announced => None,
        };
        self.accounts.iter().filter_map(|(ns, account)| Some((ns.clone(), missing(account)?))).collect()
    }
}

#[cfg(test)]
mod tests;

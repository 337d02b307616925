//! What every facade is given: the namespaces, the fleet, and who else takes part.

use crate::audit::AuditLog;
use crate::auth::Caller;
use crate::failure::Failure;
use crate::fleet::{FleetBoard, Sight};
use crate::limits::Limits;
use crate::namespace::{LiveNamespace, Namespaces};
use configbus_coordination::{Announcer, HeadRegistry};
use configbus_hooks::{Gate, path_refusal};
use configbus_model::{ConfigPath, Head, Namespace};
use configbus_runtime::Clock;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// The served state, shared by all facades.
pub(crate) struct Bus {
    pub(crate) namespaces: Arc<Namespaces>,
    pub(crate) fleet: FleetBoard,
    pub(crate) registry: Arc<dyn HeadRegistry>,
    pub(crate) announcer: Arc<Announcer>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) limits: Limits,
    pub(crate) gate: Arc<Gate>,
    pub(crate) audit: AuditLog,
    /// Bounds open watches.
    pub(crate) watchers: Arc<Semaphore>,
    /// Ends streams.
    pub(crate) stopping: CancellationToken,
    pub(crate) started_ms: u64,
}

impl Bus {
    /// Returns a namespace to a caller that may use it.
    pub(crate) fn namespace(&self, caller: &Caller, name: &Namespace) -> Result<Arc<LiveNamespace>, Failure> {
        caller.check(name)?;
        self.namespaces.get(name).ok_or_else(|| {
            let all = self.namespaces.all();
            let seen = all.keys().filter(|name| caller.principal.roles.sees(name));
            let seen: Vec<&str> = seen.map(Namespace::as_str).collect();
            let there_is = if seen.is_empty() { String::new() } else { format!(", there is {}", seen.join(", ")) };
            Failure::not_found(format!("namespace {name} does not exist{there_is}"))
        })
    }

    /// Refuses who may do this in no namespace.
    pub(crate) fn check_anywhere(&self, caller: &Caller) -> Result<(), Failure> {
        match self.namespaces.all().keys().any(|name| caller.check(name).is_ok()) {
            true => Ok(()),
            false => caller.check(&Namespace::main()),
        }
    }

    /// Returns what a caller may know of the fleet.
    pub(crate) fn sight<'a>(&'a self, caller: &'a Caller) -> Sight<'a> {
        Sight::new(&caller.principal.roles, self.namespaces.all().keys())
    }

    /// Returns `main`, in which all others are mounted.
    pub(crate) fn main(&self, caller: &Caller) -> Result<Arc<LiveNamespace>, Failure> {
        self.namespace(caller, &Namespace::main())
    }

    /// Reads a path of a request, or says what is wrong with it in the words of a report.
    pub(crate) fn path(&self, path: &str) -> Result<ConfigPath, Failure> {
        let limits = self.gate.settings().path_limits();
        ConfigPath::parse(path).map_err(|error| Failure::invalid(path_refusal(&error, &limits)))
    }

    /// Returns the heads of namespaces that have one.
    pub(crate) fn heads(&self) -> BTreeMap<Namespace, Head> {
        self.namespaces.heads()
    }
}

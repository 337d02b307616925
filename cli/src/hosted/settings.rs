//! `configbus.toml` in the repository.

use super::repository::Repository;
use crate::report::Failure;
use configbus_api::{ClientTlsSettings, ReadableToken};
use configbus_coordination::ZooKeeperSettings;
use configbus_hooks::{Context, Gate, GateSettings, Mounts, entry};
use configbus_model::{ErrorKind, Namespace, Principal, PrincipalName};
use configbus_runtime::{
    Clock as _, SystemClock,
    settings::{Sources, load},
};
use serde::{Deserialize, Serialize};
use std::{env, path::PathBuf, process::ExitCode};

/// Name of the file.
pub(super) const FILE: &str = "configbus.toml";

/// Everything the hooks of a repository can be told.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct HookSettings {
    /// Name under which heads are announced; `main` when it is empty.
    pub(crate) namespace: String,
    /// Environment variable in which whoever hosts the repository names the pusher, such as `GL_USER`. Without it nobody is
    /// told from anybody else, and owners hold nobody back.
    pub(crate) principal_variable: String,
    /// Pushers who may change policy.
    pub(crate) admins: Vec<String>,
    /// Bounds on what a push may contain.
    pub(crate) gate: GateSettings,
    /// Where heads are announced; nowhere when `connect` is empty and no server is set.
    pub(crate) zookeeper: ZooKeeperSettings,
    /// The server whose registry heads are announced to, where there is no ZooKeeper.
    pub(crate) server: AnnouncedTo,
}

/// A server that heads are announced to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AnnouncedTo {
    /// Its URL; nothing is announced to it when this is empty.
    pub(crate) url: String,
    /// File with the access token to give to it: of a writer of the namespace.
    pub(crate) token_file: Option<PathBuf>,
    /// How the hooks prove themselves to it, and which server they believe.
    pub(crate) tls: ClientTlsSettings,
}

impl AnnouncedTo {
    fn check(&self) -> Result<(), Failure> {
        let is_url = self.url.parse().is_ok_and(|uri: tonic::codegen::http::Uri| {
            matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some() && uri.path() == "/"
        });
        if !is_url {
            let text = format!("server.url = {:?}, expected the URL of a server such as https://bus:7420", self.url);
            return Err(Failure::new(ErrorKind::Invalid, text));
        }
        if self.token_file.is_some() {
            ReadableToken::check(&self.url).map_err(|error| Failure::of(ErrorKind::Invalid, &error))?;
        }
        self.tls.check().map_err(|error| Failure::of(error.kind(), &error))
    }
}

impl HookSettings {
    /// Reads the file, and nothing else.
    pub(crate) fn read(repository: &Repository) -> Result<Self, Failure> {
        let file = repository.path(FILE);
        let sources = Sources { file: Some(&file), variables: Vec::new(), flags: Vec::new() };
        let settings: Self = load(&sources).map_err(|error| Failure::of(ErrorKind::Invalid, &error))?;
        settings.check()?;
        Ok(settings)
    }

    /// Returns what differs from the defaults, as the file has it: defaults of a later release shall hold there as well.
    pub(crate) fn to_text(&self) -> Result<String, Failure> {
        let failed = |error: toml::ser::Error| Failure::of(ErrorKind::Internal, &error);
        let mut table = toml::Table::try_from(self).map_err(failed)?;
        drop_same(&mut table, &toml::Table::try_from(Self::default()).map_err(failed)?);
        toml::to_string(&table).map_err(failed)
    }

    /// Refuses what cannot hold.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        self.namespace()?;
        if !self.zookeeper.connect.is_empty() {
            self.zookeeper.check().map_err(|error| Failure::of(ErrorKind::Invalid, &error))?;
        }
        if !self.server.url.is_empty() {
            if !self.zookeeper.connect.is_empty() {
                let text = "zookeeper.connect and server.url are both set: heads are announced in one place";
                return Err(Failure::new(ErrorKind::Invalid, text));
            }
            self.server.check()?;
        }
        self.gate().map(drop)
    }

    /// Returns the name under which heads are announced.
    pub(crate) fn namespace(&self) -> Result<Namespace, Failure> {
        if self.namespace.is_empty() {
            return Ok(Namespace::main());
        }
        Namespace::parse(&self.namespace).map_err(|error| Failure::of(ErrorKind::Invalid, &error))
    }

    /// Judges the push that Git is asking about.
    pub(crate) fn judge(&self) -> Result<ExitCode, Failure> {
        let (namespace, principal) = (self.namespace()?, self.principal()?);
        let context = Context {
            principal: &principal,
            namespace: &namespace,
            now_ms: SystemClock.now_ms(),
            mounts: Mounts::default(),
        };
        Ok(entry::pre_receive_hosted(&self.gate()?, &context))
    }

    fn gate(&self) -> Result<Gate, Failure> {
        let mut settings = self.gate.clone();
        // Git runs the hook by a name that is not the program's.
        settings.child_program = env::current_exe().ok();
        Gate::new(settings)
            .map_err(|error| Failure::new(error.kind(), format!("settings file {FILE} is wrong: {error}")))
    }

    fn principal(&self) -> Result<Principal, Failure> {
        if self.principal_variable.is_empty() {
            return Ok(Principal::open());
        }
        let variable = &self.principal_variable;
        let name = env::var(variable).map_err(|_| {
            Failure::new(ErrorKind::Denied, format!("{variable} does not say who pushes, so nobody may"))
        })?;
        let role = if self.admins.contains(&name) { "admin" } else { "writer" };
        let name = PrincipalName::parse(&name).map_err(|error| Failure::of(ErrorKind::Denied, &error))?;
        let role = role.parse().expect("roles are called so");
        Ok(Principal::new(name, [role].into_iter().collect()))
    }
}

fn drop_same(table: &mut toml::Table, defaults: &toml::Table) {
    table.retain(|key, value| match (value, defaults.get(key)) {
        (toml::Value::Table(table), Some(toml::Value::Table(defaults))) => {
            drop_same(table, defaults);
            !table.is_empty()
        }
        (value, default) => default != Some(&*value),
    });
}

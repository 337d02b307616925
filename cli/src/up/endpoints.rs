//! `endpoints.json`: every address of a bus, for programs that started it on free ports.

use crate::report::Failure;
use anyhow::Context as _;
use serde::Serialize;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Addresses of a bus.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Endpoints {
    /// Base URL of the server.
    pub(crate) server: String,
    /// URL to clone from.
    pub(crate) git: String,
    /// Base URL of the store.
    pub(crate) store: String,
    /// Agents in order.
    pub(crate) agents: Vec<AgentEndpoint>,
}

/// Where one agent answers and where its files are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct AgentEndpoint {
    /// Base URL of its status.
    pub(crate) listen: String,
    /// Folder with `current`.
    pub(crate) root: PathBuf,
}

impl Endpoints {
    /// Returns the file in a data folder.
    pub(crate) fn file(data: &Path) -> PathBuf {
        data.join("endpoints.json")
    }

    /// Writes the file so that nobody sees half of it.
    pub(crate) fn write(&self, file: &Path) -> Result<(), Failure> {
        let written = file.with_extension("json.tmp");
        let text = serde_json::to_string_pretty(self).expect("addresses are text") + "\n";
        fs::write(&written, text).with_context(|| format!("cannot write {}", written.display()))?;
        fs::rename(&written, file).with_context(|| format!("cannot write {}", file.display()))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_are_those_that_scripts_know() {
        let folder = tempfile::tempdir().unwrap();
        let file = Endpoints::file(folder.path());
        let agent = AgentEndpoint { listen: "http://127.0.0.1:3".into(), root: "/bus/host-1".into() };
        let endpoints = Endpoints {
            server: "http://127.0.0.1:1".into(),
            git: "http://127.0.0.1:1/git/main.git".into(),
            store: "http://127.0.0.1:2".into(),
            agents: vec![agent],
        };
        endpoints.write(&file).unwrap();
        let read: serde_json::Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        assert_eq!(
            read,
            serde_json::json!({
                "server": "http://127.0.0.1:1",
                "git": "http://127.0.0.1:1/git/main.git",
                "store": "http://127.0.0.1:2",
                "agents": [{ "listen": "http://127.0.0.1:3", "root": "/bus/host-1" }],
            })
        );
    }
}

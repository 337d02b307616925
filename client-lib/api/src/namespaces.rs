//! Calls of the `Admin` service: namespaces.

use crate::{ApiError, Client, NamespaceHead, attempt::Attempt};
use configbus_model::{ConfigPath, Epoch, Namespace};
use configbus_proto::{
    convert::{WireError, namespace_from_wire},
    v1,
};

/// A namespace as its readers see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamespaceInfo {
    /// Its name, which is also that of its repository.
    pub name: Namespace,
    /// Where it is in the one path space.
    pub mount: NamespaceMount,
    /// Generation of its history.
    pub epoch: Epoch,
    /// Its head; absent before the first commit.
    pub head: Option<NamespaceHead>,
}

/// Where a namespace is in the one path space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NamespaceMount {
    /// At the root: `main`.
    Root,
    /// At a directory.
    At(ConfigPath),
    /// Nowhere.
    Nowhere,
}

impl Client {
    /// Makes a namespace and mounts it, at a directory that is called like it when none is named. Returns it and
    /// whether it was not there before.
    pub async fn create_namespace(
        &self,
        name: &Namespace,
        prefix: Option<&ConfigPath>,
    ) -> Result<(NamespaceInfo, bool), ApiError> {
        let call = self.calls.change("create-namespace");
        let prefix = prefix.map(ToString::to_string).unwrap_or_default();
        let message = v1::CreateNamespaceRequest { name: name.to_string(), prefix };
        let send = |attempt: Attempt| {
            let request = attempt.request(message.clone());
            async move { attempt.admin().create_namespace(request).await }
        };
        let answer = self.calls.make(call, send).await?;
        let info = NamespaceInfo::from_wire(answer.info.as_ref()).map_err(ApiError::malformed(call.operation))?;
        Ok((info, answer.created))
    }

    /// Returns the namespaces that the caller may read.
    pub async fn namespaces(&self) -> Result<Vec<NamespaceInfo>, ApiError> {
        let call = self.calls.read("list-namespaces");
        let send = |attempt: Attempt| async move {
            let request = attempt.request(v1::ListNamespacesRequest {});
            attempt.admin().list_namespaces(request).await
        };
        let answer = self.calls.make(call, send).await?;
        let namespaces = answer.namespaces.iter().map(|info| NamespaceInfo::from_wire(Some(info)));
        namespaces.collect::<Result<_, _>>().map_err(ApiError::malformed(call.operation))
    }

    /// Unmounts a namespace and has its repository set aside. Returns what it was and where the server keeps it.
    pub async fn delete_namespace(&self, name: &Namespace) -> Result<(NamespaceInfo, String), ApiError> {
        let call = self.calls.change("delete-namespace");
        let message = v1::DeleteNamespaceRequest { name: name.to_string() };
        let send = |attempt: Attempt| {
            let request = attempt.request(message.clone());
            async move { attempt.admin().delete_namespace(request).await }
        };
        let answer = self.calls.make(call, send).await?;
        let info = NamespaceInfo::from_wire(answer.info.as_ref()).map_err(ApiError::malformed(call.operation))?;
        Ok((info, answer.kept_at))
    }
}

impl NamespaceInfo {
    fn from_wire(wire: Option<&v1::NamespaceInfo>) -> Result<Self, WireError> {
        let wire = wire.ok_or_else(|| WireError::new("info", "it is missing"))?;
        let at = |prefix: &str| ConfigPath::parse(prefix).map_err(|error| WireError::new("info.prefix", error));
        let mount = match (wire.mounted, wire.prefix.as_str()) {
            (false, _) => NamespaceMount::Nowhere,
            (true, "") => NamespaceMount::Root,
            (true, prefix) => NamespaceMount::At(at(prefix)?),
        };
        let head = wire.head.as_ref().map(|head| NamespaceHead::from_wire(Some(head))).transpose()?;
        Ok(Self { name: namespace_from_wire(&wire.name)?, mount, epoch: Epoch(wire.epoch), head })
    }
}

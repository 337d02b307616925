//! Calls to ZooKeeper in the form the registry needs: absence is a value, errors name the node.

use super::claim::Found;
use crate::RegistryError;
use zookeeper_client as zk;

pub(super) const KIND: &str = "zookeeper";

/// Names what failed.
pub(super) fn failed(operation: &'static str, node: &str, source: zk::Error) -> RegistryError {
    let node = node.to_owned();
    match source {
        zk::Error::NoAuth | zk::Error::InvalidAcl | zk::Error::AuthFailed => {
            RegistryError::Denied { registry: KIND, node }
        }
        source => RegistryError::ZooKeeper { operation, node, source },
    }
}

/// Data and stat of a node.
pub(super) type Data = (Vec<u8>, zk::Stat);

/// Reads a node. The request is sent by the call, not by the first poll, so reads made one after the other travel
/// together.
pub(super) fn read<'a>(
    client: &zk::Client,
    path: &'a str,
) -> impl Future<Output = Result<Option<Data>, RegistryError>> + use<'a> {
    let answer = client.get_data(path);
    async move {
        match answer.await {
            Ok(data) => Ok(Some(data)),
            Err(zk::Error::NoNode) => Ok(None),
            Err(error) => Err(failed("read", path, error)),
        }
    }
}

/// Lists the children of a node; nothing if it is not there.
pub(super) async fn children(client: &zk::Client, path: &str) -> Result<Vec<String>, RegistryError> {
    match client.list_children(path).await {
        Ok(names) => Ok(names),
        Err(zk::Error::NoNode) => Ok(Vec::new()),
        Err(error) => Err(failed("list", path, error)),
    }
}

/// Makes a node and those above it. Asks first: ZooKeeper looks at the access list of the parent before it looks whether
/// the node is there, so that creating what exists would be refused to a reader without credentials.
pub(super) async fn make_dirs(
    client: &zk::Client,
    path: &str,
    options: &zk::CreateOptions<'_>,
) -> Result<(), RegistryError> {
    match client.check_stat(path).await {
        Ok(Some(_)) => Ok(()),
        Ok(None) => client.mkdir(path, options).await.map_err(|error| failed("create", path, error)),
        Err(error) => Err(failed("look at", path, error)),
    }
}

/// Reads what an ephemeral node says.
pub(super) fn found((data, stat): &Data) -> Found {
    Found { member: serde_json::from_slice(data).ok(), owner: stat.ephemeral_owner, version: stat.version }
}

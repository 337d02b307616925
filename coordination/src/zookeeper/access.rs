//! Who may touch the nodes.
//!
//! With credentials, whoever created a node may do everything with it and everybody may read it. Without, everybody
//! may do everything, as in any ZooKeeper that is set up that way.

use super::calls::failed;
use crate::RegistryError;
use zookeeper_client as zk;

/// Access lists for what this process creates.
pub(super) struct Access {
    acls: Option<Vec<zk::Acl>>,
}

impl Access {
    pub(super) fn new(is_authenticated: bool) -> Self {
        let read = || zk::Acl::new(zk::Permission::READ, zk::AuthId::anyone());
        let creator = || zk::Acl::new(zk::Permission::ALL, zk::AuthId::authed());
        Self { acls: is_authenticated.then(|| vec![creator(), read()]) }
    }

    fn acls(&self) -> zk::Acls<'_> {
        self.acls.as_deref().map_or(zk::Acls::anyone_all(), zk::Acls::new)
    }

    pub(super) fn persistent(&self) -> zk::CreateOptions<'_> {
        zk::CreateMode::Persistent.with_acls(self.acls())
    }

    pub(super) fn ephemeral(&self) -> zk::CreateOptions<'_> {
        zk::CreateMode::Ephemeral.with_acls(self.acls())
    }

    /// Closes nodes that were created before credentials were set: an operator who sets them expects protection.
    pub(super) async fn close(&self, client: &zk::Client, paths: &[String]) -> Result<(), RegistryError> {
        let Some(acls) = self.acls.as_deref() else { return Ok(()) };
        for path in paths {
            let (current, stat) = match client.get_acl(path).await {
                Ok(found) => found,
                Err(zk::Error::NoNode) => continue,
                Err(error) => return Err(failed("read the access list of", path, error)),
            };
            if current.iter().any(is_open) {
                match client.set_acl(path, acls, Some(stat.aversion)).await {
                    Ok(_) => tracing::warn!(path, "{path} was open for everybody to write and has been closed"),
                    Err(zk::Error::NoNode | zk::Error::BadVersion) => {}
                    Err(error) => return Err(failed("close", path, error)),
                }
            }
        }
        Ok(())
    }
}

fn is_open(acl: &zk::Acl) -> bool {
    acl.scheme() == "world" && acl.permission() != zk::Permission::READ && acl.permission() != zk::Permission::NONE
}

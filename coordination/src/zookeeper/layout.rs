//! Where things are in ZooKeeper.
//!
//! ```text
//! CHROOT/configbus/ns/<namespace>/head          JSON of the head
//! CHROOT/configbus/ns/<namespace>/server        JSON of the member, ephemeral
//! CHROOT/configbus/stores/<id>-<incarnation>    JSON of the member, ephemeral
//! ```

use configbus_model::{Member, Namespace};

const ROOT: &str = "/configbus";

/// Builds and reads paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layout {
    root: String,
}

/// A node that carries data.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Node {
    Head(Namespace),
    Server(Namespace),
    Store(String),
}

impl Layout {
    /// Returns the layout below a chroot, which is empty or a path.
    pub(super) fn below(chroot: &str) -> Option<Self> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let is_name = |name: &str| !matches!(name, "" | "." | "..") && name.chars().all(allowed);
        let is_path = chroot.strip_prefix('/').is_some_and(|names| names.split('/').all(is_name));
        (chroot.is_empty() || is_path).then(|| Self { root: format!("{chroot}{ROOT}") })
    }

    pub(super) fn root(&self) -> &str {
        &self.root
    }

    pub(super) fn namespaces(&self) -> String {
        format!("{}/ns", self.root)
    }

    pub(super) fn namespace(&self, namespace: &Namespace) -> String {
        format!("{}/ns/{namespace}", self.root)
    }

    pub(super) fn stores(&self) -> String {
        format!("{}/stores", self.root)
    }

    pub(super) fn store(&self, member: &Member) -> Node {
        Node::Store(member.node_name())
    }

    pub(super) fn path(&self, node: &Node) -> String {
        match node {
            Node::Head(namespace) => format!("{}/ns/{namespace}/head", self.root),
            Node::Server(namespace) => format!("{}/ns/{namespace}/server", self.root),
            Node::Store(name) => format!("{}/stores/{name}", self.root),
        }
    }

    /// Returns the paths of everything that outlives sessions.
    pub(super) fn persistent(&self, namespaces: &[Namespace]) -> Vec<String> {
        let fixed = [self.root.clone(), self.namespaces(), self.stores()];
        let of_namespace = |ns: &Namespace| [self.namespace(ns), self.path(&Node::Head(ns.clone()))];
        fixed.into_iter().chain(namespaces.iter().flat_map(of_namespace)).collect()
    }

    /// Reads the path of an event; `None` for nodes that carry no data or are not ours.
    pub(super) fn parse(&self, path: &str) -> Option<Node> {
        let names: Vec<&str> = path.strip_prefix(self.root.as_str())?.strip_prefix('/')?.split('/').collect();
        match names.as_slice() {
            ["ns", namespace, "head"] => Namespace::parse(namespace).ok().map(Node::Head),
            ["ns", namespace, "server"] => Namespace::parse(namespace).ok().map(Node::Server),
            ["stores", name] => Some(Node::Store((*name).to_owned())),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_round_trip() {
        let layout = Layout::below("/prod").unwrap();
        for node in [Node::Head(Namespace::main()), Node::Server(Namespace::main()), Node::Store("a-1".into())] {
            assert_eq!(layout.parse(&layout.path(&node)), Some(node));
        }
        assert_eq!(layout.path(&Node::Head(Namespace::main())), "/prod/configbus/ns/main/head");
    }

    #[test]
    fn nodes_of_others_are_left_alone() {
        let layout = Layout::below("").unwrap();
        for path in ["/configbus", "/configbus/ns/main", "/configbus/ns/UPPER/head", "/configbus2/stores/a", "/x"] {
            assert_eq!(layout.parse(path), None, "{path}");
        }
    }
}

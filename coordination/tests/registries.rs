//! Every registry against the contract, and the one in ZooKeeper against the faults of a real ensemble.

mod registries {
    mod embedded;
    mod grpc;
    mod support;
    mod zookeeper;
    mod zookeeper_faults;
}

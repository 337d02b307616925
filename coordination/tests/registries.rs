//! Every registry against the contract, and the one in ZooKeeper against the faults of a real ensemble.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod registries {
    mod embedded;
    mod grpc;
    mod support;
    mod zookeeper;
    mod zookeeper_faults;
}

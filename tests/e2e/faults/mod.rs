//! What goes wrong in the field: processes die, disks fill, files rot, peers are away.

mod absence;
mod alteration;
mod announcement;
mod disk;
mod kills;
mod leftovers;
mod linearizability;
mod mirror;
mod observer;
mod zookeeper;

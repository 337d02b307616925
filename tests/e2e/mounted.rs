//! Mounted namespaces on hosts, through the real binary: they appear at their prefixes, move by themselves and go.

use configbus_model::Namespace;
use configbus_proto::v1::{self, admin_client::AdminClient};
use configbus_tests::{bus::Bus, eventually::eventually, git::WorkingCopy, ports::fixed_port};

/// Asks the server's `Admin`.
fn create(bus: &Bus, name: &str, prefix: &str) {
    let (url, name, prefix) = (bus.server().to_owned(), name.to_owned(), prefix.to_owned());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async move {
        let mut admin = AdminClient::connect(url).await.unwrap();
        admin.create_namespace(v1::CreateNamespaceRequest { name, prefix }).await.unwrap();
    });
}

fn delete(bus: &Bus, name: &str) {
    let (url, name) = (bus.server().to_owned(), name.to_owned());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async move {
        let mut admin = AdminClient::connect(url).await.unwrap();
        admin.delete_namespace(v1::DeleteNamespaceRequest { name }).await.unwrap();
    });
}

#[test]
fn a_namespace_is_seen_at_its_prefix_while_it_is_mounted() {
    let listen = format!("127.0.0.1:{}", fixed_port());
    let mut bus = Bus::with(&["--listen", &listen]);
    let _ = bus.run_with(&["put", "a.json"], b"1").expect_ok();
    create(&bus, "traffic", "edge/traffic");
    let copy = WorkingCopy::init(&bus.git().replace("main.git", "traffic.git"));
    let _ = copy.change("limits.json", "{\"max\": 1}\n").expect_ok();
    bus.shows("edge/traffic/limits.json", "{\"max\": 1}\n");
    bus.shows("a.json", "1");
    let _ = copy.change("limits.json", "{\"max\": 2}\n").expect_ok();
    let _ = bus.run(&["wait", "r2", "--namespace", "traffic"]).expect_ok();
    bus.shows("edge/traffic/limits.json", "{\"max\": 2}\n");

    let hosts = bus.run(&["hosts", "--output", "json"]).expect_ok().json();
    let traffic = &hosts["hosts"][0]["namespaces"][Namespace::parse("traffic").unwrap().as_str()];
    assert_eq!((&traffic["state"], &traffic["lag"]), (&"current".into(), &0.into()), "{hosts}");
    let table = bus.run(&["hosts", "--namespace", "traffic"]).expect_ok().stdout;
    assert!(table.contains("traffic") && table.contains("r2"), "{table}");

    bus.kill();
    bus.restart();
    bus.shows("edge/traffic/limits.json", "{\"max\": 2}\n");
    let _ = copy.change("limits.json", "{\"max\": 3}\n").expect_ok();
    bus.shows("edge/traffic/limits.json", "{\"max\": 3}\n");

    delete(&bus, "traffic");
    eventually("what is not mounted any more is gone", || bus.read("edge/traffic/limits.json").is_none().then_some(()));
    bus.shows("a.json", "1");
}

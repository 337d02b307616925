//! Time and memory of what nobody honest would push, while an honest client is served.

use crate::table::Table;
use configbus_tests::{
    cluster::{Cluster, Plan},
    git::WorkingCopy,
    hostile::{self, Hostile, packs},
    memory::{self, Peak},
    rest::Rest,
    steady::while_serving,
};
use std::time::Duration;

const HEADER: [&str; 5] = ["candidate", "ms", "server MiB", "largest child MiB", "which"];

pub(crate) fn run() -> anyhow::Result<()> {
    for (family, make) in hostile::FAMILIES {
        measure(family, |server, url, copy, head, table| {
            for Hostile { name, commit, reference, .. } in make(copy, head) {
                let refspec = format!("{commit}:{reference}");
                let option: &[&str] = if reference == "refs/heads/main" { &["-o", "dry-run"] } else { &[] };
                let push = || copy.git(&[&["push"], option, &[&format!("{url}/git/main.git"), &refspec]].concat());
                let (pushed, peak) = memory::watch(server, push);
                row(table, &format!("{name}{}", if pushed.ok { " (accepted)" } else { "" }), &peak);
            }
        });
    }
    measure("packs made by hand", |server, url, copy, head, table| {
        for pack in packs::all(copy, head) {
            let (_, peak) = memory::watch(server, || pack.push(url));
            row(table, pack.name, &peak);
        }
    });
    Ok(())
}

/// Pushes one family at a server of its own.
fn measure(family: &str, push_all: impl FnOnce(u32, &str, &WorkingCopy, &str, &mut Table)) {
    let mut cluster = Cluster::plan(&Plan::default());
    cluster.server.start();
    cluster.server.ready();
    let (pid, url) = (cluster.server.process().pid(), cluster.server.url().to_owned());
    let _ = Rest::new(&url).put("/v1/files/seed.json", &[], "1");
    let copy = WorkingCopy::clone(&cluster.git(), &[]);
    let head = copy.id("HEAD");
    let mut table = Table::new(format!("Hostile candidates: {family}"), HEADER);
    row(&mut table, "before", &memory::watch(pid, || ()).1);
    let ((), rounds) = while_serving(&url, || push_all(pid, &url, &copy, &head, &mut table));
    table.print();
    println!("  an honest client came round {rounds} times meanwhile (put, get, clone, push, get)");
}

fn row(table: &mut Table, name: &str, peak: &Peak) {
    let (child, bytes) = peak.largest_child();
    let time =
        if peak.elapsed < Duration::from_millis(1) { String::new() } else { peak.elapsed.as_millis().to_string() };
    table.row(name, [time, (peak.own >> 20).to_string(), (bytes >> 20).to_string(), child.to_owned()]);
}

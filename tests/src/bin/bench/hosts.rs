//! One changed file in trees of several sizes: the cost on a host, beside rsync and git on the same tree.

use crate::{
    metrics::Timings,
    peers::{PeerSamples, Peers},
    print::{row, table},
    stats::{Samples, ms},
    tree::Tree,
    usage::Usage,
};
use anyhow::Context as _;
use configbus_tests::{bus::Bus, eventually::eventually, rest::Rest};
use std::time::Duration;

const LAYOUTS: [&str; 2] = ["plain", "linked"];
const APPLY: &str = "configbus_agent_apply";

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Sizes of the trees.
    #[arg(long, value_delimiter = ',', default_values_t = [1_000, 10_000, 100_000])]
    files: Vec<usize>,
    /// Changes per size and layout.
    #[arg(long, default_value_t = 20)]
    samples: usize,
}

impl Default for Args {
    fn default() -> Self {
        Self { files: vec![1_000, 10_000, 100_000], samples: 20 }
    }
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let mut rows = vec![row([
        "one changed file",
        "plain p50",
        "p99",
        "linked p50",
        "p99",
        "rsync -c",
        "rsync",
        "fetch+reset",
        "rsync -c / linked",
        "reset / linked",
        "RSS plain",
        "linked",
    ])];
    for &files in &args.files {
        let mut tree = Tree::make(files)?;
        let peers = time_peers(&mut tree, args.samples)?;
        let [plain, linked] = LAYOUTS.map(|layout| time_bus(&mut tree, layout, args.samples));
        rows.push(describe(files, &plain?, &linked?, &peers));
    }
    table("delta's arrival to flip on the host, fsyncs included, ms (peers: one run of the tool, p50)", &rows);
    Ok(())
}

struct Measured {
    apply: Samples,
    rss_bytes: u64,
}

fn time_peers(tree: &mut Tree, samples: usize) -> anyhow::Result<PeerSamples> {
    let mut peers = Peers::copy_of(tree)?;
    for _ in 0..samples.min(10) {
        tree.change()?;
        peers.follow(tree)?;
    }
    Ok(peers.finish())
}

fn time_bus(tree: &mut Tree, layout: &str, samples: usize) -> anyhow::Result<Measured> {
    let bus = Bus::with(&["--layout", layout]);
    tree.push(bus.git())?;
    let _ = bus.run(&["wait", &head(&bus), "--timeout", "5m"]).expect_ok();
    let rest = Rest::new(bus.server());
    let agent = bus.endpoints().agents[0].listen.clone();
    let mut apply = Samples::default();
    let (mut sum, mut count) = Timings::scrape(&[&agent]).total(APPLY);
    for _ in 0..samples {
        let (path, content) = tree.change()?;
        let answer = rest.put(&format!("/v1/files/{path}"), &[], content);
        anyhow::ensure!(answer.status < 300, "{} {}", answer.status, answer.body);
        let (sum_now, count_now) = eventually("the agent has applied it", || {
            Some(Timings::scrape(&[&agent]).total(APPLY)).filter(|(_, applied)| *applied > count)
        });
        apply.add(Duration::try_from_secs_f64(sum_now - sum).context("a sum that shrinks")?);
        (sum, count) = (sum_now, count_now);
    }
    let rss_bytes = Usage::of(bus.pid())?.rss_bytes;
    Ok(Measured { apply, rss_bytes })
}

fn head(bus: &Bus) -> String {
    format!("r{}", Rest::new(bus.server()).get("/v1/log?limit=1", &[]).json()["commits"][0]["revision"])
}

fn describe(files: usize, plain: &Measured, linked: &Measured, peers: &PeerSamples) -> Vec<String> {
    let ratio = |peer: &Samples| format!("{:.0}×", peer.p50().as_secs_f64() / linked.apply.p50().as_secs_f64());
    let mib = |bytes: u64| format!("{} MiB", bytes >> 20);
    vec![
        format!("{files} files, n={}", plain.apply.len()),
        ms(plain.apply.p50()),
        ms(plain.apply.p99()),
        ms(linked.apply.p50()),
        ms(linked.apply.p99()),
        ms(peers.rsync_checksums.p50()),
        ms(peers.rsync.p50()),
        ms(peers.reset.p50()),
        ratio(&peers.rsync_checksums),
        ratio(&peers.reset),
        mib(plain.rss_bytes),
        mib(linked.rss_bytes),
    ]
}

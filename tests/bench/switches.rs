//! Switches on a running bus: from a command to its effect, and how many questions an agent answers.

mod effect;
mod questions;

use crate::progress::Progress;
use configbus_tests::{
    cluster::{Cluster, Plan},
    eventually::eventually,
    ofrep::{BULK, JSON, question},
    rest::Rest,
};
use serde_json::{Value, json};

/// Flags that are asked about at once.
const FLAGS: usize = 500;

/// The file whose key is set.
const DECIDER: &str = "flags/bench/decider.yml";

pub(crate) fn run(samples: u64, seconds: u64) -> anyhow::Result<()> {
    println!("\nSwitches: server, store and agent as processes of their own; {FLAGS} flags of one condition each.");
    let starting = Progress::waiting("starting a bus with flags");
    let mut cluster = Cluster::start(&Plan::default());
    let _ = cluster.run_with(&["put", DECIDER], b"new_db: {default_availability: 0}\n").expect_ok();
    let _ = cluster.run_with(&["put", "flags/bench/web.json"], flags().to_string().as_bytes()).expect_ok();
    let agent = Rest::new(cluster.agent.url());
    eventually("the agent has read the flags", || {
        let answer = agent.post(BULK, &[JSON], question("ada"));
        (answer.status == 200 && answer.body.contains("\"flag_7\"")).then_some(())
    });
    drop(starting);
    effect::run(&cluster, samples)?;
    questions::run(&mut cluster, seconds)
}

fn flags() -> Value {
    let rule = json!({"if": [{"==": [{"var": "country"}, "DE"]}, "on", "off"]});
    let flag = json!({
        "state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "off", "targeting": rule,
    });
    let flags: serde_json::Map<_, _> = (0..FLAGS).map(|at| (format!("flag_{at}"), flag.clone())).collect();
    json!({ "flags": flags })
}

//! Runtime switches beside other engines, in one run: `cargo bench` in this folder, or `cargo bench -- decider` for some.
//!
//! At the end a table holds the figures against each other and against the budgets of the design. Peers are asked as their
//! own clients ask them, and once more in the way that is best for them.

mod datalogic;
mod flagd;
mod ours;
mod rules;
mod table;
mod yggdrasil;

use criterion::Criterion;
use std::{path::Path, time::Duration};

fn main() {
    let figures = Path::new(env!("CARGO_TARGET_TMPDIR")).join("criterion");
    let _ = std::fs::remove_dir_all(&figures);
    let mut criterion = Criterion::default()
        .output_directory(&figures)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .sample_size(40)
        .configure_from_args();
    ours::run(&mut criterion);
    yggdrasil::run(&mut criterion);
    datalogic::run(&mut criterion);
    flagd::run(&mut criterion);
    criterion.final_summary();
    table::print(&figures);
}

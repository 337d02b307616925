//! `configbus validate`: what the gate would say about a working copy.

use crate::{
    args::ValidateArgs,
    output::{Output, Render},
    paint::Paint,
    progress::Progress,
    report::Failure,
};
use configbus_hooks::{Colour, Context, Gate, GateSettings, Report, WorkingCopyError};
use configbus_model::{ErrorKind, Namespace, Principal};
use configbus_runtime::{Clock as _, SystemClock};
use serde::{Serialize, Serializer};
use std::io::{self, Write};

/// The gate's report in the format that was asked for.
struct Validated {
    report: Report,
    sarif: bool,
}

impl Serialize for Validated {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.report.to_json().serialize(serializer)
    }
}

impl Render for Validated {
    fn text(&self, to: &mut dyn Write, paint: Paint) -> io::Result<()> {
        if self.sarif {
            return writeln!(to, "{:#}", self.report.to_sarif());
        }
        let colour = if paint.is_coloured() { Colour::On } else { Colour::Off };
        write!(to, "{}", self.report.render_terminal(colour))
    }
}

pub(crate) fn run(args: &ValidateArgs, output: Output) -> Result<(), Failure> {
    let gate = Gate::new(GateSettings::default()).map_err(|error| Failure::of(error.kind(), &error))?;
    let mut progress = Progress::counting("files", 0);
    // Whoever validates a copy asks what is wrong with it, not who may push it.
    let principal = Principal::open();
    let context = Context { principal: &principal, namespace: &Namespace::main(), now_ms: SystemClock.now_ms() };
    let report = gate.check_working_copy(&args.dir, &context, &mut |done| {
        progress.at(done.files_checked as u64, done.files_total as u64);
    })?;
    progress.finish();
    let accepted = report.is_accepted();
    output.show(&Validated { report, sarif: args.sarif })?;
    if accepted { Ok(()) } else { Err(Failure::shown(ErrorKind::Rejected)) }
}

impl From<WorkingCopyError> for Failure {
    fn from(error: WorkingCopyError) -> Self {
        Self::of(error.kind(), &error)
    }
}

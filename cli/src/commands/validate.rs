//! `configbus validate`: what the gate would say about a working copy.

use crate::{
    args::{ReportFormat, ValidateArgs},
    output::Output,
    paint::report_style,
    progress::Progress,
    report::Failure,
};
use configbus_hooks::{Context, Gate, GateSettings, Mounts, Report, WorkingCopyError};
use configbus_model::{ErrorKind, Namespace, Principal};
use configbus_runtime::{Clock as _, SystemClock};
use serde::Deserialize;
use std::{
    fs,
    io::{self, Write as _},
    path::Path,
};

pub(crate) fn run(args: &ValidateArgs, output: Output) -> Result<(), Failure> {
    let gate = gate(args.config.as_deref())?;
    let mut progress = Progress::counting("files", 0);
    let mut advance = |done: configbus_hooks::Progress| progress.at(done.files_checked as u64, done.files_total as u64);
    let (namespace, now_ms) = (Namespace::main(), SystemClock.now_ms());
    let report = match &args.principal {
        Some(name) => {
            let roles = args.roles.iter().cloned().collect();
            let groups = args.groups.iter().cloned().collect();
            let principal = Principal { name: name.clone(), roles, groups };
            let context = Context { principal: &principal, namespace: &namespace, now_ms, mounts: Mounts::default() };
            gate.check_proposal(&args.dir, &context, &mut advance)?
        }
        // Whoever names nobody asks what is wrong with the copy, not who may push it.
        None => {
            let context =
                Context { principal: &Principal::open(), namespace: &namespace, now_ms, mounts: Mounts::default() };
            gate.check_working_copy(&args.dir, &context, &mut advance)?
        }
    };
    progress.finish();
    let accepted = report.is_accepted();
    let format = args.format.unwrap_or(if output.is_json() { ReportFormat::Json } else { ReportFormat::Text });
    write!(io::stdout().lock(), "{}", written(&report, format, output))?;
    if accepted { Ok(()) } else { Err(Failure::shown(ErrorKind::Rejected)) }
}

/// Makes the gate, with the limits of a settings file if one is named, whichever process it is for.
fn gate(file: Option<&Path>) -> Result<Gate, Failure> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct WithGate {
        gate: GateSettings,
    }
    let Some(file) = file else {
        return Gate::new(GateSettings::default()).map_err(|error| Failure::of(error.kind(), &error));
    };
    let failed = |what: &str, error: &dyn std::fmt::Display| {
        Failure::new(ErrorKind::Invalid, format!("settings file {} {what}: {error}", file.display()))
    };
    let text = fs::read_to_string(file).map_err(|error| failed("cannot be read", &error))?;
    let read = toml::from_str::<WithGate>(&text).map_err(|error| failed("is wrong", &error.to_string().trim_end()))?;
    Gate::new(read.gate).map_err(|error| failed("is wrong", &error))
}

fn written(report: &Report, format: ReportFormat, output: Output) -> String {
    match format {
        ReportFormat::Text => report.render(report_style(output.paint(), &io::stdout())),
        ReportFormat::Json => format!("{}\n", report.to_json()),
        ReportFormat::Sarif => format!("{:#}\n", report.to_sarif()),
    }
}

impl From<WorkingCopyError> for Failure {
    fn from(error: WorkingCopyError) -> Self {
        Self::of(error.kind(), &error)
    }
}

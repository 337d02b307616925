//! `configbus namespace split`: a directory becomes a namespace of its own.

use crate::{
    args::SplitArgs,
    commands::client,
    output::{Output, Render},
    paint::Paint,
    progress::Progress,
    report::Failure,
};
use configbus_api::{SplitReport, SplitStage, SplitWish};
use serde::Serialize;
use std::io::{self, Write};

#[derive(Debug, Serialize)]
struct Split {
    /// `split` or `would_split`.
    outcome: &'static str,
    namespace: String,
    prefix: String,
    files: u64,
    policy_files: Vec<String>,
    copied_files: Vec<String>,
    entries_left: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    revision: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    main_revision: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    held_ms: Option<u64>,
}

impl From<SplitReport> for Split {
    fn from(report: SplitReport) -> Self {
        let moved = report.moved.as_ref();
        Self {
            outcome: if moved.is_some() { "split" } else { "would_split" },
            namespace: report.namespace.to_string(),
            prefix: report.prefix.to_string(),
            files: report.files,
            revision: moved.map(|moved| moved.head.head.revision.0),
            main_revision: moved.map(|moved| moved.main.head.revision.0),
            held_ms: moved.map(|moved| u64::try_from(moved.held.as_millis()).unwrap_or(u64::MAX)),
            policy_files: report.policy_files,
            copied_files: report.copied_files,
            entries_left: report.entries_left,
        }
    }
}

impl Render for Split {
    fn text(&self, to: &mut dyn Write, paint: Paint) -> io::Result<()> {
        let Self { namespace, prefix, files, .. } = self;
        match (self.revision, self.main_revision, self.held_ms) {
            (Some(revision), Some(main), Some(held_ms)) => {
                writeln!(to, "{} {prefix}/ is the namespace {namespace}, at r{revision}", paint.green("split:"))?;
                writeln!(to, "main is at r{main}, and took no changes for {held_ms} ms")?;
            }
            _ => writeln!(to, "{} {prefix}/ can become the namespace {namespace}", paint.green("accepted:"))?,
        }
        writeln!(to, "{files} files, each judged as before")?;
        let list = |to: &mut dyn Write, what: &str, files: &[String]| match files {
            [] => Ok(()),
            files => writeln!(to, "{what}: {}", files.join(", ")),
        };
        list(to, "policy", &self.policy_files)?;
        list(to, "copied from elsewhere", &self.copied_files)?;
        match self.entries_left {
            0 => Ok(()),
            left => writeln!(to, "{left} entries of the policy are about other files and stay where they are"),
        }
    }
}

pub(crate) async fn run(args: SplitArgs, output: Output) -> Result<(), Failure> {
    let client = client(&args.address)?;
    let wish = SplitWish { prefix: args.prefix, name: args.name };
    if args.dry_run {
        return output.show(&Split::from(client.plan_split(&wish).await?));
    }
    let mut bar = Progress::counting("copying history", 0);
    let report = client.split(&wish, |at| {
        if at.stage == SplitStage::Copying {
            bar.at(at.copied, at.total);
        }
    });
    let report = report.await;
    bar.finish();
    output.show(&Split::from(report?))
}

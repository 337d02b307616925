//! `configbus flags lint`: which switches to look at, with whom to ask.

use super::{mentions::Mentions, moment, open, others};
use crate::{
    args::LintFlagsArgs,
    output::{Output, Render},
    paint::Paint,
    report::Failure,
    table::Table,
};
use configbus_api::ErrorKind;
use configbus_client::{
    Flags,
    switches::{Lint, SwitchFile},
};
use serde::Serialize;
use serde_json::{Map, Value};
use std::io::{self, Write};

/// Everything to look at.
#[derive(Debug, Serialize)]
struct Lints {
    lints: Vec<LintShape>,
}

/// Something to look at.
#[derive(Debug, Serialize)]
struct LintShape {
    path: String,
    key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<String>,
    told: String,
}

impl From<Lint> for LintShape {
    fn from(lint: Lint) -> Self {
        let Lint { path, key, owner, told } = lint;
        Self { path, key, owner, told }
    }
}

impl Render for Lints {
    fn text(&self, to: &mut dyn Write, paint: Paint) -> io::Result<()> {
        if self.lints.is_empty() {
            return writeln!(to, "nothing to look at");
        }
        let mut table = Table::new(["file", "switch", "owner", "what"]);
        for lint in &self.lints {
            let owner = lint.owner.clone().unwrap_or_default();
            table.row([lint.path.clone(), lint.key.clone(), owner, lint.told.clone()]);
        }
        table.write(to, paint)
    }
}

/// A switch that programs may name.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) path: String,
    pub(super) key: String,
    pub(super) owner: Option<String>,
}

pub(super) fn run(args: &LintFlagsArgs, output: Output) -> Result<(), Failure> {
    let now = moment(&args.files)?;
    let (bus, flags) = open(&args.files)?;
    let others = others::look(&bus, now)?;
    let mut lints = flags.load().lints(now);
    lints.extend(others.lints);
    if !args.source.is_empty() {
        let mentions = Mentions::read(&args.source, &args.files.dir)?;
        let known = of_flags(&flags).into_iter().chain(others.known);
        // A switch that another one needs is in use as long as that one is.
        let needed = needed(&flags);
        let unused = known.filter(|known| !needed.contains(&known.key) && !mentions.name(&known.key));
        lints.extend(unused.map(|Known { path, key, owner }| Lint {
            path,
            key,
            owner,
            told: "no source names it".to_owned(),
        }));
    }
    let is_clean = lints.is_empty() && flags.refusals().is_empty();
    output.show(&Lints { lints: lints.into_iter().map(LintShape::from).collect() })?;
    if args.strict && !is_clean { Err(Failure::shown(ErrorKind::Rejected)) } else { Ok(()) }
}

fn of_flags(flags: &Flags) -> Vec<Known> {
    let owner = |metadata: &Map<String, Value>| metadata.get("owner").and_then(Value::as_str).map(str::to_owned);
    let mut known = Vec::new();
    for (path, file) in flags.load().files() {
        let mut add = |key: &str, metadata| {
            known.push(Known { path: path.to_owned(), key: key.to_owned(), owner: owner(metadata) });
        };
        match file {
            SwitchFile::Flags(set) => set.flags().for_each(|flag| add(flag.key(), flag.metadata())),
            SwitchFile::Feature(feature) => add(feature.key(), feature.metadata()),
            // Found with all other deciders.
            SwitchFile::Deciders(_) | SwitchFile::Other => {}
        }
    }
    known
}

/// Returns the switches that features need, a feature also by its parameters.
fn needed(flags: &Flags) -> Vec<String> {
    let mut needed = Vec::new();
    for (_, file) in flags.load().files() {
        let SwitchFile::Feature(feature) = file else { continue };
        for (key, _) in feature.requirements() {
            needed.extend(
                [Some(key.as_str()), key.rsplit_once('.').map(|(feature, _)| feature)]
                    .into_iter()
                    .flatten()
                    .map(str::to_owned),
            );
        }
    }
    needed
}

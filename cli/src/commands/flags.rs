//! `configbus flags`: what switches in a folder are for somebody, and which of them to look at.

use crate::{
    args::{EvalFlagArgs, FlagFiles, FlagsCommand, LintFlagsArgs},
    output::{Output, Render},
    paint::Paint,
    report::Failure,
    table::Table,
    time::now_ms,
};
use configbus_api::ErrorKind;
use configbus_client::{
    ConfigBus, FlagPlaces, Flags, Format, OpenOptions,
    switches::{Context, Lint, Moment, Resolution, Switches, decider::DeciderFile},
};
use serde::Serialize;
use serde_json::{Map, Value};
use std::{
    fs,
    io::{self, Write},
    time::Duration,
};

/// Names of files that hold deciders.
const DECIDER_FILES: [&str; 2] = ["decider.yml", "decider_overlay.yml"];

/// An answer.
#[derive(Debug, Serialize)]
struct Answer {
    key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    variant: Option<String>,
    reason: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Map<String, Value>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    steps: Vec<StepShape>,
}

/// A step of the decision.
#[derive(Debug, Serialize)]
struct StepShape {
    asked: String,
    found: String,
}

impl Answer {
    fn of(key: &str, found: &Resolution<'_>, steps: Vec<StepShape>) -> Self {
        Self {
            key: key.to_owned(),
            value: found.value.cloned(),
            variant: found.variant.map(str::to_owned),
            reason: found.reason.as_str(),
            error_code: found.error.map(|error| error.as_str()),
            metadata: found.metadata.filter(|metadata| !metadata.is_empty()).cloned(),
            steps,
        }
    }
}

impl Render for Answer {
    fn text(&self, to: &mut dyn Write, paint: Paint) -> io::Result<()> {
        if !self.steps.is_empty() {
            let mut table = Table::new(["asked", "found"]);
            self.steps.iter().for_each(|step| table.row([step.asked.clone(), step.found.clone()]));
            table.write(to, paint)?;
            writeln!(to)?;
        }
        match &self.value {
            Some(value) => writeln!(to, "value    {value}")?,
            None => writeln!(to, "value    none: the program's default counts")?,
        }
        self.variant.iter().try_for_each(|variant| writeln!(to, "variant  {variant}"))?;
        writeln!(to, "reason   {}", self.reason)?;
        self.error_code.iter().try_for_each(|code| writeln!(to, "error    {code}"))
    }
}

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

pub(crate) fn run(command: FlagsCommand, output: Output) -> Result<(), Failure> {
    match command {
        FlagsCommand::Eval(args) => eval(&args, output),
        FlagsCommand::Lint(args) => lint(&args, output),
    }
}

fn eval(args: &EvalFlagArgs, output: Output) -> Result<(), Failure> {
    let (context, now) = (context(&args.context)?, moment(&args.files)?);
    let (_bus, flags) = open(&args.files)?;
    let switches = flags.load();
    let context = Context::of_json(&context);
    if switches.find(&args.key).is_none() {
        return Err(unknown(&args.key, &switches, now));
    }
    let steps = if args.explain { switches.explain(&args.key, &context, now) } else { Vec::new() };
    let steps = steps.into_iter().map(|step| StepShape { asked: step.asked, found: step.found }).collect();
    let found = switches.resolve(&args.key, &context, now);
    output.show(&Answer::of(&args.key, &found, steps))?;
    if found.error.is_some() { Err(Failure::shown(ErrorKind::Internal)) } else { Ok(()) }
}

fn lint(args: &LintFlagsArgs, output: Output) -> Result<(), Failure> {
    let now = moment(&args.files)?;
    let (bus, flags) = open(&args.files)?;
    let mut lints: Vec<LintShape> = flags.load().lints(now).into_iter().map(LintShape::from).collect();
    lints.extend(expired_deciders(&bus, now)?);
    let is_clean = lints.is_empty() && flags.refusals().is_empty();
    output.show(&Lints { lints })?;
    if args.strict && !is_clean { Err(Failure::shown(ErrorKind::Rejected)) } else { Ok(()) }
}

/// Opens the files and says which of them are not usable.
fn open(files: &FlagFiles) -> Result<(ConfigBus, Flags), Failure> {
    let options = OpenOptions::new().deadline(Duration::ZERO);
    let bus = ConfigBus::open_with(&files.dir, &options).map_err(|error| Failure::of(error.kind(), &error))?;
    let places = FlagPlaces::of(&bus).map_err(|error| Failure::of(error.kind(), &error))?;
    let flags = bus.flags(&places).map_err(|error| Failure::of(error.kind(), &error))?;
    for (path, refusal) in flags.refusals().iter() {
        eprintln!("warning: {path} is not usable and left out: {refusal}");
    }
    Ok((bus, flags))
}

fn moment(files: &FlagFiles) -> Result<Moment, Failure> {
    match &files.at {
        Some(text) => Moment::parse(text).map_err(|error| Failure::of(error.kind(), &error)),
        None => Ok(Moment::from_unix_ms(i64::try_from(now_ms()).unwrap_or(i64::MAX))),
    }
}

fn context(text: &str) -> Result<Map<String, Value>, Failure> {
    let wrong = |message: String| Failure::new(ErrorKind::Invalid, message);
    let text = match text.strip_prefix('@') {
        Some(path) => fs::read_to_string(path).map_err(|error| wrong(format!("failed to read {path}: {error}")))?,
        None => text.to_owned(),
    };
    let context = serde_json::from_str(&text).map_err(|error| wrong(format!("context is no JSON object: {error}")));
    context.map_err(|failure| failure.with_hint(r#"such as --context '{"targetingKey": "ada"}'"#))
}

fn unknown(key: &str, switches: &Switches, now: Moment) -> Failure {
    let mut known = Vec::new();
    switches.each(&Context::default(), now, |key, _| known.push(key));
    let alike: Vec<_> = known.iter().filter(|known| known.contains(key) || key.contains(**known)).take(5).collect();
    let told = if alike.is_empty() { known.iter().take(10).collect() } else { alike };
    let told = told.into_iter().copied().collect::<Vec<_>>().join(", ");
    let failure = Failure::new(ErrorKind::NotFound, format!("no file has a switch {key}"));
    failure.with_hint(if told.is_empty() { "no file here has any".to_owned() } else { format!("there are {told}") })
}

/// Keys of deciders that should be gone.
fn expired_deciders(bus: &ConfigBus, now: Moment) -> Result<Vec<LintShape>, Failure> {
    let failed = |error: configbus_client::ReadError| Failure::of(error.kind(), &error);
    let snapshot = bus.snapshot().map_err(failed)?;
    let mut lints = Vec::new();
    for path in snapshot.list("").map_err(failed)? {
        let name = path.as_str().rsplit('/').next().unwrap_or_default();
        if !DECIDER_FILES.contains(&name) {
            continue;
        }
        let content = snapshot.read(path.as_str()).map_err(failed)?;
        let file = Format::Yaml.parse::<Value>(&content).ok().and_then(|file| DeciderFile::parse(&file).value);
        for (key, record) in file.into_iter().flat_map(|file| file.records) {
            if let Some(expires) = record.expires.filter(|expires| *expires <= now) {
                let told = format!("should be gone since {expires}");
                lints.push(LintShape { path: path.to_string(), key, owner: record.owner, told });
            }
        }
    }
    Ok(lints)
}

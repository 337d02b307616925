//! `configbus flags`: what switches in a folder are for somebody, and which of them to look at.

use crate::{
    args::{EvalFlagArgs, FlagFiles, FlagsCommand},
    output::{Output, Render},
    paint::Paint,
    report::Failure,
    table::Table,
    time::now_ms,
};
use configbus_api::ErrorKind;
use configbus_client::{
    ConfigBus, FlagPlaces, Flags, OpenOptions,
    switches::{Context, Moment, Resolution, Switches},
};
use serde::Serialize;
use serde_json::{Map, Value};
use std::{
    fs,
    io::{self, Write},
    time::Duration,
};

mod lint;
mod mentions;
mod others;

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

pub(crate) fn run(command: FlagsCommand, output: Output) -> Result<(), Failure> {
    match command {
        FlagsCommand::Eval(args) => eval(&args, output),
        FlagsCommand::Lint(args) => lint::run(&args, output),
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

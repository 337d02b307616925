//! The evaluating child: reads questions from standard input, answers on standard output, and ends with its input.

use super::{
    allowance,
    confine::{Confinement, close_inherited, confine},
    message::{Answer, Ask, Breach, Occasion, RuleText, read_ask},
};
use crate::{
    cel::{Expression, Facts, Judgement, Outcome, STACK_BYTES},
    document::{Content, Format},
    wire::write_frame,
};
use serde_json::Value;
use std::{
    collections::HashMap,
    io::{self, Write as _},
    panic::{AssertUnwindSafe, catch_unwind},
    process::ExitCode,
    thread,
    time::Duration,
};

/// Compiled expressions that are kept.
const COMPILED_MAX: usize = 4_096;

/// Breaches of one file that are told; more help nobody.
const BREACHES_MAX: usize = 100;

/// Limits as they travel on the child's command line.
#[derive(Debug, Clone, Copy)]
pub(super) struct ChildLimits {
    pub(super) memory_bytes_max: u64,
    pub(super) time: Duration,
}

impl ChildLimits {
    pub(super) fn to_args(self) -> [String; 2] {
        [self.memory_bytes_max.to_string(), self.time.as_millis().to_string()]
    }

    fn from_args() -> Option<Self> {
        let mut numbers = std::env::args().skip(1).map(|arg| arg.parse::<u64>());
        let (memory_bytes_max, millis) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
        Some(Self { memory_bytes_max, time: Duration::from_millis(millis) })
    }
}

/// Runs as the child. Nothing it says on standard error is of use to anybody but the gate.
pub(crate) fn run() -> ExitCode {
    std::panic::set_hook(Box::new(|_| {}));
    if close_inherited().is_err() {
        return ExitCode::FAILURE;
    }
    let Some(limits) = ChildLimits::from_args() else { return ExitCode::FAILURE };
    let worker = thread::Builder::new().stack_size(STACK_BYTES).spawn(move || serve(limits));
    match worker.map(thread::JoinHandle::join) {
        Ok(Ok(Ok(()))) => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

fn serve(limits: ChildLimits) -> io::Result<()> {
    confine(Confinement { memory_bytes_max: limits.memory_bytes_max, file_bytes_max: 0, files_max: 8 })?;
    let (mut input, mut output) = (io::stdin().lock(), io::stdout().lock());
    write_frame(&mut output, &Answer::Ready).map_err(io::Error::other)?;
    let mut compiled = Compiled::default();
    while let Some((ask, new, old)) = read_ask(&mut input) {
        let bytes = [&new, &old].into_iter().flatten().map(Vec::len).sum();
        allowance::renew(limits.time, bytes);
        let answer = match ask {
            Ask::Compile { expressions } => compiled.check(&expressions),
            Ask::Judge { rules, path, occasion, .. } => {
                let sides = Sides::read(&path, new.as_deref(), old.as_deref());
                Answer::Judged(sides.judge(&rules, &path, &occasion, &mut compiled))
            }
        };
        write_frame(&mut output, &answer).map_err(io::Error::other)?;
        output.flush()?;
    }
    Ok(())
}

/// Expressions by text; what does not compile is remembered as well.
#[derive(Default)]
pub(super) struct Compiled {
    by_text: HashMap<String, Result<Expression, crate::cel::CompileError>>,
}

impl Compiled {
    fn get(&mut self, text: &str) -> &Result<Expression, crate::cel::CompileError> {
        if !self.by_text.contains_key(text) {
            if self.by_text.len() >= COMPILED_MAX {
                self.by_text.clear();
            }
            let compiled = catch_unwind(|| Expression::compile(text)).unwrap_or_else(|_| Err(upset(text)));
            self.by_text.insert(text.to_owned(), compiled);
        }
        &self.by_text[text]
    }

    fn check(&mut self, expressions: &[String]) -> Answer {
        Answer::Compiled(expressions.iter().map(|text| self.get(text).as_ref().err().cloned()).collect())
    }
}

fn upset(text: &str) -> crate::cel::CompileError {
    let message = format!("the compiler failed on these {} bytes; please report the rule as a defect", text.len());
    crate::cel::CompileError { message, line: 1, column: 1 }
}

/// The documents of a file before and after.
pub(super) struct Sides {
    pub(super) new: Vec<Value>,
    old: Vec<Value>,
}

impl Sides {
    pub(super) fn read(path: &str, new: Option<&[u8]>, old: Option<&[u8]>) -> Self {
        let documents = |content: Option<&[u8]>| content.map(|content| documents(path, content)).unwrap_or_default();
        Self { new: documents(new), old: documents(old) }
    }

    /// Documents are paired by their position in the file.
    pub(super) fn judge(
        &self,
        rules: &[RuleText],
        path: &str,
        occasion: &Occasion,
        compiled: &mut Compiled,
    ) -> Vec<Breach> {
        let mut breaches = Vec::new();
        for document in 0..self.new.len().max(self.old.len()) {
            let (new, old) = (self.new.get(document), self.old.get(document));
            let judgement = Judgement::of(Facts {
                document: new.unwrap_or(&Value::Null),
                previous: old.unwrap_or(&Value::Null),
                path,
                author: &occasion.author,
                groups: &occasion.groups,
                teams: &occasion.teams,
                now_ms: occasion.now_ms,
            });
            for (rule, RuleText { expression, on_delete }) in rules.iter().enumerate() {
                let outcome = match (new.is_some() || *on_delete, compiled.get(expression)) {
                    (false, _) => Outcome::Holds,
                    (true, Ok(expression)) => judge(&judgement, expression),
                    (true, Err(error)) => Outcome::Failed(error.to_string(), Default::default()),
                };
                if outcome != Outcome::Holds && breaches.len() < BREACHES_MAX {
                    breaches.push(Breach { rule, document, outcome });
                }
            }
        }
        breaches
    }
}

fn judge(judgement: &Judgement<'_>, expression: &Expression) -> Outcome {
    let judged = catch_unwind(AssertUnwindSafe(|| judgement.judge(expression)));
    judged.unwrap_or_else(|_| {
        let reason = "the evaluation itself failed; please report the rule as a defect";
        Outcome::Failed(reason.to_owned(), Default::default())
    })
}

/// What is neither JSON, YAML nor TOML is one text.
fn documents(path: &str, content: &[u8]) -> Vec<Value> {
    let text = String::from_utf8_lossy(content);
    let parsed = Format::of(path).map(|format| Content::read(format, &text).map(Content::into_values));
    match parsed {
        // A content from before the gate, or from before its rules, may not parse: then there is none.
        Some(values) => values.unwrap_or_default(),
        None => vec![Value::String(text.into_owned())],
    }
}

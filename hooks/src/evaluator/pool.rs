//! The children, and how candidates share them.

use super::{
    RulesSettings,
    child::ChildLimits,
    message::{Answer, Ask, Breach, Occasion, RuleText, Subject},
    pipe::Deadline,
    process::{EvaluatorError, Loss, Process},
};
use crate::{cel::CompileError, wire::encode_frame};
use std::{
    path::PathBuf,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// The running program, whatever has become of its file since.
pub(crate) const THIS_PROGRAM: &str = "/proc/self/exe";

/// Children that stay warm.
const IDLE_MAX: usize = 2;

/// Question after which a child is not kept: its heap does not shrink by itself.
const KEPT_QUESTION_BYTES_MAX: usize = 1 << 20;

/// How long a candidate waits for others.
const WAIT_MAX: Duration = Duration::from_secs(20);

/// Evaluates rules in a bounded number of children. Starts none before there is something to evaluate.
pub struct Evaluator {
    settings: RulesSettings,
    program: PathBuf,
    children: Mutex<Children>,
    freed: Condvar,
}

impl std::fmt::Debug for Evaluator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Evaluator").field("settings", &self.settings).finish_non_exhaustive()
    }
}

#[derive(Default)]
struct Children {
    idle: Vec<Process>,
    in_use: usize,
}

/// What became of one file.
#[derive(Debug, PartialEq, Eq)]
pub struct Judged {
    /// Rules that do not hold.
    pub breaches: Vec<Breach>,
    /// Rules whose evaluation had to be stopped, by their position.
    pub lost: Vec<(usize, Loss)>,
}

impl Evaluator {
    /// Makes an evaluator whose children are `program`, by default the running one.
    pub fn new(settings: RulesSettings, program: Option<PathBuf>) -> Self {
        let program = program.unwrap_or_else(|| THIS_PROGRAM.into());
        Self { settings, program, children: Mutex::default(), freed: Condvar::new() }
    }

    /// Returns what is wrong with each expression.
    pub fn compile(&self, expressions: Vec<String>) -> Result<Vec<Option<CompileError>>, EvaluatorError> {
        let count = expressions.len();
        let question = encode_frame(&Ask::Compile { expressions: expressions.clone() })?;
        match self.put(&question, Deadline::after(self.settings.time_limit()))? {
            Ok(Answer::Compiled(errors)) if errors.len() == count => Ok(errors),
            _ if count > 1 => {
                let single = |text| Ok(self.compile(vec![text])?.pop().flatten());
                expressions.into_iter().map(single).collect()
            }
            _ => {
                let message = "expression could not be compiled within the limits of time and memory".to_owned();
                Ok(vec![Some(CompileError { message, line: 1, column: 1 })])
            }
        }
    }

    /// Holds a file to rules, at most until `deadline`.
    ///
    /// All rules share one question and its time. When that is lost, each is asked alone, so that what is refused is the
    /// rule that is to blame and no other.
    pub fn judge(
        &self,
        rules: &[RuleText],
        subject: &Subject<'_>,
        occasion: &Occasion,
        deadline: Deadline,
    ) -> Result<Judged, EvaluatorError> {
        match self.judge_together(rules, subject, occasion, deadline)? {
            Ok(breaches) => Ok(Judged { breaches, lost: Vec::new() }),
            Err(loss) if rules.len() == 1 => Ok(Judged { breaches: Vec::new(), lost: vec![(0, loss)] }),
            Err(_) => self.judge_singly(rules, subject, occasion, deadline),
        }
    }

    fn judge_singly(
        &self,
        rules: &[RuleText],
        subject: &Subject<'_>,
        occasion: &Occasion,
        deadline: Deadline,
    ) -> Result<Judged, EvaluatorError> {
        let mut judged = Judged { breaches: Vec::new(), lost: Vec::new() };
        for (position, rule) in rules.iter().enumerate() {
            match self.judge_together(std::slice::from_ref(rule), subject, occasion, deadline)? {
                Ok(breaches) => {
                    judged.breaches.extend(breaches.into_iter().map(|breach| Breach { rule: position, ..breach }));
                }
                Err(loss) => judged.lost.push((position, loss)),
            }
        }
        Ok(judged)
    }

    fn judge_together(
        &self,
        rules: &[RuleText],
        subject: &Subject<'_>,
        occasion: &Occasion,
        deadline: Deadline,
    ) -> Result<Result<Vec<Breach>, Loss>, EvaluatorError> {
        let question = Ask::judging(rules, subject, occasion)?;
        let bytes = [subject.new, subject.old].into_iter().flatten().map(<[u8]>::len).sum();
        let deadline = deadline.or_before(Deadline::after(self.settings.time_limit_for(bytes)));
        Ok(match self.put(&question, deadline)? {
            Ok(Answer::Judged(breaches)) => Ok(breaches),
            Ok(_) => Err(Loss::Crash),
            Err(loss) => Err(loss),
        })
    }

    /// Puts a question to a child that is free. One that was idle may have ended meanwhile, which is nobody's fault.
    fn put(&self, question: &[u8], deadline: Deadline) -> Result<Result<Answer, Loss>, EvaluatorError> {
        let place = self.place()?;
        let warm = place.idle().map(|process| process.ask(question, deadline));
        let asked = match warm {
            Some(Ok(answered)) => Ok(answered),
            Some(Err(loss)) if loss != Loss::Crash => Err(loss),
            _ => Process::start(&self.program, self.limits())?.ask(question, deadline),
        };
        Ok(asked.map(|(process, answer)| {
            if question.len() <= KEPT_QUESTION_BYTES_MAX {
                place.keep(process);
            }
            answer
        }))
    }

    fn place(&self) -> Result<Place<'_>, EvaluatorError> {
        let is_full = |children: &mut Children| children.in_use >= self.settings.processes_max;
        let (mut children, waited) =
            self.freed.wait_timeout_while(self.children(), WAIT_MAX, is_full).unwrap_or_else(PoisonError::into_inner);
        if waited.timed_out() {
            return Err(EvaluatorError::Busy { waited: WAIT_MAX });
        }
        children.in_use += 1;
        Ok(Place { evaluator: self })
    }

    fn children(&self) -> MutexGuard<'_, Children> {
        self.children.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn limits(&self) -> ChildLimits {
        ChildLimits { memory_bytes_max: self.settings.memory_bytes_max, time: self.settings.time_limit() }
    }
}

/// The right to use a child.
struct Place<'a> {
    evaluator: &'a Evaluator,
}

impl Place<'_> {
    fn idle(&self) -> Option<Process> {
        self.evaluator.children().idle.pop()
    }

    fn keep(&self, process: Process) {
        let mut children = self.evaluator.children();
        if children.idle.len() < IDLE_MAX {
            children.idle.push(process);
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.evaluator.children().in_use -= 1;
        self.evaluator.freed.notify_one();
    }
}

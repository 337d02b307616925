//! From a failure to what the user sees: one message, its causes, a hint, and the exit code.
//!
//! The kinds of all crates meet the exit codes here and nowhere else.

use configbus_hooks::{Report, Style};
use configbus_model::ErrorKind;
use serde::Serialize;
use std::{io, process::ExitCode};

use crate::paint::{Paint, report_style};

/// What a command ends with when it does not succeed.
#[derive(Debug)]
pub(crate) struct Failure {
    kind: ErrorKind,
    message: String,
    hint: Option<String>,
    details: Vec<Detail>,
    report: Option<Box<Report>>,
    quiet: bool,
}

/// One path or place the failure is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Detail {
    /// A path, or `path:line:column`.
    pub(crate) place: String,
    /// What is there, or what is wrong.
    pub(crate) text: String,
}

impl Failure {
    /// Describes a failure of a kind.
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None, details: Vec::new(), report: None, quiet: false }
    }

    /// Describes an error by its whole chain of causes.
    pub(crate) fn of(kind: ErrorKind, error: &(dyn std::error::Error + 'static)) -> Self {
        Self::new(kind, configbus_runtime::report::chain(error))
    }

    /// A failure that has been shown already, or that nobody is left to read.
    pub(crate) fn shown(kind: ErrorKind) -> Self {
        Self { quiet: true, ..Self::new(kind, String::new()) }
    }

    /// Adds what the user can do about it, in place of the usual hint of the kind.
    #[must_use]
    pub(crate) fn with_hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// Adds the places it is about.
    #[must_use]
    pub(crate) fn with_details(self, details: Vec<Detail>) -> Self {
        Self { details, ..self }
    }

    /// Adds what the gate found, which then stands in place of the details.
    #[must_use]
    pub(crate) fn with_report(self, report: Report) -> Self {
        Self { report: Some(report.into()), ..self }
    }

    /// Writes it to standard error, as text or as one JSON object.
    pub(crate) fn show(&self, json: bool, paint: Paint) {
        if self.quiet {
            return;
        }
        let text = match json {
            true => format!("{}\n", self.to_json()),
            false => self.to_text(paint, report_style(paint, &io::stderr())),
        };
        eprint!("{text}");
    }

    /// Returns what went wrong, in one line.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// Returns the process's exit code.
    pub(crate) fn exit_code(&self) -> ExitCode {
        exit_code(self.kind).into()
    }

    fn to_text(&self, paint: Paint, style: Style) -> String {
        let mut text = format!("{} {}\n", paint.red("error:"), self.message);
        if let Some(report) = &self.report {
            text += &report.render(style);
        }
        for detail in self.details.iter().filter(|_| self.report.is_none()) {
            text += &format!("  {}: {}\n", detail.place, detail.text);
        }
        if let Some(hint) = self.hint() {
            text += &format!("{} {hint}\n", paint.cyan("hint:"));
        }
        text
    }

    fn hint(&self) -> Option<&str> {
        self.hint.as_deref().or_else(|| usual_hint(self.kind))
    }

    fn to_json(&self) -> serde_json::Value {
        serde_json::json!({ "error": {
            "kind": self.kind.as_str(),
            "message": self.message,
            "hint": self.hint(),
            "details": self.details,
            "report": self.report.as_ref().map(|report| report.to_json()),
            "exit_code": exit_code(self.kind),
        }})
    }
}

/// Maps a kind to the exit code that scripts depend on.
pub(crate) const fn exit_code(kind: ErrorKind) -> u8 {
    match kind {
        ErrorKind::Invalid | ErrorKind::Unsupported => 2,
        ErrorKind::Conflict => 3,
        ErrorKind::Rejected => 4,
        ErrorKind::NotFound => 5,
        ErrorKind::Unauthenticated | ErrorKind::Denied => 6,
        ErrorKind::Unavailable | ErrorKind::Exhausted => 7,
        _ => 1,
    }
}

fn usual_hint(kind: ErrorKind) -> Option<&'static str> {
    match kind {
        ErrorKind::Conflict => Some("read the path again, apply your change to what is there now, and retry"),
        ErrorKind::Unauthenticated => Some("give an access token with CONFIGBUS_TOKEN or --token-file"),
        ErrorKind::Exhausted => Some("the server is busy; try again in a moment"),
        _ => None,
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::of(ErrorKind::Internal, error.as_ref())
    }
}

impl From<io::Error> for Failure {
    /// A reader that went away (`configbus log | head`) is no failure to tell anybody about.
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::shown(ErrorKind::Internal);
        }
        Self::of(ErrorKind::Internal, &error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_are_those_that_scripts_know() {
        use ErrorKind::*;
        let codes = [Internal, Invalid, Conflict, Rejected, NotFound, Denied, Unavailable].map(exit_code);
        assert_eq!(codes, [1, 2, 3, 4, 5, 6, 7]);
    }

    #[test]
    fn a_failure_names_the_places_it_is_about_and_what_to_do() {
        let detail = Detail { place: "a.json".into(), text: "is now ce01".into() };
        let failure = Failure::new(ErrorKind::Conflict, "one path has changed").with_details(vec![detail]);
        assert_eq!(
            failure.to_text(Paint::plain(), Style::PLAIN),
            "error: one path has changed\n  a.json: is now ce01\n\
             hint: read the path again, apply your change to what is there now, and retry\n"
        );
    }
}

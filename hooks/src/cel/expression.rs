//! A rule's expression, compiled.

use super::{failure::shortened, functions::ENVIRONMENT, names};
use cel::{IdedExpr, Program};
use configbus_model::ErrorKind;
use serde::{Deserialize, Serialize};

/// Longest expression in bytes. Evaluation recurses with the nesting, which a text of this length cannot drive past the stack.
pub const EXPRESSION_BYTES_MAX: usize = 4_096;

/// Why a text is no expression, and where in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("{message}")]
#[serde(deny_unknown_fields)]
pub struct CompileError {
    /// What is wrong, one line.
    pub message: String,
    /// Line in the expression, counted from 1.
    pub line: usize,
    /// Column in characters, counted from 1.
    pub column: usize,
}

impl CompileError {
    /// Returns the kind of failure.
    pub const fn kind(&self) -> ErrorKind {
        ErrorKind::Invalid
    }
}

/// A compiled expression.
#[derive(Debug)]
pub struct Expression {
    program: Program,
}

impl Expression {
    /// Compiles an expression, or says where it is wrong.
    pub fn compile(text: &str) -> Result<Self, CompileError> {
        if text.len() > EXPRESSION_BYTES_MAX {
            let message = format!("expression has {} bytes, at most {EXPRESSION_BYTES_MAX} are allowed", text.len());
            return Err(CompileError { message, line: 1, column: 1 });
        }
        let program = ENVIRONMENT.compile(text).map_err(|errors| first_of(&errors))?;
        let compiled = Self { program };
        match names::unknown(compiled.root()) {
            None => Ok(compiled),
            Some((id, what)) => Err(compiled.unknown(id, &what)),
        }
    }

    /// Returns the tree.
    pub(super) fn root(&self) -> &IdedExpr {
        self.program.expression()
    }

    fn unknown(&self, id: u64, what: &str) -> CompileError {
        let info = self.program.source_info();
        let start = info.offset_for(id).map_or(0, |(start, _)| start as usize);
        let before: String = info.source.chars().take(start).collect();
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let (line, column) = (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1);
        let message = format!("{what} is not known; variables are {}", names::VARIABLES.join(", "));
        CompileError { message, line, column }
    }
}

/// The parser reports what follows from the first mistake as well.
fn first_of(errors: &cel::parser::ParseErrors) -> CompileError {
    let Some(first) = errors.errors.first() else {
        return CompileError { message: "not an expression".to_owned(), line: 1, column: 1 };
    };
    let position = |at: isize| usize::try_from(at).unwrap_or_default();
    CompileError {
        message: readable(&first.msg),
        line: position(first.pos.0).max(1),
        column: position(first.pos.1).max(1),
    }
}

/// Takes the parser's own wrapping off its messages, and the list of all tokens that would have been possible.
fn readable(message: &str) -> String {
    let inner = message.split_once("msg: \"").and_then(|(_, rest)| rest.split_once("\", expr_id")).map(|(msg, _)| msg);
    let text = inner.unwrap_or(message).trim_start_matches("Syntax error: ");
    shortened(text.split_once(" expecting {").map_or(text, |(start, _)| start))
}

//! What commands print: every result is one value that knows how to be text and how to be JSON.

use crate::{paint::Paint, report::Failure};
use serde::Serialize;
use std::io::{self, Write};

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs: one JSON value, or one per line for what goes on.
    Json,
}

/// A result of a command.
pub(crate) trait Render: Serialize {
    /// Writes it for people.
    fn text(&self, to: &mut dyn Write, paint: Paint) -> io::Result<()>;
}

/// Standard output in the format the user wants.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    format: Format,
    paint: Paint,
}

impl Output {
    /// Prints to standard output in this format.
    pub(crate) fn new(format: Format) -> Self {
        Self { format, paint: Paint::of(&io::stdout()) }
    }

    /// Returns whether programs read this.
    pub(crate) fn is_json(self) -> bool {
        self.format == Format::Json
    }

    /// Returns the colours of standard output.
    pub(crate) fn paint(self) -> Paint {
        self.paint
    }

    /// Prints a result.
    pub(crate) fn show(self, result: &impl Render) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        match self.format {
            Format::Text => result.text(&mut out, self.paint)?,
            Format::Json => {
                serde_json::to_writer(&mut out, result).map_err(io::Error::from)?;
                out.write_all(b"\n")?;
            }
        }
        Ok(out.flush()?)
    }
}

//! Colour for people, never for pipes.

use configbus_hooks::{Colour, Style};
use std::{env, io::IsTerminal, os::fd::AsFd};

/// How a report of the gate is written to a stream: in the colours and the width of a terminal, plain to anything else.
pub(crate) fn report_style(paint: Paint, stream: &(impl IsTerminal + AsFd)) -> Style {
    let colour = if paint.is_coloured() { Colour::On } else { Colour::Off };
    match rustix::termios::tcgetwinsize(stream) {
        Ok(size) if stream.is_terminal() && size.ws_col > 0 => Style::terminal(colour, size.ws_col.into()),
        _ => Style::PLAIN,
    }
}

/// Whether and how text is coloured on one stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Paint {
    coloured: bool,
}

impl Paint {
    /// Colours when the stream is a terminal and the user has not said otherwise.
    pub(crate) fn of(stream: &impl IsTerminal) -> Self {
        let refused = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = env::var_os("TERM").is_none_or(|term| term == "dumb");
        Self { coloured: stream.is_terminal() && !refused && !dumb }
    }

    /// Never colours.
    #[cfg(test)]
    pub(crate) const fn plain() -> Self {
        Self { coloured: false }
    }

    /// Returns whether anything is coloured.
    pub(crate) const fn is_coloured(self) -> bool {
        self.coloured
    }

    /// Stands out.
    pub(crate) fn bold(self, text: &str) -> String {
        self.wrap("1", text)
    }

    /// Steps back.
    pub(crate) fn dim(self, text: &str) -> String {
        self.wrap("2", text)
    }

    /// Went wrong.
    pub(crate) fn red(self, text: &str) -> String {
        self.wrap("1;31", text)
    }

    /// Went well.
    pub(crate) fn green(self, text: &str) -> String {
        self.wrap("32", text)
    }

    /// Wants attention.
    pub(crate) fn yellow(self, text: &str) -> String {
        self.wrap("33", text)
    }

    /// Guides the eye.
    pub(crate) fn cyan(self, text: &str) -> String {
        self.wrap("36", text)
    }

    fn wrap(self, code: &str, text: &str) -> String {
        if self.coloured { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

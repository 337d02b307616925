//! Progress bars: on a terminal, on standard error, and only for what takes over a second.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::{
    io::IsTerminal,
    time::{Duration, Instant},
};

/// Shorter work shows nothing, so that quick commands do not flicker.
const HIDDEN_FOR: Duration = Duration::from_millis(800);

/// A bar that appears when the work turns out to be long.
pub(crate) struct Progress {
    bar: ProgressBar,
    started: Instant,
    allowed: bool,
}

impl Progress {
    /// Counts up to a total, such as files or hosts.
    pub(crate) fn counting(what: &'static str, total: u64) -> Self {
        let style = ProgressStyle::with_template("{msg} [{bar:30.cyan/dim}] {pos}/{len} {elapsed}")
            .expect("the template is fixed and valid")
            .progress_chars("━━╌");
        let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::hidden()).with_style(style);
        bar.set_message(what);
        Self { bar, started: Instant::now(), allowed: std::io::stderr().is_terminal() }
    }

    /// Moves the bar.
    pub(crate) fn at(&mut self, position: u64, total: u64) {
        self.appear();
        self.bar.set_length(total);
        self.bar.set_position(position);
    }

    /// Takes the bar away.
    pub(crate) fn finish(self) {
        self.bar.finish_and_clear();
    }

    fn appear(&mut self) {
        if self.allowed && self.bar.is_hidden() && self.started.elapsed() >= HIDDEN_FOR {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
    }
}

//! Says on a terminal what is being measured; a log gets the tables only.

use indicatif::{ProgressBar, ProgressStyle};
use std::time::Duration;

/// A bar on standard error, taken away when it is dropped.
pub(crate) struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// Counts samples.
    pub(crate) fn counting(what: &str, total: u64) -> Self {
        Self::with(what, "{msg} [{bar:30}] {pos}/{len} {elapsed}", ProgressBar::new(total))
    }

    /// Shows that something takes its time.
    pub(crate) fn waiting(what: &str) -> Self {
        Self::with(what, "{spinner} {msg} {elapsed}", ProgressBar::new_spinner())
    }

    fn with(what: &str, template: &str, bar: ProgressBar) -> Self {
        let style = ProgressStyle::with_template(template).expect("the templates are fixed and valid");
        bar.set_style(style);
        bar.set_message(what.to_owned());
        bar.enable_steady_tick(Duration::from_millis(200));
        Self { bar }
    }

    /// Counts one more.
    pub(crate) fn step(&self) {
        self.bar.inc(1);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

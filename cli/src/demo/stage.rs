//! What the audience sees.

use crate::{output::Output, paint::Paint, table::Table, up::Endpoints};
use anyhow::Context as _;
use serde::Serialize;
use std::{io, path::PathBuf, time::Duration};

/// Prints the tour for people, or its figures at the end for programs.
pub(super) struct Stage {
    output: Output,
    paint: Paint,
    scene: usize,
    figures: Vec<Figure>,
}

/// Times of one step over all its samples.
#[derive(Debug, Serialize)]
pub(super) struct Figure {
    /// What was timed.
    pub(super) step: &'static str,
    /// How often.
    pub(super) samples: usize,
    /// Median.
    pub(super) p50_ms: f64,
    /// The slowest but one of a hundred; with few samples the slowest.
    pub(super) p99_ms: f64,
}

impl Stage {
    pub(super) fn new(output: Output) -> Self {
        Self { output, paint: output.paint(), scene: 0, figures: Vec::new() }
    }

    pub(super) fn open(&self) {
        self.print(&self.paint.bold("configbus: a tour on a temporary bus"));
    }

    pub(super) fn bus_is_up(&mut self, endpoints: &Endpoints, took: Duration) {
        self.scene("A bus comes up: server, store and one host");
        self.good(&format!("ready in {} at {}", ms(took), endpoints.server));
    }

    /// Starts a scene.
    pub(super) fn scene(&mut self, title: &str) {
        self.scene += 1;
        self.print(&format!("\n{} {}", self.paint.cyan(&format!("{}.", self.scene)), self.paint.bold(title)));
    }

    /// Shows a command as one would type it.
    pub(super) fn command(&self, command: &str) {
        self.print(&format!("   {} {command}", self.paint.dim("$")));
    }

    /// Shows what somebody else said.
    pub(super) fn quote(&self, lines: &[String]) {
        lines.iter().for_each(|line| self.print(&format!("   {}", self.paint.dim(line))));
    }

    /// Shows what happened.
    pub(super) fn good(&self, text: &str) {
        self.print(&format!("   {} {text}", self.paint.green("✓")));
    }

    /// Shows what was refused, as it should be.
    pub(super) fn refused(&self, text: &str) {
        self.print(&format!("   {} {text}", self.paint.red("✗")));
    }

    /// Adds a row to the table of times.
    pub(super) fn figure(&mut self, figure: Figure) {
        self.figures.push(figure);
    }

    /// Shows the table of times.
    pub(super) fn close(&self) -> anyhow::Result<()> {
        if self.output.is_json() {
            println!("{}", serde_json::to_string(&serde_json::json!({ "timings": self.figures })).context("figures")?);
            return Ok(());
        }
        let mut table = Table::new(["   step", ">n", ">p50", ">p99"]);
        for Figure { step, samples, p50_ms, p99_ms } in &self.figures {
            table.row([
                format!("   {step}"),
                samples.to_string(),
                format!("{p50_ms:.1} ms"),
                format!("{p99_ms:.1} ms"),
            ]);
        }
        table.write(&mut io::stdout().lock(), self.paint)?;
        self.print(&format!("\n{} configbus up", self.paint.bold("Your turn:")));
        Ok(())
    }

    fn print(&self, line: &str) {
        if !self.output.is_json() {
            println!("{line}");
        }
    }
}

/// Prints milliseconds.
pub(super) fn ms(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}

/// Names a file of the host as one would type it.
pub(super) fn on_host(path: &str) -> String {
    PathBuf::from("host-1/current").join(path).display().to_string()
}

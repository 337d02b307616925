//! Text: in colour for a terminal, plain for files, in short lines for a push.

use super::{
    style::{Colour, Look, Style},
    wrap::{INDENT, crop, width, wrap},
};
use crate::{Finding, Report};
use std::fmt::Write as _;

impl Report {
    /// Returns the report as text, with the lines in question and a caret under each place.
    pub fn render(&self, style: Style) -> String {
        let mut out = String::new();
        for finding in &self.findings {
            write_headline(&mut out, finding, style);
            write_excerpt(&mut out, finding, style);
        }
        if self.findings_unlisted() > 0 {
            let more = format!("… and {} more", self.findings_unlisted());
            let _ = writeln!(out, "{}", style.colour.paint(Look::Quiet, &more));
        }
        let look = if self.is_accepted() { Look::Good } else { Look::Problem };
        let _ = writeln!(out, "{}", style.colour.paint(look, &self.summary()));
        out
    }

    /// Returns the report as text for files and programs.
    pub fn render_plain(&self) -> String {
        self.render(Style::PLAIN)
    }
}

/// Place, message and rule. Broken lines are painted after breaking: escape sequences have no width.
fn write_headline(out: &mut String, finding: &Finding, style: Style) {
    let place = format!("{}:", finding.location());
    let rule = format!("[{}]", finding.rule);
    let pointer = match (&finding.pointer, &finding.excerpt) {
        (Some(pointer), None) if !pointer.is_empty() => format!(" at {pointer}"),
        _ => String::new(),
    };
    let lines = wrap(&format!("{place} {}{pointer} {rule}", finding.sentence()), style.columns);
    let last = lines.len() - 1;
    for (number, line) in lines.iter().enumerate() {
        let (before, line) = match line.strip_prefix(&place).filter(|_| number == 0) {
            Some(rest) => (style.colour.paint(Look::Place, &place), rest),
            None => (String::new(), line.as_str()),
        };
        let (line, after) = match line.strip_suffix(&rule).filter(|_| number == last) {
            Some(rest) => (rest, style.colour.paint(Look::Quiet, &rule)),
            None => (line, String::new()),
        };
        let _ = writeln!(out, "{before}{}{after}", painted_inside(line, style.colour));
    }
}

/// Colours the words and not the space around them.
fn painted_inside(line: &str, colour: Colour) -> String {
    let words = line.trim();
    if words.is_empty() {
        return line.to_owned();
    }
    let (lead, trail) = (line.len() - line.trim_start().len(), line.trim_end().len());
    format!("{}{}{}", &line[..lead], colour.paint(Look::Problem, words), &line[trail..])
}

/// The line with a caret below the place, and the pointer beside the caret.
fn write_excerpt(out: &mut String, finding: &Finding, style: Style) {
    let (Some(excerpt), Some(line)) = (&finding.excerpt, finding.line) else { return };
    let colour = style.colour;
    let number = line.to_string();
    let margin = " ".repeat(number.len());
    let columns = style.columns.saturating_sub(number.len() + INDENT.len() + 1);
    let (text, caret_columns) = crop(&excerpt.text, excerpt.caret, columns);
    let _ = writeln!(out, "  {} {text}", colour.paint(Look::Quiet, &format!("{number} |")));
    let caret = format!("{}{}", " ".repeat(caret_columns), colour.paint(Look::Caret, "^"));
    let bar = colour.paint(Look::Quiet, &format!("{margin} |"));
    match finding.pointer.as_deref().filter(|pointer| !pointer.is_empty()) {
        Some(pointer) if caret_columns + 2 + width(pointer) <= columns => {
            let _ = writeln!(out, "  {bar} {caret} {}", colour.paint(Look::Quiet, pointer));
        }
        Some(pointer) => {
            let _ = writeln!(out, "  {bar} {caret}\n  {bar} {}", colour.paint(Look::Quiet, pointer));
        }
        None => {
            let _ = writeln!(out, "  {bar} {caret}");
        }
    }
}

#[cfg(test)]
mod tests;

//! Aligned columns.

use crate::paint::Paint;
use std::{fmt::Write as _, io};

/// Rows under a header; the widest cell decides.
#[derive(Debug)]
pub(crate) struct Table {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
    right: Vec<bool>,
}

impl Table {
    /// Starts a table. A column whose title starts with `>` is aligned to the right.
    pub(crate) fn new<const N: usize>(header: [&str; N]) -> Self {
        let right = header.iter().map(|title| title.starts_with('>')).collect();
        Self { header: header.map(|title| title.trim_start_matches('>').to_owned()).into(), rows: Vec::new(), right }
    }

    /// Adds a row; missing cells are empty.
    pub(crate) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.into());
    }

    /// Writes it with two spaces between columns.
    pub(crate) fn write(&self, to: &mut dyn io::Write, paint: Paint) -> io::Result<()> {
        let widths = self.widths();
        writeln!(to, "{}", paint.dim(&self.line(&self.header, &widths)))?;
        self.rows.iter().try_for_each(|row| writeln!(to, "{}", self.line(row, &widths)))
    }

    fn widths(&self) -> Vec<usize> {
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.chain(self.header.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        (0..self.header.len()).map(width).collect()
    }

    fn line(&self, cells: &[String], widths: &[usize]) -> String {
        let mut line = String::new();
        for (column, width) in widths.iter().enumerate() {
            let cell = cells.get(column).map_or("", String::as_str);
            let gap = if column == 0 { "" } else { "  " };
            let written = if self.right[column] {
                write!(line, "{gap}{cell:>width$}")
            } else {
                write!(line, "{gap}{cell:<width$}")
            };
            written.expect("writing to a string does not fail");
        }
        line.trim_end().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(["host", ">lag", "store"]);
        table.row(["web-1".into(), "0".into(), "a".into()]);
        table.row(["b".into(), "12".into(), String::new()]);
        let mut text = Vec::new();
        table.write(&mut text, Paint::plain()).unwrap();
        assert_eq!(String::from_utf8(text).unwrap(), "host   lag  store\nweb-1    0  a\nb       12\n");
    }
}

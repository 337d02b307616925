//! How text is shown: colours and width.

/// Whether escape sequences may be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// For a terminal.
    On,
    /// For everything else.
    Off,
}

/// Columns of a terminal that nobody has made wider, less the `remote: ` that a pushing client puts before each line.
const REMOTE_COLUMNS: usize = 80 - 8;

/// Least width that lines are broken for; narrower terminals break them again.
const COLUMNS_MIN: usize = 40;

/// How a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    pub(super) colour: Colour,
    pub(super) columns: usize,
}

impl Style {
    /// For files and programs: no colour, one line for each problem, however long.
    pub const PLAIN: Self = Self { colour: Colour::Off, columns: usize::MAX };

    /// For the `remote:` lines of a push.
    pub const REMOTE: Self = Self { colour: Colour::Off, columns: REMOTE_COLUMNS };

    /// For a terminal of this width.
    pub fn terminal(colour: Colour, columns: usize) -> Self {
        Self { colour, columns: columns.max(COLUMNS_MIN) }
    }
}

/// Meanings of text that have a look.
#[derive(Debug, Clone, Copy)]
pub(super) enum Look {
    Place,
    Problem,
    Quiet,
    Caret,
    Good,
}

impl Colour {
    pub(super) fn paint(self, look: Look, text: &str) -> String {
        let code = match look {
            Look::Place => "1",
            Look::Problem => "1;31",
            Look::Quiet => "2",
            Look::Caret => "31",
            Look::Good => "32",
        };
        match self {
            Self::On => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            Self::Off => text.to_owned(),
        }
    }
}

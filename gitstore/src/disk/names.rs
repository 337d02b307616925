//! Names that landing records refer to by number: who landed what.
//!
//! One name a line; its number is that of its line. A record is 40 bytes and a name may be 255, and few people land
//! many changes. A name is on disk before a record refers to it.

use std::{
    collections::HashMap,
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::Path,
};

/// Names that are kept; whoever comes later lands without one.
const NAMES_MAX: usize = 1_000_000;

pub(crate) struct Names {
    file: File,
    names: Vec<String>,
    numbers: HashMap<String, u32>,
}

impl Names {
    /// Opens the file, or makes it. A line that a crash tore was never referred to and goes.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let is_new = !path.exists();
        let file = OpenOptions::new().append(true).create(true).open(path)?;
        if is_new {
            File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()?;
        }
        let text = String::from_utf8_lossy(&fs::read(path)?).into_owned();
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        if whole < text.len() {
            file.set_len(whole as u64)?;
        }
        let mut names = Self { file, names: Vec::new(), numbers: HashMap::new() };
        text[..whole].lines().for_each(|name| names.remember(name));
        Ok(names)
    }

    /// Returns the number of a name, which is on disk then. 0 stands for nobody.
    pub(crate) fn number(&mut self, name: &str) -> io::Result<u32> {
        if let Some(number) = self.numbers.get(name) {
            return Ok(*number);
        }
        if self.names.len() >= NAMES_MAX || name.is_empty() || name.contains(['\n', '\r']) {
            return Ok(0);
        }
        let before = self.file.metadata()?.len();
        let written = self.file.write_all(format!("{name}\n").as_bytes()).and_then(|()| self.file.sync_all());
        if let Err(error) = written {
            let _ = self.file.set_len(before);
            return Err(error);
        }
        self.remember(name);
        Ok(self.numbers[name])
    }

    /// Returns the name with a number.
    pub(crate) fn name(&self, number: u32) -> Option<&str> {
        let index = usize::try_from(number).ok()?.checked_sub(1)?;
        self.names.get(index).map(String::as_str)
    }

    fn remember(&mut self, name: &str) {
        self.names.push(name.to_owned());
        let number = u32::try_from(self.names.len()).expect("the number of names is bounded");
        self.numbers.insert(name.to_owned(), number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_their_numbers_and_a_torn_one_goes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("names");
        let mut names = Names::open(&path).unwrap();
        assert_eq!(
            [names.number("ada").unwrap(), names.number("bob").unwrap(), names.number("ada").unwrap()],
            [1, 2, 1]
        );
        fs::write(&path, "ada\nbob\ncar").unwrap();
        let mut names = Names::open(&path).unwrap();
        assert_eq!((names.name(2), names.name(3), names.name(0)), (Some("bob"), None, None));
        assert_eq!(names.number("carol").unwrap(), 3);
        assert_eq!(Names::open(&path).unwrap().name(3), Some("carol"));
    }
}

//! Git's plumbing, for what no honest client would make.

use crate::git::{WorkingCopy, git};
use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdin, ChildStdout, Stdio},
};

/// Mode of a plain file.
pub const FILE: &str = "100644";
/// Mode of a directory.
pub const DIRECTORY: &str = "40000";

impl WorkingCopy {
    /// Stores an object as it is, whatever Git thinks of it, and returns its id.
    ///
    /// # Panics
    /// Panics when Git does not take it.
    pub fn object(&self, kind: &str, content: &[u8]) -> String {
        let mut command = git(self.path());
        command.args(["hash-object", "-t", kind, "-w", "--literally", "--stdin"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("git can be started");
        child.stdin.take().expect("standard input is piped").write_all(content).expect("git reads");
        let output = child.wait_with_output().expect("git ends");
        assert!(output.status.success(), "git hash-object failed");
        String::from_utf8(output.stdout).expect("an id is text").trim().to_owned()
    }

    /// Stores a file's content.
    pub fn blob(&self, content: &[u8]) -> String {
        self.object("blob", content)
    }

    /// Stores a directory with these entries (mode, name, id), in this order.
    pub fn tree(&self, entries: &[(&str, &[u8], &str)]) -> String {
        self.object("tree", &encoded_tree(entries))
    }

    /// Stores honest files by path as directories and returns the outermost.
    pub fn files(&self, files: &[(&str, &[u8])]) -> String {
        let mut directories: BTreeMap<&str, Vec<(&str, &[u8])>> = BTreeMap::new();
        let mut entries = Vec::new();
        for (path, content) in files {
            match path.split_once('/') {
                Some((name, rest)) => directories.entry(name).or_default().push((rest, content)),
                None => entries.push((format!("{path}\0"), FILE, (*path).to_owned(), self.blob(content))),
            }
        }
        for (name, below) in directories {
            entries.push((format!("{name}/"), DIRECTORY, name.to_owned(), self.files(&below)));
        }
        entries.sort();
        let entries: Vec<_> = entries.iter().map(|(_, mode, name, id)| (*mode, name.as_bytes(), id.as_str())).collect();
        self.tree(&entries)
    }

    /// Commits a directory on top of a commit.
    pub fn commit_tree(&self, parent: &str, tree: &str) -> String {
        self.git(&["commit-tree", "-m", "hostile", "-p", parent, tree]).expect_ok().stdout.trim().to_owned()
    }

    /// Stores a directory in itself, as often as wanted, below names of one kind.
    ///
    /// # Panics
    /// Panics when Git does not do it.
    pub fn nested(&self, name: &str, innermost: &str, levels: usize) -> String {
        let mut trees = TreeWriter::start(self);
        let nested = (0..levels).fold(innermost.to_owned(), |id, _| trees.write(&[("40000 tree", &id, name)]));
        trees.end();
        nested
    }

    /// Stores directories that hold the next ones under each of the names, down to files of one content: few objects, and
    /// as many paths as names to the power of levels.
    ///
    /// # Panics
    /// Panics when Git does not do it.
    pub fn repeated(&self, names: &[String], blob: &str, levels: usize) -> String {
        let mut trees = TreeWriter::start(self);
        let mut level = |kind: &str, id: &str| {
            let entries: Vec<_> = names.iter().map(|name| (kind, id, name.as_str())).collect();
            trees.write(&entries)
        };
        let files = level("100644 blob", blob);
        let repeated = (1..levels).fold(files, |id, _| level("40000 tree", &id));
        trees.end();
        repeated
    }
}

/// Returns a directory in Git's encoding; an entry is its mode, its name and what it names.
pub fn encoded_tree(entries: &[(&str, &[u8], &str)]) -> Vec<u8> {
    let mut encoded = Vec::new();
    for (mode, name, id) in entries {
        encoded.extend_from_slice(format!("{mode} ").as_bytes());
        encoded.extend_from_slice(name);
        encoded.push(0);
        let byte = |at: usize| u8::from_str_radix(&id[2 * at..2 * at + 2], 16).expect("an id is hex");
        encoded.extend((0..20).map(byte));
    }
    encoded
}

/// One `git mktree` that stores many directories.
struct TreeWriter {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl TreeWriter {
    fn start(copy: &WorkingCopy) -> Self {
        let mut command = git(copy.path());
        command.args(["mktree", "--batch", "--missing"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("git can be started");
        let input = child.stdin.take().expect("standard input is piped");
        let output = BufReader::new(child.stdout.take().expect("standard output is piped"));
        Self { child, input, output }
    }

    /// Stores a directory; an entry is its mode and kind, what it names, and its name.
    fn write(&mut self, entries: &[(&str, &str, &str)]) -> String {
        let lines: String = entries.iter().map(|(kind, id, name)| format!("{kind} {id}\t{name}\n")).collect();
        self.input.write_all(format!("{lines}\n").as_bytes()).expect("git reads");
        let mut id = String::new();
        self.output.read_line(&mut id).expect("git answers");
        id.trim().to_owned()
    }

    fn end(self) {
        drop(self.input);
        let output = { self.child }.wait_with_output().expect("git ends");
        assert!(output.status.success(), "git mktree failed");
    }
}

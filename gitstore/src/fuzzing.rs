//! What must hold for any bytes of Git's, for the fuzzers in `fuzz/` and for the tests that replay their findings; and
//! pushes of any objects at all, for the gate's fuzzer.

mod pushes;

pub use pushes::{Push, Pushes};

use crate::{
    advertisement,
    pkt_line::{self, Packet},
    raw_entries,
    read::commit,
};
use bytes::Bytes;
use configbus_model::{CommitId, EntryMode, Tree};

/// A target's name and what it does with any bytes.
pub type Target = (&'static str, fn(&[u8]));

/// Every target of this crate; `fuzz/` has a program of the same name for each.
pub const TARGETS: &[Target] = &[("objects", objects), ("wire", wire)];

/// Holds the two readers of packets to each other, and what is advertised to what stale clones need.
pub fn wire(data: &[u8]) {
    let (mut rest, mut stream) = (Bytes::copy_from_slice(data), data);
    while let Ok(Some(packet)) = pkt_line::take(&mut rest) {
        assert_eq!(pkt_line::read(&mut stream).expect("both read it"), Some(packet.clone()));
        if let Packet::Data(content) = packet {
            let mut written = Vec::new();
            pkt_line::write(&mut written, &content).expect("what was read can be written");
            assert_eq!(pkt_line::take(&mut written.into()).expect("it is read back"), Some(Packet::Data(content)));
        }
    }
    assert_eq!(rest, stream);
    let have = CommitId::from_bytes([7; 20]);
    let Ok(rewritten) = advertisement::rewrite(&Bytes::copy_from_slice(data), &[have]) else { return };
    let (mut rest, mut lines) = (rewritten, Vec::new());
    while let Some(packet) = pkt_line::take(&mut rest).expect("packets come out") {
        lines.push(packet);
    }
    assert!(rest.is_empty() && lines.pop() == Some(Packet::Flush), "{lines:?}");
    let holds = |line: &Packet, text: &str| {
        let Packet::Data(line) = line else { panic!("a mark within the lines") };
        let reference = line.split(|byte| *byte == 0).next().unwrap_or_default();
        String::from_utf8_lossy(reference)
            .trim_end_matches('\n')
            .split_once(' ')
            .is_some_and(|(id, name)| id.len() == 40 && id.bytes().all(|byte| byte.is_ascii_hexdigit()) && name == text)
    };
    assert!(lines.iter().any(|line| holds(line, ".have")), "{lines:?}");
    assert!(!lines.iter().any(|line| holds(line, "refs/heads/main")), "{lines:?}");
}

/// Holds the two readers of directories to each other, and reads a commit.
pub fn objects(data: &[u8]) {
    let raw: Vec<_> = raw_entries(data).collect();
    assert!(raw.iter().rev().skip(1).all(Option::is_some), "only the last entry can be where the encoding breaks");
    if let Ok(tree) = Tree::parse(Bytes::copy_from_slice(data)) {
        let strict = tree.entries().map(|entry| Some((entry.name.as_bytes(), Some(entry.mode), entry.id)));
        let lenient =
            raw.iter().map(|entry| entry.map(|entry| (entry.name, EntryMode::from_git(entry.mode), entry.id)));
        assert!(strict.eq(lenient), "{raw:?}");
        let again = Tree::build(tree.entries());
        assert!(again.entries().eq(tree.entries()));
    }
    let id = CommitId::from_bytes([1; 20]);
    if let Ok(read) = commit::parse(id, data) {
        assert!(read.subject().lines().count() <= 1);
        assert_eq!(commit::parse(id, data).expect("it is read again"), read);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, path::Path};

    #[test]
    fn nothing_that_was_ever_found_is_found_again() {
        for (name, target) in TARGETS {
            let mut inputs = 0;
            for folder in ["seeds", "findings"] {
                let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz").join(folder).join(name);
                for file in fs::read_dir(folder).into_iter().flatten() {
                    target(&fs::read(file.unwrap().path()).unwrap());
                    inputs += 1;
                }
            }
            assert!(inputs > 0, "{name} has no seeds");
        }
    }
}

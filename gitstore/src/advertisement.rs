//! What a pushing client is told about the repository.
//!
//! A stock client refuses by itself to push to a branch that it sees ahead of its own. So `main` is not shown as a
//! branch, but as `.have`: objects the client need not send. The push then reaches the server from any stale clone, and
//! the server decides whether it merges. More `.have` lines, of older heads, keep a stale clone from sending the whole
//! tree again, because pushing knows no negotiation.

use crate::{
    disk::refs::MAIN,
    pkt_line::{self, Packet, PktLineError},
};
use bytes::Bytes;
use configbus_model::{CommitId, ObjectId};

/// Name under which objects are advertised that are not refs.
const HAVE: &str = ".have";
/// What stands in place of a ref when a repository has none.
const NO_REFS: &str = "capabilities^{}";

/// Rewrites the answer of `receive-pack` so that stale clones may push: `main` goes, `haves` (the head first, see
/// [`crate::Store::have_commits`]) come as `.have` lines. Input and output are packets up to and including the flush.
///
/// Capabilities ride on the first ref line, whichever it is; but a line that says that there are no refs must not be
/// followed by others, so it stays only if nothing else is left.
pub fn rewrite(advertised: &Bytes, haves: &[CommitId]) -> Result<Bytes, PktLineError> {
    let parsed = parse(advertised)?;
    let haves = haves.iter().map(|commit| (ObjectId::from(*commit).to_string(), HAVE.to_owned()));
    let refs = parsed.refs.into_iter().filter(|(_, name)| name != MAIN && name != NO_REFS);
    let mut lines: Vec<_> = refs.chain(haves).collect();
    if lines.is_empty() {
        lines.push((ObjectId::ZERO.to_string(), NO_REFS.to_owned()));
    }
    let mut output = Vec::with_capacity(advertised.len());
    for line in &parsed.before {
        pkt_line::write(&mut output, line)?;
    }
    for (index, (id, name)) in lines.iter().enumerate() {
        let mut line = format!("{id} {name}").into_bytes();
        if index == 0 {
            line.push(0);
            line.extend_from_slice(&parsed.capabilities);
        }
        line.push(b'\n');
        pkt_line::write(&mut output, &line)?;
    }
    for line in &parsed.after {
        pkt_line::write(&mut output, line)?;
    }
    pkt_line::write_flush(&mut output)?;
    Ok(output.into())
}

#[derive(Default)]
struct Advertisement {
    /// `version 1`, should the client have asked for it.
    before: Vec<Bytes>,
    refs: Vec<(String, String)>,
    capabilities: Bytes,
    /// `shallow` lines.
    after: Vec<Bytes>,
}

fn parse(advertised: &Bytes) -> Result<Advertisement, PktLineError> {
    let (mut rest, mut parsed, mut seen_capabilities) = (advertised.clone(), Advertisement::default(), false);
    while let Some(packet) = pkt_line::take(&mut rest)? {
        let Packet::Data(line) = packet else { break };
        let end = line.iter().position(|&b| b == 0);
        let reference = end.map_or(&line[..], |end| &line[..end]);
        match parse_reference(reference) {
            Some(reference) => parsed.refs.push(reference),
            None if parsed.refs.is_empty() => parsed.before.push(line.clone()),
            None => parsed.after.push(line.clone()),
        }
        if let (Some(end), false) = (end, seen_capabilities) {
            seen_capabilities = true;
            let length = line.len() - usize::from(line.ends_with(b"\n"));
            parsed.capabilities = line.slice(end + 1..length);
        }
    }
    Ok(parsed)
}

fn parse_reference(line: &[u8]) -> Option<(String, String)> {
    let (id, name) = std::str::from_utf8(line).ok()?.trim_end_matches('\n').split_once(' ')?;
    id.parse::<ObjectId>().ok()?;
    Some((id.to_owned(), name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
    const ZERO: &str = "0000000000000000000000000000000000000000";

    fn packets(lines: &[&str]) -> Bytes {
        let mut wire = Vec::new();
        for line in lines {
            pkt_line::write(&mut wire, format!("{line}\n").as_bytes()).unwrap();
        }
        pkt_line::write_flush(&mut wire).unwrap();
        wire.into()
    }

    fn check_rewritten(input: &[&str], haves: &[&str], expected: &[&str]) {
        let haves: Vec<CommitId> = haves.iter().map(|id| id.parse().unwrap()).collect();
        assert_eq!(rewrite(&packets(input), &haves).unwrap(), packets(expected), "{input:?}");
    }

    #[test]
    fn main_becomes_a_have_line_and_capabilities_ride_on_the_first_line() {
        let main = format!("{A} refs/heads/main\0report-status-v2 push-options");
        check_rewritten(
            &[&main],
            &[A, B],
            &[&format!("{A} .have\0report-status-v2 push-options"), &format!("{B} .have")],
        );
        let other = format!("{B} refs/heads/other\0caps");
        let expected = [other.as_str(), &format!("{A} .have")];
        check_rewritten(&[&other, &format!("{A} refs/heads/main")], &[A], &expected);
        let main = format!("{A} refs/heads/main\0caps");
        check_rewritten(
            &[&main, &format!("{B} refs/tags/v1")],
            &[A],
            &[&format!("{B} refs/tags/v1\0caps"), &format!("{A} .have")],
        );
    }

    #[test]
    fn an_empty_repository_stays_as_it_is() {
        let line = format!("{ZERO} capabilities^{{}}\0caps with agent=git/2");
        check_rewritten(&[&line], &[], &[&line]);
    }

    #[test]
    fn lines_that_are_no_refs_keep_their_place() {
        let main = format!("{A} refs/heads/main\0caps");
        let shallow = format!("shallow {B}");
        let expected = ["version 1", &format!("{A} .have\0caps"), &shallow];
        check_rewritten(&["version 1", &main, &shallow], &[A], &expected);
    }

    #[test]
    fn the_last_ref_gone_leaves_a_line_for_the_capabilities() {
        let main = format!("{A} refs/heads/main\0caps");
        check_rewritten(&[&main], &[], &[&format!("{ZERO} capabilities^{{}}\0caps")]);
    }
}

//! The lines of a commit message that say which request made it.

use super::{Fingerprint, RequestId};
use crate::failure::Failure;

/// What names the id, as people see it in `git log`.
const ID: &str = "Request-Id";
/// What names the fingerprint of what was asked for.
const FINGERPRINT: &str = "Request-Fingerprint";

/// Refuses a message that says by itself which request made it.
pub(crate) fn check_message(message: &str) -> Result<(), Failure> {
    let forged = |line: &str| [ID, FINGERPRINT].iter().any(|name| value(line, name).is_some());
    match message.lines().find(|line| forged(line)) {
        Some(_) => Err(Failure::invalid(format!("a message has no lines {ID}: and {FINGERPRINT}:, give request_id"))),
        None => Ok(()),
    }
}

/// Adds the trailers to a message.
pub(crate) fn with_trailers(message: &str, id: &RequestId, fingerprint: Fingerprint) -> String {
    let message = message.trim_end();
    let gap = if ends_in_trailers(message) { "\n" } else { "\n\n" };
    format!("{message}{gap}{ID}: {id}\n{FINGERPRINT}: {fingerprint}\n")
}

/// Reads the trailers back; only from the last paragraph, and only together.
pub(super) fn read(message: &str) -> Option<(RequestId, Fingerprint)> {
    let last = message.trim_end().rsplit("\n\n").next()?;
    let id = last.lines().find_map(|line| value(line, ID))?;
    let fingerprint = last.lines().find_map(|line| value(line, FINGERPRINT))?;
    Some((RequestId::parse(id).ok()??, fingerprint.parse().ok()?))
}

fn value<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let (key, value) = line.split_once(':')?;
    key.trim().eq_ignore_ascii_case(name).then(|| value.trim())
}

/// Returns whether the last of several paragraphs is nothing but trailers already.
fn ends_in_trailers(message: &str) -> bool {
    let is_key = |key: &str| !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let is_trailer = |line: &str| line.split_once(": ").is_some_and(|(key, _)| is_key(key));
    message.rsplit_once("\n\n").is_some_and(|(_, last)| last.lines().all(is_trailer))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id() -> RequestId {
        RequestId::parse("deploy-7").unwrap().unwrap()
    }

    #[test]
    fn what_is_added_is_read_back_and_joins_other_trailers() {
        let print = Fingerprint::of_fields(["x"]);
        for (message, expected) in [
            ("raise", "raise\n\nRequest-Id: deploy-7\nRequest-Fingerprint: "),
            ("raise\n\nTicket: 5\n", "raise\n\nTicket: 5\nRequest-Id: deploy-7\nRequest-Fingerprint: "),
            ("raise\n\nNote that: it\nis prose", "is prose\n\nRequest-Id: deploy-7\nRequest-Fingerprint: "),
            ("Fix: it", "Fix: it\n\nRequest-Id: deploy-7\nRequest-Fingerprint: "),
        ] {
            let full = with_trailers(message, &id(), print);
            assert!(full.contains(expected), "{full}");
            assert_eq!(read(&full), Some((id(), print)));
        }
        assert_eq!(read("raise\n\nRequest-Id: deploy-7\n"), None);
        let quoted = format!("{}\nmore text\n", with_trailers("raise", &id(), print));
        assert_eq!(read(&format!("{quoted}\n\nend")), None);
    }

    #[test]
    fn nobody_writes_them_by_hand() {
        assert!(check_message("fine\n\nTicket: 4").is_ok());
        assert!(check_message("x\n\nrequest-id : 4").is_err());
        assert!(check_message("Request-Fingerprint: 00").is_err());
    }
}

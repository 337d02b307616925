//! What a fetch asks for, in version 2 of Git's protocol. Older versions hand out advertised commits alone.

use configbus_model::ObjectId;

/// Longest request: some hundred thousand objects, as a partial clone that is checked out asks for.
pub(super) const REQUEST_BYTES_MAX: usize = 16 * 1024 * 1024;

const LENGTH_BYTES: usize = 4;

/// A request as far as it has been read.
#[derive(Debug, Default)]
pub(super) struct FetchRequest {
    read_bytes: usize,
    wants: Vec<ObjectId>,
}

impl FetchRequest {
    /// Reads on in the bytes of the request; returns whether it is over, or is none that Git would read either.
    pub(super) fn read(&mut self, bytes: &[u8]) -> bool {
        loop {
            let rest = &bytes[self.read_bytes..];
            let Some((length, _)) = rest.split_at_checked(LENGTH_BYTES) else { return false };
            let length = std::str::from_utf8(length).ok().and_then(|text| usize::from_str_radix(text, 16).ok());
            match length {
                // Delimiter and end of a response carry nothing.
                Some(1 | 2) => self.read_bytes += LENGTH_BYTES,
                Some(length) if length >= LENGTH_BYTES => {
                    let Some((line, _)) = rest.split_at_checked(length) else { return false };
                    self.wants.extend(want(&line[LENGTH_BYTES..]));
                    self.read_bytes += length;
                }
                _ => return true,
            }
        }
    }

    /// Returns the objects that it wants.
    pub(super) fn into_wants(self) -> Vec<ObjectId> {
        self.wants
    }
}

fn want(line: &[u8]) -> Option<ObjectId> {
    let id = line.strip_prefix(b"want ")?.trim_ascii();
    // Git takes the id and looks at nothing behind it.
    let id = id.get(..40)?.to_ascii_lowercase();
    std::str::from_utf8(&id).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(content: &str) -> String {
        format!("{:04x}{content}", content.len() + LENGTH_BYTES)
    }

    #[test]
    fn wants_are_read_whatever_comes_in_how_many_pieces() {
        let (one, two) = (ObjectId::from_bytes([0xab; 20]), ObjectId::from_bytes([2; 20]));
        let text = [
            line("command=fetch"),
            line("agent=git/2"),
            "0001".into(),
            line("ofs-delta"),
            line(&format!("want {one}\n")),
            line(&format!("want {} x", two.to_string().to_uppercase())),
            line(&format!("have {}", ObjectId::from_bytes([3; 20]))),
            line("done\n"),
            "0000".into(),
        ]
        .concat();
        let mut request = FetchRequest::default();
        for end in 0..text.len() {
            assert!(!request.read(&text.as_bytes()[..end]), "{end}");
        }
        assert!(request.read(text.as_bytes()));
        assert_eq!(request.into_wants(), [one, two]);
        assert!(FetchRequest::default().read(b"zzzz"));
    }
}

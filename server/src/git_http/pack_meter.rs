//! How long the pack of a push is, and telling the pusher when it is too long.
//!
//! Git refuses such a pack itself (`receive.maxInputSize`) and removes what it has of it, but says neither whose limit it is
//! nor what to do, and an error of HTTP would not be shown at all. So the pack is measured on its way in by the count that Git
//! uses, and a line of ours goes out on the channel of Git's own complaint.

use bytes::{Bytes, BytesMut};
use configbus_model::at_most;
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// Digits that say how long a packet is.
const DIGITS: usize = 4;

/// Channel of text that the client prints after `remote:`.
const TEXT_CHANNEL: u8 = 2;

/// What a client says that listens to channels.
const CHANNELS: &[u8] = b"side-band-64k";

/// What both directions know.
#[derive(Debug, Default)]
struct Shared {
    is_over: AtomicBool,
    has_channels: AtomicBool,
}

/// Measures what comes in.
#[derive(Debug)]
pub(super) struct PackMeter {
    at: At,
    bytes_max: u64,
    pack_bytes: u64,
    first: Option<Vec<u8>>,
    shared: Arc<Shared>,
}

/// Where in the request the next byte stands.
#[derive(Debug)]
enum At {
    Length {
        digits: [u8; DIGITS],
        filled: usize,
    },
    Packet {
        left: usize,
    },
    Pack,
    /// Not what Git sends; Git says so.
    Unknown,
}

/// Does something when the push is over, if its pack was too large. Git refuses it before any hook is asked.
pub(super) struct WhenOver {
    act: Option<Box<dyn FnOnce() + Send>>,
    shared: Arc<Shared>,
}

/// Puts a line among what goes out.
#[derive(Debug)]
pub(super) struct PackNote {
    text: Option<String>,
    packets: Boundaries,
    shared: Arc<Shared>,
}

/// Watches both directions of one push.
pub(super) fn watch(bytes_max: u64) -> (PackMeter, PackNote) {
    let shared = Arc::<Shared>::default();
    let meter =
        PackMeter { at: At::start(), bytes_max, pack_bytes: 0, first: Some(Vec::new()), shared: Arc::clone(&shared) };
    let limit = at_most(bytes_max, "bytes", "limits.push_bytes_max");
    // Broken where reports are: the client puts `remote: ` before each line.
    let text = format!(
        "configbus: the pack of this push is too large; push fewer commits at a time, or\n    keep large files elsewhere \
         and commit their address and checksum:\n    found more than {bytes_max} bytes,\n    expected {limit}\n"
    );
    (meter, PackNote { text: Some(text), packets: Boundaries::default(), shared })
}

impl At {
    fn start() -> Self {
        Self::Length { digits: [0; DIGITS], filled: 0 }
    }

    /// Returns where it goes on after the digits of a length, or after the beginning of the pack.
    fn after(digits: [u8; DIGITS]) -> Self {
        if &digits == b"PACK" {
            return Self::Pack;
        }
        match packet_bytes(digits) {
            Some(0) => Self::start(),
            Some(left) => Self::Packet { left },
            None => Self::Unknown,
        }
    }
}

impl PackMeter {
    /// Returns what acts when it is dropped.
    pub(super) fn when_over(&self, act: impl FnOnce() + Send + 'static) -> WhenOver {
        WhenOver { act: Some(Box::new(act)), shared: Arc::clone(&self.shared) }
    }

    /// Looks at a piece of the request before Git gets it.
    pub(super) fn look(&mut self, piece: &[u8]) {
        let mut rest = piece;
        while !rest.is_empty() {
            let used = match &mut self.at {
                At::Pack => {
                    self.pack_bytes += rest.len() as u64;
                    rest.len()
                }
                At::Unknown => rest.len(),
                At::Packet { left } => {
                    let used = rest.len().min(*left);
                    if let Some(first) = &mut self.first {
                        first.extend_from_slice(&rest[..used]);
                    }
                    *left -= used;
                    if *left == 0 {
                        self.at = At::start();
                        self.end_of_first();
                    }
                    used
                }
                At::Length { digits, filled } => {
                    digits[*filled] = rest[0];
                    *filled += 1;
                    if *filled == DIGITS {
                        self.at = At::after(*digits);
                        self.pack_bytes += if matches!(self.at, At::Pack) { DIGITS as u64 } else { 0 };
                    }
                    1
                }
            };
            rest = &rest[used..];
        }
        if self.pack_bytes > self.bytes_max {
            self.shared.is_over.store(true, Ordering::Release);
        }
    }

    /// The first packet says what the client can do.
    fn end_of_first(&mut self) {
        let first = self.first.take().unwrap_or_default();
        if first.windows(CHANNELS.len()).any(|window| window == CHANNELS) {
            self.shared.has_channels.store(true, Ordering::Release);
        }
    }
}

impl Drop for WhenOver {
    fn drop(&mut self) {
        if let Some(act) = self.act.take().filter(|_| self.shared.is_over.load(Ordering::Acquire)) {
            act();
        }
    }
}

impl PackNote {
    /// Returns what goes out in place of a piece of Git's answer.
    pub(super) fn put_into(&mut self, piece: Bytes) -> Bytes {
        let is_due = self.text.is_some()
            && self.shared.is_over.load(Ordering::Acquire)
            && self.shared.has_channels.load(Ordering::Acquire);
        let place = self.packets.pass(&piece, is_due);
        let (Some(place), true) = (place, is_due) else { return piece };
        let Some(text) = self.text.take() else { return piece };
        let mut out = BytesMut::with_capacity(piece.len() + text.len() + DIGITS + 1);
        out.extend_from_slice(&piece[..place]);
        out.extend_from_slice(format!("{:04x}", text.len() + DIGITS + 1).as_bytes());
        out.extend_from_slice(&[TEXT_CHANNEL]);
        out.extend_from_slice(text.as_bytes());
        out.extend_from_slice(&piece[place..]);
        out.freeze()
    }
}

/// Where packets begin in what goes out.
#[derive(Debug, Default)]
struct Boundaries {
    digits: [u8; DIGITS],
    filled: usize,
    left: usize,
}

impl Boundaries {
    /// Goes over a piece and returns the first place in it at which a packet begins, if one is wanted.
    fn pass(&mut self, piece: &[u8], is_wanted: bool) -> Option<usize> {
        let (mut at, mut found) = (0, None);
        while at < piece.len() {
            if self.left > 0 {
                let used = self.left.min(piece.len() - at);
                (self.left, at) = (self.left - used, at + used);
                continue;
            }
            if is_wanted && found.is_none() && self.filled == 0 {
                found = Some(at);
            }
            self.digits[self.filled] = piece[at];
            (self.filled, at) = (self.filled + 1, at + 1);
            if self.filled == DIGITS {
                (self.filled, self.left) = (0, packet_bytes(self.digits).unwrap_or_default());
            }
        }
        found
    }
}

/// Returns how much follows the digits of a length; what is shorter than its own digits is a mark that nothing follows.
fn packet_bytes(digits: [u8; DIGITS]) -> Option<usize> {
    let text = std::str::from_utf8(&digits).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    Some(usize::from_str_radix(text, 16).ok()?.saturating_sub(DIGITS))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(content: &str) -> String {
        format!("{:04x}{content}", content.len() + DIGITS)
    }

    /// A push of one reference with options and a pack of so many bytes.
    fn push(capabilities: &str, pack_bytes: usize) -> Vec<u8> {
        let command = packet(&format!("{0} {0} refs/heads/main\0{capabilities}", "0".repeat(40)));
        let options = format!("{}0000", packet("dry-run"));
        [command.as_bytes(), b"0000", options.as_bytes(), b"PACK", &vec![b'0'; pack_bytes - DIGITS]].concat()
    }

    fn answered(request: &[u8], piece_bytes: usize, bytes_max: u64) -> String {
        let (mut meter, mut note) = watch(bytes_max);
        request.chunks(piece_bytes).for_each(|piece| meter.look(piece));
        let answer = format!("{}{}0000", packet("\u{2}fatal: x\n"), packet("\u{1}unpack error"));
        let pieces = answer.as_bytes().chunks(piece_bytes);
        let out: Vec<u8> = pieces.flat_map(|piece| note.put_into(Bytes::copy_from_slice(piece)).to_vec()).collect();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_pack_over_the_limit_is_told_once_wherever_the_stream_is_cut() {
        for piece_bytes in [1, 2, 5, 64, 10_000] {
            let told = answered(&push("report-status side-band-64k", 1_001), piece_bytes, 1_000);
            assert_eq!(told.matches("setting limits.push_bytes_max").count(), 1, "{told}");
            let mut packets = Bytes::from(told);
            let mut count = 0;
            while let Some(_packet) = configbus_gitstore::pkt_line::take(&mut packets).unwrap() {
                count += 1;
            }
            assert_eq!((count, packets.len()), (4, 0));
        }
    }

    #[test]
    fn the_limit_itself_passes_and_commands_do_not_count() {
        assert!(!answered(&push("side-band-64k", 1_000), 7, 1_000).contains("limits"));
    }

    #[test]
    fn a_client_without_channels_and_what_is_no_push_get_git_s_answer_alone() {
        assert!(!answered(&push("report-status", 1_001), 7, 1_000).contains("limits"));
        assert!(!answered(&vec![b'z'; 5_000], 7, 1_000).contains("limits"));
    }
}

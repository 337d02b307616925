//! Git's framing: four hex digits of length, then that many bytes.
//!
//! Spoken on the wire of push and fetch, and between `receive-pack` and the proc-receive hook (gitprotocol-common).

use bytes::Bytes;
use configbus_model::ErrorKind;
use std::io::{self, Read, Write};

/// Most bytes of content in one packet.
pub const CONTENT_BYTES_MAX: usize = 65_516;
const HEADER_BYTES: usize = 4;

/// One packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Packet {
    /// Content.
    Data(Bytes),
    /// `0000`, ends a section.
    Flush,
    /// `0001`, separates parts of a section.
    Delimiter,
    /// `0002`, ends a response of protocol version 2.
    ResponseEnd,
}

/// Why bytes are not packets.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PktLineError {
    /// The length is not four hex digits, or not a length that exists.
    #[error("{header:?} is not the length of a packet, expected 0000 to fff0 in hex")]
    Length {
        /// What stood there.
        header: String,
    },
    /// More than one packet holds.
    #[error("content of {bytes} bytes does not fit a packet, at most {CONTENT_BYTES_MAX} do")]
    TooLong {
        /// Its size.
        bytes: usize,
    },
    /// The stream broke off or failed.
    #[error("failed to read or write a packet")]
    Io(#[from] io::Error),
}

impl PktLineError {
    /// Returns what kind of failure this is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Length { .. } | Self::TooLong { .. } => ErrorKind::Invalid,
            Self::Io(_) => ErrorKind::Unavailable,
        }
    }
}

/// Takes the first packet off `input`; `None` when it is not complete yet.
pub fn take(input: &mut Bytes) -> Result<Option<Packet>, PktLineError> {
    let Some(header) = input.get(..HEADER_BYTES) else { return Ok(None) };
    let (packet, bytes) = match length(header)? {
        Length::Marker(packet) => (packet, HEADER_BYTES),
        Length::Whole(whole) if input.len() < whole => return Ok(None),
        Length::Whole(whole) => (Packet::Data(input.slice(HEADER_BYTES..whole)), whole),
    };
    *input = input.slice(bytes..);
    Ok(Some(packet))
}

/// Reads one packet; `None` when the stream ends before it.
pub fn read(reader: &mut impl Read) -> Result<Option<Packet>, PktLineError> {
    let mut header = [0; HEADER_BYTES];
    if !read_header(reader, &mut header)? {
        return Ok(None);
    }
    match length(&header)? {
        Length::Marker(packet) => Ok(Some(packet)),
        Length::Whole(whole) => {
            let mut content = vec![0; whole - HEADER_BYTES];
            reader.read_exact(&mut content)?;
            Ok(Some(Packet::Data(content.into())))
        }
    }
}

/// Writes one packet with content.
pub fn write(writer: &mut impl Write, content: &[u8]) -> Result<(), PktLineError> {
    if content.len() > CONTENT_BYTES_MAX {
        return Err(PktLineError::TooLong { bytes: content.len() });
    }
    write!(writer, "{:04x}", content.len() + HEADER_BYTES)?;
    Ok(writer.write_all(content)?)
}

/// Writes the packet that ends a section.
pub fn write_flush(writer: &mut impl Write) -> Result<(), PktLineError> {
    Ok(writer.write_all(b"0000")?)
}

enum Length {
    Marker(Packet),
    Whole(usize),
}

fn length(header: &[u8]) -> Result<Length, PktLineError> {
    let digits = std::str::from_utf8(header).ok().filter(|text| text.bytes().all(|b| b.is_ascii_hexdigit()));
    match digits.and_then(|text| usize::from_str_radix(text, 16).ok()) {
        Some(0) => Ok(Length::Marker(Packet::Flush)),
        Some(1) => Ok(Length::Marker(Packet::Delimiter)),
        Some(2) => Ok(Length::Marker(Packet::ResponseEnd)),
        Some(whole @ HEADER_BYTES..=0xfff0) => Ok(Length::Whole(whole)),
        _ => Err(PktLineError::Length { header: String::from_utf8_lossy(header).into_owned() }),
    }
}

/// Returns whether there was a header; a stream that ends inside one is an error.
fn read_header(reader: &mut impl Read, header: &mut [u8; HEADER_BYTES]) -> io::Result<bool> {
    let mut filled = 0;
    while filled < HEADER_BYTES {
        match reader.read(&mut header[filled..]) {
            Ok(0) if filled == 0 => return Ok(false),
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_taken(input: &'static [u8]) -> (Vec<Packet>, usize) {
        let (mut rest, mut packets) = (Bytes::from_static(input), Vec::new());
        while let Some(packet) = take(&mut rest).unwrap() {
            packets.push(packet);
        }
        (packets, rest.len())
    }

    #[test]
    fn packets_come_off_in_order_and_an_incomplete_one_stays() {
        let (packets, left) = check_taken(b"0006a\n0000000100020004000");
        let empty = Packet::Data(Bytes::new());
        let data = Packet::Data(Bytes::from_static(b"a\n"));
        assert_eq!(packets, [data, Packet::Flush, Packet::Delimiter, Packet::ResponseEnd, empty]);
        assert_eq!(left, 3);
    }

    #[test]
    fn what_is_written_is_read_back() {
        let mut wire = Vec::new();
        write(&mut wire, b"hello").unwrap();
        write_flush(&mut wire).unwrap();
        let mut reader = &wire[..];
        assert_eq!(read(&mut reader).unwrap(), Some(Packet::Data(Bytes::from_static(b"hello"))));
        assert_eq!(read(&mut reader).unwrap(), Some(Packet::Flush));
        assert_eq!(read(&mut reader).unwrap(), None);
    }

    #[test]
    fn impossible_lengths_are_refused() {
        for bad in ["0003", "fff1", "+0a0", "zzzz", "-001"] {
            let error = read(&mut bad.as_bytes()).unwrap_err();
            assert!(matches!(error, PktLineError::Length { .. }), "{bad}: {error}");
        }
        assert!(matches!(write(&mut Vec::new(), &vec![0; CONTENT_BYTES_MAX + 1]), Err(PktLineError::TooLong { .. })));
        assert!(write(&mut Vec::new(), &vec![0; CONTENT_BYTES_MAX]).is_ok());
    }

    #[test]
    fn a_stream_that_breaks_off_is_an_error() {
        assert!(read(&mut &b"00"[..]).is_err());
        assert!(read(&mut &b"0009ab"[..]).is_err());
    }
}
